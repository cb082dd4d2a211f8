"""Averages over a log interval on the host: the reward's parts, a simulator's pace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_AT_ONCE = 0.05  # of an answer's time: what handing it over may take


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


class StepTimes:
    """Mean seconds of a simulator's steps since the last `drain`, as `waited_for` has them."""

    def __init__(self) -> None:
        self._seconds, self._count = 0.0, 0

    def add(self, seconds: float) -> None:
        """One step."""
        self._seconds += seconds
        self._count += 1

    def drain(self) -> float:
        """Return the mean, 0 without steps, and start anew."""
        mean = self._seconds / max(self._count, 1)
        self._seconds, self._count = 0.0, 0
        return mean


def waited_for(sent: float, asked: float, answered: float) -> float:
    """Return how long an answer took, 0 where it was there before it was asked for.

    Answers are asked for one after the other: how long ago the others came is not known.
    """
    return answered - sent if answered - asked > _AT_ONCE * (answered - sent) else 0.0
