"""The learner's newest policy, put where collectors find it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax

from launch.training.learner import Learner
from launch.training.pieces import Weights

PUT_SECONDS = 1.0


class Publisher:
    """Puts weights once in so many seconds at most; sooner only where those that are there are
    more than half of `max_lag` updates old, so that no piece begins near the bound."""

    def __init__(
        self,
        learner: Learner,
        max_lag: int,
        put: Callable[[Any], Any],
        seconds: float = PUT_SECONDS,
    ) -> None:
        self._learner, self._max_lag, self._put, self._seconds = learner, max_lag, put, seconds
        self._newest = Weights(-1, None)
        self._at = 0.0

    def weights(self) -> Weights:
        """Return those to act by now."""
        if self._due():
            version, state = self._learner.newest(self._learner.updates - self._max_lag)
            if version > self._newest.version:
                part = self._learner.algorithm.weights
                sent = jax.device_get(state if part is None else part(state))
                self._newest, self._at = Weights(version, self._put(sent)), time.monotonic()
        return self._newest

    def _due(self) -> bool:
        behind = self._learner.updates - self._newest.version
        late = time.monotonic() - self._at >= self._seconds
        return self._newest.place is None or 2 * behind > self._max_lag or (late and behind > 0)
