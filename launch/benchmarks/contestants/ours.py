"""Our contestants."""

from __future__ import annotations

from typing import Any

import numpy as np

from launch.benchmarks.contestant import Work, repeated
from launch.benchmarks.tasks import BATCH, EPISODE, TASKS, Data
from launch.training.allocator import tune_allocator


def _spaces(task: str, image: int = 0) -> Any:
    from td3jax.config import Spaces

    sizes = TASKS[task]
    shape = (image, image, 4) if image else sizes["image"]
    return Spaces(shape, sizes["vector"], sizes["action"])


def filled_buffer(task: str, capacity: int, image: int = 0) -> Any:
    from td3jax.config import ReplayConfig
    from td3jax.replay.buffer import ReplayBuffer

    spaces, data = _spaces(task, image), Data(task)
    if image:
        rng = np.random.default_rng(0)
        data.images = rng.integers(0, 256, (8, *spaces.image), dtype=np.uint8).repeat(32, axis=0)
    buffer = ReplayBuffer(ReplayConfig(capacity=capacity), spaces, 0.99)
    for i in range(capacity):
        if i % EPISODE == 0:
            buffer.begin(data.first_observation(i))
        following, over = data.observation(i + 1), i % EPISODE == EPISODE - 1
        buffer.add(data.actions[i % 256], data.rewards[i % 256], following, False, over)
    return buffer


def update(
    task: str,
    calls: int = 1,
    cache: str = "",
    batch_size: int = BATCH,
    image: int = 0,
    log_every: int = 100,
    awaited: bool = False,
    **config: Any,
) -> Work:
    """Gradient steps, sampling included, `calls` of them in one call of the jitted function.

    log_every: all scalars for the last `policy_delay` of so many updates, as training has them;
    0 = never. awaited: each call's end before the next batch is drawn; otherwise batches are drawn
    and copied while the device works.
    """
    if task == "pixels":
        tune_allocator()
    import jax

    import td3jax

    if cache:
        jax.config.update("jax_compilation_cache_dir", cache)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    agent = td3jax.AgentConfig(**config)
    state = td3jax.init(agent, _spaces(task, image), jax.random.key(0))
    buffer, rng = filled_buffer(task, 2000, image), np.random.default_rng(0)

    def draw() -> td3jax.Batch:
        if calls == 1:
            return buffer.sample(batch_size, rng)
        batch = buffer.sample(batch_size * calls, rng)
        return jax.tree.map(lambda a: a.reshape(calls, batch_size, *a.shape[1:]), batch)

    step: Any = td3jax.update if calls == 1 else td3jax.update_many
    shown, period = max(1, agent.policy_delay // calls), max(1, log_every // calls)
    # The steps before the first turn compile both programs, that without the scalars first.
    done = max(0, period - shown - 1)

    def work(count: int) -> None:
        nonlocal state, done
        for _ in range(max(1, count // calls)):
            done += 1
            scalars = log_every > 0 and -done % period < shown
            state, _ = step(state, draw(), scalars, donate=True)
            if awaited:
                jax.block_until_ready(state)
        jax.block_until_ready(state)

    return work


def act(task: str) -> Work:
    """One action, batch 1, from numpy observation to numpy action."""
    import jax

    import td3jax

    state = td3jax.init(td3jax.AgentConfig(), _spaces(task), jax.random.key(0))
    data = Data(task)

    def work(count: int) -> None:
        for i in range(count):
            observation = {name: part[None] for name, part in data.observation(i).items()}
            np.asarray(td3jax.act(state, observation))[0]

    return work


def sample(task: str, capacity: int) -> Work:
    """Batches of 256 from a full buffer; the previous one is let go, as training does."""
    buffer, rng = filled_buffer(task, capacity), np.random.default_rng(0)
    return repeated(lambda: buffer.sample(BATCH, rng))


def matmul(library: str, size: int = 2048, dtype: str = "float32") -> Work:
    """Matrix products, the machine's limit; other types than float32 with jax alone."""
    a = np.random.default_rng(0).normal(size=(size, size)).astype(np.float32)
    if library == "jax":
        import jax

        product, x = jax.jit(lambda m: m @ m), jax.device_put(a).astype(dtype)
        return repeated(lambda: product(x).block_until_ready())
    if library == "torch":
        import torch

        t = torch.from_numpy(a)
        return repeated(lambda: t @ t)
    return repeated(lambda: a @ a)
