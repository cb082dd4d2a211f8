"""One sampled batch of transitions, as it travels from host to device."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

Array = Any  # numpy on the host, jax.Array on the device
Observation = dict[str, Array]


class Batch(struct.PyTreeNode):
    """B transitions; image stacks overlap, so a sample sends its frames once.

    frames: uint8 (B, S + 1, H, W) for one-step, (B, 2 S, H, W) for n-step samples, oldest first:
    the first S frames are the observation's stack, the last S the next observation's. None
    without images. vector, next_vector: float32 (B, V) or None. action: float32 (B, A).
    reward: float32 (B,), transformed and summed over `steps` int32 (B,). terminated: bool (B,).
    """

    frames: Array | None
    vector: Array | None
    next_vector: Array | None
    action: Array
    reward: Array
    terminated: Array
    steps: Array

    def observations(self, stack: int) -> tuple[Observation, Observation]:
        """The observation and next observation; images become uint8 (B, H, W, stack)."""
        observation: Observation = {}
        following: Observation = {}
        if self.frames is not None:
            frames = jnp.transpose(jnp.asarray(self.frames), (0, 2, 3, 1))
            observation["image"] = frames[..., :stack]
            following["image"] = frames[..., -stack:]
        if self.vector is not None:
            observation["vector"] = jnp.asarray(self.vector)
            following["vector"] = jnp.asarray(self.next_vector)
        return observation, following


def stack_batches(batches: list[Batch]) -> Batch:
    """K batches as one with a leading axis K, for `update_many`."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *batches)
