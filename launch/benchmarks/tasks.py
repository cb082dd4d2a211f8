"""The two tasks that all contestants share, and random data of their shapes."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

PIXELS: dict[str, Any] = {"image": (84, 84, 4), "vector": 23, "action": 2}
VECTOR: dict[str, Any] = {"image": None, "vector": 17, "action": 6}  # HalfCheetah
TASKS = {"pixels": PIXELS, "vector": VECTOR}
BATCH = 256
EPISODE = 200
_DISTINCT = 256


def gflop(task: str, batch: int = BATCH) -> float:
    """Matrix-product and convolution work of one update, policy delay 2, in 10^9 operations.

    Encoder forward F, backward B without conv1's input gradient; a critic update costs 3 F + B,
    an actor update, every second time, 2 F + B; two operations per multiply-add. Heads likewise.
    """
    if task == "pixels":
        return batch * 2 * 62.82e6 / 1e9
    state, action = VECTOR["vector"], VECTOR["action"]
    actor = state * 256 + 256 * 256 + 256 * action
    critic = (state + action) * 256 + 256 * 256 + 256
    weights_critic = 2 * critic  # gradients of both heads' weights
    back_critic = 2 * (256 * 256 + 256)  # and of their inputs, down to the first layer's output
    critic_step = actor + 2 * critic + 2 * critic + weights_critic + back_critic
    back_actor = 256 * 256 + 256 * action
    actor_step = actor + critic + (critic - state * 256) + actor + back_actor
    return batch * 2 * (critic_step + 0.5 * actor_step) / 1e9


def product_gflop(size: int = 2048) -> float:
    """Work of a product of two square matrices, in 10^9 operations."""
    return 2.0 * size**3 / 1e9


class Data:
    """Observations, actions and rewards that repeat after a few hundred steps."""

    def __init__(self, task: str) -> None:
        sizes, rng = TASKS[task], np.random.default_rng(0)
        self.image = sizes["image"]
        self.images = rng.integers(0, 256, (_DISTINCT, *(self.image or (1, 1, 1))), dtype=np.uint8)
        self.vectors = rng.normal(size=(_DISTINCT, sizes["vector"])).astype(np.float32)
        self.actions = rng.uniform(-1, 1, (_DISTINCT, sizes["action"])).astype(np.float32)
        self.rewards = rng.normal(size=_DISTINCT)

    def first_observation(self, i: int) -> dict[str, Array]:
        """The i-th observation as the first of an episode: its stack repeats one frame."""
        parts = self.observation(i)
        if self.image:
            stack = parts["image"]
            parts["image"] = np.repeat(stack[..., -1:], stack.shape[-1], axis=-1)
        return parts

    def observation(self, i: int) -> dict[str, Array]:
        """The i-th observation, unbatched."""
        parts = {"vector": self.vectors[i % _DISTINCT]}
        if self.image:
            parts["image"] = self.images[i % _DISTINCT]
        return parts
