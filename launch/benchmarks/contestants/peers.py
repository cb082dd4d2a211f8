"""The peers: stable-baselines3 (torch) and sbx-rl (jax), as they come or tuned."""

from __future__ import annotations

import os
from typing import Any

import gymnasium
import numpy as np

from launch.benchmarks.contestant import Work, repeated
from launch.benchmarks.tasks import BATCH, EPISODE, TASKS, Data


class Replayed(gymnasium.Env[Any, Any]):
    """Random observations of a task's shapes, at no cost."""

    def __init__(self, task: str, channels_first: bool) -> None:
        sizes = TASKS[task]
        self._data, self._step = Data(task), 0
        vector = gymnasium.spaces.Box(-np.inf, np.inf, (sizes["vector"],), np.float32)
        if sizes["image"]:
            shape = (4, 84, 84) if channels_first else sizes["image"]
            if channels_first:
                images = self._data.images.transpose(0, 3, 1, 2)
                self._data.images = np.ascontiguousarray(images)
            image = gymnasium.spaces.Box(0, 255, shape, np.uint8)
            parts: dict[str, gymnasium.Space[Any]] = {"image": image, "vector": vector}
            self.observation_space: Any = gymnasium.spaces.Dict(parts)
        else:
            self.observation_space = vector
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (sizes["action"],), np.float32)

    def _observation(self) -> Any:
        parts = self._data.observation(self._step)
        return parts if "image" in parts else parts["vector"]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return self._observation(), {}

    def step(self, action: Any) -> Any:
        self._step += 1
        reward = float(self._data.rewards[self._step % 256])
        return self._observation(), reward, False, self._step % EPISODE == 0, {}


def _sb3(task: str, capacity: int = 2000, tuned: bool = False, device: str = "cpu") -> Any:
    import torch
    from stable_baselines3 import TD3

    if device == "cuda" and not torch.cuda.is_available():
        raise ModuleNotFoundError("torch without CUDA", name="torch with CUDA")
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    options: dict[str, Any] = {"net_arch": [256, 256]}
    if task == "pixels":
        options["features_extractor_kwargs"] = {"cnn_output_dim": 512}
    model = TD3(
        "MultiInputPolicy" if task == "pixels" else "MlpPolicy",
        Replayed(task, channels_first=True),
        learning_rate=3e-4,
        buffer_size=capacity,
        batch_size=BATCH,
        policy_kwargs=options,
        learning_starts=capacity,
        device=device,
    )
    if tuned and task == "pixels":
        policy: Any = model.policy
        policy.to(memory_format=torch.channels_last)
    return model


def _filled(model: Any, steps: int) -> Any:
    model.learn(steps)  # random actions only: learning_starts is not passed
    return model


def sb3_update(task: str, tuned: bool = False, device: str = "cpu") -> Work:
    """Gradient steps of SB3's TD3, sampling included, as its `train` does."""
    model = _filled(_sb3(task, tuned=tuned, device=device), 2000)
    return lambda count: model.train(gradient_steps=count, batch_size=BATCH)


def sb3_act(task: str) -> Work:
    """SB3's `predict`, one observation."""
    model, data = _sb3(task, capacity=10), Data(task)
    if task == "pixels":
        data.images = np.ascontiguousarray(data.images.transpose(0, 3, 1, 2))

    def work(count: int) -> None:
        for i in range(count):
            parts = data.observation(i)
            model.predict(parts if task == "pixels" else parts["vector"], deterministic=True)

    return work


def sb3_sample(task: str, capacity: int) -> Work:
    """SB3's replay buffer of the same capacity."""
    buffer = _filled(_sb3(task, capacity=capacity), capacity).replay_buffer
    return repeated(lambda: buffer.sample(BATCH))


def sb3_buffer_bytes(task: str, capacity: int = 1000) -> float:
    """Bytes a transition in SB3's buffer."""
    buffer = _sb3(task, capacity=capacity).replay_buffer
    parts = [buffer.observations, buffer.next_observations, buffer.actions, buffer.rewards]
    arrays: list[Any] = [buffer.dones, buffer.timeouts]
    for part in parts:
        arrays += part.values() if isinstance(part, dict) else [part]
    return sum(array.nbytes for array in arrays) / capacity


def sbx_update(calls: int = 1) -> Work:
    """Gradient steps of SBX's TD3 on the vector task, `calls` in one jitted loop."""
    from sbx import TD3

    model = TD3(
        "MlpPolicy",
        Replayed("vector", channels_first=False),
        learning_rate=3e-4,
        buffer_size=2000,
        batch_size=BATCH,
        policy_kwargs={"net_arch": [256, 256]},
        learning_starts=2000,
    )
    model = _filled(model, 2000)

    def work(count: int) -> None:
        for _ in range(max(1, count // calls)):
            model.train(calls, BATCH)

    return work


def sbx_act() -> Work:
    """SBX's `predict`, one vector observation."""
    from sbx import TD3

    model = TD3("MlpPolicy", Replayed("vector", channels_first=False), buffer_size=10)
    data = Data("vector")
    return repeated(lambda: model.predict(data.vectors[0], deterministic=True))
