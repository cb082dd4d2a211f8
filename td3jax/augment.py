"""Random shift of image batches (DrQ, Kostrikov et al. 2021, arXiv 2004.13649)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from td3jax.batch import Observation
from td3jax.config import AgentConfig


def random_shift(config: AgentConfig, observation: Observation, key: jax.Array) -> Observation:
    """Each image moved by up to `random_shift` pixels, edges repeated, one shift per stack.

    A horizontal shift moves the lane under the camera; `shift_axes` "vertical" leaves it.
    """
    if not config.random_shift or "image" not in observation:
        return observation
    image, pad = observation["image"], config.random_shift
    padded = jnp.pad(image, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="edge")
    offsets = jax.random.randint(key, (image.shape[0], 2), 0, 2 * pad + 1)
    if config.shift_axes == "vertical":
        offsets = offsets.at[:, 1].set(pad)

    def crop(one: jax.Array, offset: jax.Array) -> jax.Array:
        return jax.lax.dynamic_slice(one, (offset[0], offset[1], 0), image.shape[1:])

    return {**observation, "image": jax.vmap(crop)(padded, offsets)}
