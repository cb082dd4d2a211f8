"""Transform stored rewards at sampling: scale, clip, running normalisation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from td3jax.config import ReplayConfig

Array = np.ndarray[Any, Any]


class RewardTransform:
    """clip, then divide by the standard deviation of discounted returns, then scale.

    The deviation is running (Welford) over the discounted sum of each episode's clipped rewards so
    far, the same for all stored rewards; it is 1 until two rewards were seen or while it is 0.
    """

    def __init__(self, config: ReplayConfig, discount: float) -> None:
        self._clip, self._scale = config.reward_clip, config.reward_scale
        self._normalise, self._discount = config.reward_normalise, discount
        self._return = 0.0
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0

    def observe(self, reward: float) -> None:
        """Take one new reward into the statistics."""
        if not self._normalise:
            return
        if self._clip:
            reward = min(max(reward, -self._clip), self._clip)
        self._return = self._discount * self._return + reward
        self._count += 1
        step = self._return - self._mean
        self._mean += step / self._count
        self._squares += step * (self._return - self._mean)

    def begin_episode(self) -> None:
        """The next reward is the first of an episode."""
        self._return = 0.0

    @property
    def deviation(self) -> float:
        """Standard deviation of the discounted returns."""
        variance = self._squares / self._count if self._count > 1 else 0.0
        return math.sqrt(variance) if variance > 0.0 else 1.0

    def __call__(self, rewards: Array) -> Array:
        """Transformed copy of raw rewards, float32."""
        if self._clip:
            rewards = np.clip(rewards, -self._clip, self._clip)
        factor = self._scale / (self.deviation if self._normalise else 1.0)
        return (rewards * factor).astype(np.float32) if factor != 1.0 else rewards

    def state(self) -> list[float]:
        """The statistics, for saving."""
        return [self._return, float(self._count), self._mean, self._squares]

    def restore(self, state: list[float]) -> None:
        """Take saved statistics."""
        self._return, count, self._mean, self._squares = (float(value) for value in state)
        self._count = int(count)
