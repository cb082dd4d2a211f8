"""Measurements of curves for rules and signatures: errors, trends, growth, start of learning."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from launch.diagnosis.facts import RunFacts
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.series import Curve, Series, align, curve, get
from launch.diagnosis.tags import OF_UPDATES

_OF_EVALUATIONS = "health/overestimation"  # which may come before the first update


def td_error(series: Series) -> Curve:
    """Mean absolute TD error of both critics; of the first where only that was logged."""
    one, two = get(series, "debug/td_error_q1"), get(series, "debug/td_error_q2")
    if not two.steps.size:
        return Curve(one.steps, np.abs(one.values), one.wall)
    steps, left, right = align(one, two)
    return curve(steps, (np.abs(left) + np.abs(right)) / 2)


def first_update(series: Series, facts: RunFacts) -> int | None:
    """The step at which updates began; None where no scalar of an update was logged.

    From config.json, else one log interval before the first such scalar that is not zero.
    """
    starts = []
    for tag in series:
        if tag.startswith(OF_UPDATES) and tag != _OF_EVALUATIONS:
            values = get(series, tag)
            moved = np.flatnonzero(values.values)
            if moved.size:
                known = values.part(int(moved[0]))
                starts.append((int(known.steps[0]), learning_start(known, facts)))
    return min(starts)[1] if starts else None


def late_start(series: Series, limits: VerdictLimits, facts: RunFacts) -> int:
    """The step from which gates count: the first update where it comes late, else 0."""
    start = first_update(series, facts)
    return start if start is not None and start >= limits.late_start else 0


def root_of_loss(series: Series) -> Curve:
    """Root of the critic's loss, in units of Q."""
    loss = get(series, "train/critic_loss")
    return Curve(loss.steps, np.sqrt(np.abs(loss.values)), loss.wall)


def sustained(values: Curve, points: int) -> Curve:
    """The least of each `points` successive values: what was held for that long."""
    if values.steps.size < points:
        return curve([], [])
    least = sliding_window_view(values.values, points).min(axis=1)
    return Curve(values.steps[points - 1 :], least, values.wall[points - 1 :])


def growth(values: Curve, points: int) -> Curve:
    """|last| / |first| of each `points` successive values where |value| only rises, else 1."""
    if values.steps.size < points:
        return curve([], [])
    sizes = sliding_window_view(np.maximum(np.abs(values.values), 1e-9), points)
    rising = (np.diff(sizes, axis=1) > 0).all(axis=1)
    factor = np.where(rising, sizes[:, -1] / sizes[:, 0], 1.0)
    return Curve(values.steps[points - 1 :], factor, values.wall[points - 1 :])


def thirds(values: Curve) -> tuple[float, float] | None:
    """Means of the first and the last third; None below six points."""
    if values.steps.size < 6:
        return None
    third = values.steps.size // 3
    return float(values.values[:third].mean()), float(values.values[-third:].mean())


def trend(values: Curve) -> float | None:
    """Last third over first third, for quantities >= 0; None below six points."""
    means = thirds(values)
    if means is None:
        return None
    return means[1] / means[0] if means[0] > 0 else (1.0 if means[1] <= 0 else np.inf)


class Growth(NamedTuple):
    """Growth of |Q| with the updates since learning began, fitted past the first tenth of them.

    slope: d log|Q| / d log(updates) between the ends; fitted: the same by least squares;
    power_r2, exponential_r2: how straight it is on log-log and on semi-log paper; rate: |Q|'s
    factor per 100 steps over the whole; start, first, last: steps.
    """

    slope: float
    fitted: float
    power_r2: float
    exponential_r2: float
    start: int
    first: int
    last: int


def learning_start(values: Curve, facts: RunFacts) -> int:
    """The step at which updates began: from config.json, else one log interval before the first."""
    if facts.learning_starts is not None and facts.learning_starts < values.steps[0]:
        return int(facts.learning_starts)
    gap = int(np.median(np.diff(values.steps))) if values.steps.size > 1 else 0
    return max(int(values.steps[0]) - gap, 0)


def _fit(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and R^2 of a straight line."""
    slope, offset = np.polyfit(x, y, 1)
    spread = float(((y - y.mean()) ** 2).sum())
    rest = float(((y - slope * x - offset) ** 2).sum())
    return float(slope), 1.0 - rest / spread if spread > 0 else 0.0


def power_law(values: Curve, facts: RunFacts) -> Growth | None:
    """Fit |values| ~ updates^slope; None with fewer than four usable points."""
    sizes = np.abs(values.values)
    if values.steps.size < 4 or values.steps[0] == values.steps[-1]:
        return None
    start = learning_start(values, facts)
    updates = (values.steps - start).astype(float)
    usable = (updates > 0) & (sizes > 0)
    keep = usable & (updates >= 0.1 * updates[-1])
    keep = keep if keep.sum() >= 4 else usable
    if keep.sum() < 4:
        return None
    x, y = np.log(updates[keep]), np.log(sizes[keep])
    fitted, power = _fit(x, y)
    _, exponential = _fit(updates[keep], y)
    steps = values.steps[keep]
    ends = float((y[-1] - y[0]) / (x[-1] - x[0])) if x[-1] > x[0] else 0.0
    return Growth(ends, fitted, power, exponential, start, int(steps[0]), int(steps[-1]))
