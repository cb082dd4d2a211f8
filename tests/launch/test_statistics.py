"""Intervals and tests against figures computed elsewhere or by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from launch import statistics
from launch.statistics import by_stratum, holm, iqm, sign_test, surviving, wilson


@pytest.fixture(autouse=True)
def few_repetitions(monkeypatch) -> None:
    monkeypatch.setattr(statistics, "REPETITIONS", 100)


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [
        (0, 60, 0.0, 0.0602),
        (5, 10, 0.2366, 0.7634),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
    ],
)
def test_wilson_against_the_literature(successes: int, count: int, low: float, high: float) -> None:
    assert wilson(successes, count) == pytest.approx((successes / count, low, high), abs=2e-4)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_sign_test_of_ten_out_of_ten() -> None:
    assert sign_test(np.full(10, -1.0)) == pytest.approx(2 / 1024)
    assert sign_test(np.zeros(4)) == 1.0


def test_the_interquartile_mean_leaves_out_the_outer_halves() -> None:
    found = iqm(np.array([[-1e6], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [1e6]]))
    assert found.point == pytest.approx(3.5)
    assert found.low < 3.5 < found.high
    assert math.isnan(iqm(np.array([[1.0], [math.inf]])).low)


def test_an_interval_depends_on_its_values_alone_and_leaves_the_global_generator() -> None:
    values = np.random.default_rng(0).normal(size=(10, 2))
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = iqm(values)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.random.random()  # noqa: NPY002
    assert iqm(values) == first


def test_strata_are_columns_of_equal_length() -> None:
    values = {0: 1.0, 1: 2.0, 2: 3.0}
    table = by_stratum(values, {0: "a", 1: "b", 2: "a"})
    assert table.tolist() == [[1.0, 2.0]]


def test_survival_counts_the_runs_that_exploded() -> None:
    time, share = surviving(np.array([30.0, math.nan, 10.0, math.nan]), 100)
    assert time[1:].tolist() == [10.0, 30.0, 100.0]
    assert share.tolist() == [1.0, 0.75, 0.5, 0.5]


def test_survival_ends_at_the_horizon_or_with_the_last_run() -> None:
    time, share = surviving(np.array([5.0, 5.0]), 100)
    assert time.tolist() == [1.0, 5.0, 100.0]
    assert share.tolist() == [1.0, 0.0, 0.0]
    time, share = surviving(np.array([math.nan]), 100)
    assert share.tolist() == [1.0, 1.0]
