"""Averages over a log interval on the host: the reward's parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RewardTally:
    """Means of the reward and its parts since the last `drain`, and each part's share of the
    magnitude, sum |part| over the sum of all parts' magnitudes."""

    def __init__(self) -> None:
        self._count = 0
        self._total = 0.0
        self._sums: dict[str, float] = {}
        self._sizes: dict[str, float] = {}

    def add(self, reward: float, parts: Mapping[str, float] | None) -> None:
        """One step."""
        self._count += 1
        self._total += reward
        for name, value in (parts or {}).items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)
            self._sizes[name] = self._sizes.get(name, 0.0) + abs(float(value))

    def drain(self) -> dict[str, float]:
        """Scalars of the interval; starts the next one."""
        if not self._count:
            return {}
        scalars = {"reward/total": self._total / self._count}
        size = sum(self._sizes.values())
        for name, value in self._sums.items():
            scalars[f"reward/{name}"] = value / self._count
            scalars[f"reward/{name}_share"] = self._sizes[name] / size if size else 0.0
        self.__init__()  # type: ignore[misc]
        return scalars

    def state(self) -> dict[str, Any]:
        """The sums, for a checkpoint."""
        return {
            "count": self._count,
            "total": self._total,
            "sums": self._sums,
            "sizes": self._sizes,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """The sums from a checkpoint."""
        self._count, self._total = int(state["count"]), float(state["total"])
        self._sums, self._sizes = dict(state["sums"]), dict(state["sizes"])
