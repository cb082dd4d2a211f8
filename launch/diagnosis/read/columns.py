"""Scalars as they are read from files: growing columns, and sessions joined to one run."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from launch.diagnosis.series import Curve, curve, thin

MAX_POINTS = 1 << 20


class Unreadable(ValueError):
    """Nothing can be read here; the message is one line that says what to do."""


@dataclasses.dataclass(frozen=True)
class Scalars:
    """series: tag -> Curve; warnings: one line each; files: what was read; purge: the step from
    which these values replace earlier ones, where it says so."""

    series: dict[str, Curve]
    warnings: tuple[str, ...]
    files: tuple[Path, ...]
    purge: int | None = None


class Columns:
    """Growing columns of one tag; beyond `limit` points only extremes of bins are kept."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.steps, self.values, self.wall = array("q"), array("d"), array("d")
        self.thinned = False

    def add(self, step: int, value: float, wall: float) -> None:
        self.steps.append(step)
        self.values.append(value)
        self.wall.append(wall)
        if len(self.steps) >= 2 * self.limit:
            self._shrink()

    def _shrink(self) -> None:
        kept = thin(self.curve(), self.limit)
        self.steps = array("q", kept.steps.tobytes())
        self.values = array("d", kept.values.tobytes())
        self.wall = array("d", kept.wall.tobytes())
        self.thinned = True

    def curve(self) -> Curve:
        return curve(
            np.frombuffer(self.steps, np.int64).copy(),
            np.frombuffer(self.values, np.float64).copy(),
            np.frombuffer(self.wall, np.float64).copy(),
        )


def join_sessions(parts: Iterable[Scalars]) -> dict[str, Curve]:
    """Sessions of one run in the order they began, as one series.

    A later session that resumed from an earlier step replaces what came after it: from its purge
    step on for all tags, and from a tag's first step on for that tag.
    """
    joined: dict[str, Curve] = {}
    for part in parts:
        if part.purge is not None:
            joined = {tag: values.until(part.purge - 1) for tag, values in joined.items()}
        for tag, new in part.series.items():
            old = joined.get(tag)
            if old is None or not new.steps.size:
                joined[tag] = new
                continue
            kept = old.part(0, int(np.searchsorted(old.steps, new.steps[0])))
            joined[tag] = Curve(*(np.concatenate(pair) for pair in zip(kept, new, strict=True)))
    return joined
