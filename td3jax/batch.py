"""One sampled batch of transitions, as it travels from host to device."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

Array = Any  # numpy on the host, jax.Array on the device
Observation = dict[str, Array]
POLICY_PARTS = ("image", "vector")
TRAINING_PARTS = ("privileged", "expert")


def policy_view(observation: Observation) -> Observation:
    """Return the parts of a training's observation that the policy reads."""
    return {name: observation[name] for name in POLICY_PARTS if name in observation}


def critic_view(observation: Observation) -> Observation:
    """Return the parts of a training's observation that the critic reads."""
    return {name: part for name, part in observation.items() if name != "expert"}


class Batch(struct.PyTreeNode):
    """B transitions; image stacks overlap, so a sample sends its frames once.

    frames: uint8 (B, S + 1, H, W) for one-step, (B, 2 S, H, W) for n-step samples, oldest first:
    the first S frames are the observation's stack, the last S the next observation's. None
    without images; a frame of several channels is (H, W, frame_channels). vector, next_vector:
    float32 (B, V) or None. action: float32 (B, A).
    reward: float32 (B,), transformed and summed over `steps` int32 (B,). terminated: bool (B,).
    privileged, next_privileged: float32 (B, P); expert: float32 (B, A), the expert's action in the
    observation; None where Spaces has none.
    """

    frames: Array | None
    vector: Array | None
    next_vector: Array | None
    action: Array
    reward: Array
    terminated: Array
    steps: Array
    privileged: Array | None = None
    next_privileged: Array | None = None
    expert: Array | None = None

    def observations(self, stack: int) -> tuple[Observation, Observation]:
        """Return observation and next observation; `stack` frames make uint8 (B, H, W, C)."""
        observation: Observation = {}
        next_observation: Observation = {}
        if self.frames is not None:
            frames = _channels_last(jnp.asarray(self.frames))
            channels = stack * (frames.shape[-1] // self.frames.shape[1])
            observation["image"] = frames[..., :channels]
            next_observation["image"] = frames[..., -channels:]
        if self.vector is not None:
            observation["vector"] = jnp.asarray(self.vector)
            next_observation["vector"] = jnp.asarray(self.next_vector)
        if self.privileged is not None:
            observation["privileged"] = jnp.asarray(self.privileged)
            next_observation["privileged"] = jnp.asarray(self.next_privileged)
        return observation, next_observation


def _channels_last(frames: jax.Array) -> jax.Array:
    """Join frames (B, S, H, W) or (B, S, H, W, c) to images (B, H, W, S c)."""
    if frames.ndim == 4:
        return jnp.transpose(frames, (0, 2, 3, 1))
    batch, _, height, width, _ = frames.shape
    return jnp.transpose(frames, (0, 2, 3, 1, 4)).reshape(batch, height, width, -1)
