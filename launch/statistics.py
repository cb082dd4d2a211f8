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
    from scipy import stats  # absent where only logs are judged

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
