"""Scalar series: the common currency of verdicts, diagnosis, plots and reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Curve(NamedTuple):
    """One scalar over time.

    steps: int64 (N,), non-decreasing; values: float64 (N,), may hold nan and inf; wall: float64
    (N,), seconds since the epoch.
    """

    steps: np.ndarray
    values: np.ndarray
    wall: np.ndarray

    def until(self, step: int) -> Curve:
        """The points at steps <= `step`."""
        return self.part(0, int(np.searchsorted(self.steps, step, side="right")))

    def since(self, step: int) -> Curve:
        """The points at steps >= `step`."""
        return self.part(int(np.searchsorted(self.steps, step, side="left")))

    def part(self, start: int, stop: int | None = None) -> Curve:
        """The points start:stop, by index."""
        return Curve(self.steps[start:stop], self.values[start:stop], self.wall[start:stop])

    def finite(self) -> Curve:
        """The points with finite values."""
        keep = np.isfinite(self.values)
        return self if keep.all() else Curve(self.steps[keep], self.values[keep], self.wall[keep])


Series = Mapping[str, Curve]
EMPTY = Curve(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))


def curve(steps: object, values: object, wall: object = None) -> Curve:
    """A Curve from anything array-like; points are sorted by step, stably."""
    at = np.asarray(steps, np.int64).reshape(-1)
    ys = np.asarray(values, np.float64).reshape(-1)
    clock = np.zeros(at.size) if wall is None else np.asarray(wall, np.float64).reshape(-1)
    if not at.size == ys.size == clock.size:
        raise ValueError(f"curve: {at.size} steps, {ys.size} values, {clock.size} wall times")
    if at.size and np.any(np.diff(at) < 0):
        order = np.argsort(at, kind="stable")
        at, ys, clock = at[order], ys[order], clock[order]
    return Curve(at, ys, clock)


def get(series: Series, tag: str) -> Curve:
    """The finite points of `tag`; an empty curve where the tag is missing."""
    return series[tag].finite() if tag in series else EMPTY


def thin(whole: Curve, limit: int) -> Curve:
    """At most about `limit` points: the lowest and highest of each bin, in order.

    Extremes, non-finite values and both ends survive, so that "max" and "throughout" still hold.
    """
    count = whole.steps.size
    if count <= limit:
        return whole
    bins = max(limit // 2 - 1, 1)
    width = -(-count // bins)
    padded = np.full(bins * width, np.nan)
    padded[:count] = whole.values
    rows = padded.reshape(bins, width)
    start = np.arange(bins) * width
    low = start + np.argmin(np.where(np.isfinite(rows), rows, np.inf), axis=1)
    high = start + np.argmax(np.where(np.isfinite(rows), rows, -np.inf), axis=1)
    odd = np.flatnonzero(~np.isfinite(whole.values))[: max(limit // 4, 1)]
    keep = np.unique(np.concatenate([low, high, odd, [0, count - 1]]))
    keep = keep[keep < count]
    return Curve(whole.steps[keep], whole.values[keep], whole.wall[keep])


def align(one: Curve, other: Curve) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps and values of both curves where both have a point (the last one at each step)."""
    steps, left, right = np.intersect1d(
        one.steps[::-1], other.steps[::-1], return_indices=True, assume_unique=False
    )
    return steps, one.values[::-1][left], other.values[::-1][right]
