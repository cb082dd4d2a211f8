"""Tiny networks and batches, so that a test takes well under a second."""

from __future__ import annotations

import numpy as np

from td3jax import AgentConfig, Batch, Spaces

PIXELS = Spaces(image=(9, 9, 3), vector=3, action=2)
VECTOR = Spaces(image=None, vector=3, action=2)
PRIVILEGED = Spaces(image=(9, 9, 3), vector=3, action=2, privileged=4, expert=True)
TINY = {
    "conv_channels": (2, 3),
    "conv_kernels": (3, 2),
    "conv_strides": (2, 1),
    "feature_size": 4,
    "hidden_sizes": (5,),
    "health_every": 0,
}


def tiny_config(**options) -> AgentConfig:
    return AgentConfig(**{**TINY, **options})


def make_batch(spaces: Spaces, rows: int = 6, seed: int = 0, **fields) -> Batch:
    """A random batch; `fields` replace its arrays."""
    rng = np.random.default_rng(seed)

    def vectors():
        return rng.normal(size=(rows, spaces.vector)).astype(np.float32) if spaces.vector else None

    frames = None
    if spaces.image:
        height, width, stack = spaces.image
        frames = rng.integers(0, 256, (rows, stack + 1, height, width), dtype=np.uint8)
    batch = Batch(
        frames=frames,
        vector=vectors(),
        next_vector=vectors(),
        action=rng.uniform(-1, 1, (rows, spaces.action)).astype(np.float32),
        reward=rng.normal(size=rows).astype(np.float32),
        terminated=rng.random(rows) < 0.3,
        steps=np.ones(rows, np.int32),
    )
    if spaces.privileged:
        numbers = rng.uniform(-1, 1, (2, rows, spaces.privileged)).astype(np.float32)
        batch = batch.replace(privileged=numbers[0], next_privileged=numbers[1])
    if spaces.expert:
        labels = rng.uniform(-1, 1, (rows, spaces.action)).astype(np.float32)
        batch = batch.replace(expert=labels)
    return batch.replace(**fields)
