"""Intervals and tests: interquartile means, Wilson rates, sign test, Holm, Kaplan-Meier."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

REPETITIONS = 2000


class Estimate(NamedTuple):
    """A point with its 95 % interval."""

    point: float
    low: float
    high: float


def iqm(values: Array) -> Estimate:
    """Interquartile mean of (runs, strata) with a stratified bootstrap interval (Agarwal 2021).

    A value that is not finite leaves the median and no interval.
    """
    if not np.isfinite(values).all():
        return Estimate(float(np.median(values)), math.nan, math.nan)
    from rliable import library, metrics  # slow to import

    with warnings.catch_warnings(), _numpy_seeded(0):
        warnings.simplefilter("ignore", FutureWarning)
        points, intervals = library.get_interval_estimates(
            {"arm": values},
            lambda scores: np.array([metrics.aggregate_iqm(scores)]),
            reps=REPETITIONS,
        )
    low, high = intervals["arm"][:, 0]
    return Estimate(float(points["arm"][0]), float(low), float(high))


@contextmanager
def _numpy_seeded(seed: int) -> Iterator[None]:
    """rliable draws from numpy's global generator, whatever `random_state` it is given."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


def mean(values: Array) -> Estimate:
    """Return a mean with its bootstrap interval (percentiles, seeded); nan of nothing.

    Fewer than two values have no interval.
    """
    if len(values) < 2:
        return Estimate(float(values[0]) if len(values) else math.nan, math.nan, math.nan)
    draws = np.random.default_rng(0).choice(values, (REPETITIONS, len(values))).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(float(values.mean()), float(low), float(high))


def iqm_curve(values: Array) -> tuple[Array, Array, Array]:
    """Interquartile means over the runs of (runs, points), and their 95 % bootstrap intervals.

    Of one run the interval is nan. The numbers are those of `iqm`, without what rliable needs.
    """
    from scipy import stats

    point = stats.trim_mean(values, 0.25, axis=0)
    if len(values) < 2:
        return point, np.full_like(point, np.nan), np.full_like(point, np.nan)
    draws = np.random.default_rng(0).integers(len(values), size=(REPETITIONS, len(values)))
    means = stats.trim_mean(values[draws], 0.25, axis=1)
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return point, low, high


def difference(one: Array, other: Array) -> tuple[Estimate, float]:
    """Difference of two groups' interquartile means with its bootstrap interval, and the exact
    two-sided p of a permutation test of their means; nan where a group has a single run.

    Interquartile means of a few runs are the same for many permutations, which costs power.
    """
    from scipy import stats

    def gap(a: Array, b: Array, axis: int) -> Array:
        return np.asarray(stats.trim_mean(a, 0.25, axis) - stats.trim_mean(b, 0.25, axis))

    point = float(gap(one, other, 0))
    if min(len(one), len(other)) < 2:
        return Estimate(point, math.nan, math.nan), math.nan
    rng = np.random.default_rng(0)
    draws = [rng.choice(values, (REPETITIONS, len(values))) for values in (one, other)]
    low, high = np.quantile(gap(draws[0], draws[1], 1), [0.025, 0.975])

    def mean_gap(a: Array, b: Array, axis: int) -> Array:
        return np.asarray(a.mean(axis) - b.mean(axis))

    test = stats.permutation_test((one, other), mean_gap, vectorized=True, axis=0, rng=0)
    return Estimate(point, float(low), float(high)), float(test.pvalue)


def by_stratum(values: Mapping[int, float], strata: Mapping[int, str]) -> Array:
    """Values by seed as (runs, strata), short columns cut to the shortest."""
    columns = [
        [values[seed] for seed in sorted(values) if strata[seed] == stratum]
        for stratum in sorted(set(strata.values()))
    ]
    length = min(len(column) for column in columns)
    return np.array([column[:length] for column in columns]).T


def wilson(successes: int, count: int) -> Estimate:
    """A rate with Wilson's score interval."""
    from scipy import stats  # slow to import, and absent where only logs are judged

    interval = stats.binomtest(successes, count).proportion_ci(method="wilson")
    return Estimate(successes / count, float(interval.low), float(interval.high))


def sign_test(differences: Array) -> float:
    """Exact two-sided p of as many positive as negative differences; ties are left out."""
    moved = differences[differences != 0.0]
    if moved.size == 0:
        return 1.0
    from scipy import stats

    return float(stats.binomtest(int((moved > 0).sum()), moved.size).pvalue)


def holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted by Holm's step-down procedure, in the order given."""
    order = np.argsort(values)
    adjusted, worst = np.empty(len(values)), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = worst
    return [float(value) for value in adjusted]


def surviving(times: Array, horizon: int) -> tuple[Array, Array]:
    """Kaplan-Meier steps (time, share not yet exploded); nan = not within the horizon."""
    from scipy import stats

    events = times[np.isfinite(times)]
    censored = np.full(times.size - events.size, horizon)
    share = stats.ecdf(stats.CensoredData(uncensored=events, right=censored)).sf
    time, left = share.quantiles, share.probabilities
    if time[-1] < horizon:
        time, left = np.append(time, horizon), np.append(left, left[-1])
    return np.concatenate([[1.0], time]), np.concatenate([[1.0], left])
