"""Contestants that run training loops: ours through its own session, the peers' `learn`."""

from __future__ import annotations

import atexit
import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from launch.benchmarks.contestant import Work
from launch.benchmarks.tasks import BATCH
from launch.training.allocator import tune_allocator

_WARM_UP = 500  # random steps before the first update
_FOREVER = 10**9


def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="benchmark-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _session(**values: Any) -> Work:
    from launch.config.run import RunConfig
    from launch.config.tree import replace_leaves
    from launch.signals import StopRequest
    from launch.training.environments import make_env
    from launch.training.loop import train
    from launch.training.session import open_session

    config = replace_leaves(
        RunConfig(),
        {
            "steps": _FOREVER,
            "learning_starts": _WARM_UP,
            "batch_size": BATCH,
            "eval_every": 0,
            "checkpoint_every": 0,
            "save_replay": False,
            **values,
        },
    )
    env = make_env(config)
    session = open_session(config, _folder(), [env], StopRequest(), None)
    atexit.register(session.close)

    def work(count: int) -> None:
        loop = dataclasses.replace(config.loop, steps=session.step + count)
        session.config = dataclasses.replace(config, loop=loop)
        train(session)

    work(_WARM_UP + 2)
    return work


def halfcheetah() -> Work:
    """Ours, the sizes and rates of SB3's and SBX's defaults."""
    rates = {"actor_lr": 1e-3, "critic_lr": 1e-3}
    return _session(env="HalfCheetah-v5", capacity=1_000_000, **rates)


def halfcheetah_alone() -> Work:
    """The environment's steps, under one random action."""
    import gymnasium

    env = gymnasium.make("HalfCheetah-v5")
    env.reset(seed=0)
    action = env.action_space.sample()

    def work(count: int) -> None:
        for _ in range(count):
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()

    return work


def driving(learn: bool) -> Work:
    """Ours on the stand-in, or with `learn` off its ticks alone: random actions, no update."""
    tune_allocator()
    if learn:
        return _session(capacity=20_000, critic_norm="layer")
    from launch.config.run import RunConfig
    from launch.training.environments import begin_step, finish_step, make_env, start_episode

    env = make_env(RunConfig())
    atexit.register(env.close)
    seed = 0
    start_episode(env, seed)

    def work(count: int) -> None:
        nonlocal seed
        for _ in range(count):
            action = env.action_space.sample()
            begin_step(env, action)
            _, _, terminated, truncated, _ = finish_step(env, action)
            if terminated or truncated:
                seed += 1
                start_episode(env, seed)

    return work


def _peer(algorithm: Any, **options: Any) -> Work:
    from stable_baselines3.common.logger import configure

    model = algorithm(
        "MlpPolicy",
        "HalfCheetah-v5",
        batch_size=BATCH,
        policy_kwargs={"net_arch": [256, 256]},
        learning_starts=_WARM_UP,
        train_freq=1,
        gradient_steps=1,
        **options,
    )
    model.set_logger(configure(str(_folder()), ["csv", "tensorboard"]))
    model.learn(_WARM_UP + 2)
    return lambda count: model.learn(count, reset_num_timesteps=False)


def sbx_halfcheetah() -> Work:
    """SBX's TD3."""
    from sbx import TD3

    return _peer(TD3)


def sb3_halfcheetah() -> Work:
    """SB3's TD3."""
    from stable_baselines3 import TD3

    return _peer(TD3, device="cpu")
