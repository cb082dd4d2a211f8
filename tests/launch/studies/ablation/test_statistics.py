"""Intervals, tests and verdicts of the ablation against figures computed elsewhere or by hand."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from launch.errors import BadInput
from launch.studies.ablation import statistics
from launch.studies.ablation.decision import Table, decide
from launch.studies.ablation.results import report
from launch.studies.ablation.statistics import by_stratum, holm, iqm, sign_test, surviving, wilson

ENDPOINTS = (
    "exploded",
    "exploded_at",
    "peak",
    "slope",
    "late_slope",
    "gap",
    "purity",
    "saturation",
    "feature_ratio",
    "return",
    "actor_q_bias",
    "critic_q_bias",
)
CURVES = "arm,seed,actor_update,actor_q,replay_q"
RIGHT = dict.fromkeys(ENDPOINTS, 0.0) | {"exploded_at": math.nan, "return": 0.7, "peak": -1.0}
LEAK = RIGHT | {
    "exploded": 1.0,
    "exploded_at": 200.0,
    "peak": 6.0,
    "late_slope": 4.5,
    "purity": 1.0,
    "gap": 1e6,
    "return": 0.0,
}


@pytest.fixture(autouse=True)
def few_repetitions(monkeypatch) -> None:
    monkeypatch.setattr(statistics, "REPETITIONS", 100)


def written(path: Path, arms: dict[str, dict[str, float]], seeds: int = 10) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["arm", "label", "stratum", "seed", *ENDPOINTS])
        writer.writeheader()
        for arm, values in arms.items():
            for seed in range(seeds):
                shifted = values | {"return": values["return"] + 0.01 * seed}
                writer.writerow({"arm": arm, "label": arm, "stratum": "x", "seed": seed} | shifted)
    return path


@pytest.mark.parametrize(
    ("arm", "values", "verdict"),
    [
        ("A", RIGHT, "cure"),
        ("D", LEAK, "cause"),
        ("C", RIGHT | {"gap": 0.5}, "wrong, no explosion"),
        ("T", RIGHT, "no explosion"),
        ("D+same", LEAK | {"peak": 5.9}, "none"),
        ("D+later", LEAK | {"peak": 4.0}, "delay"),
        ("D+flat", LEAK | {"late_slope": 0.5}, "mask"),
        ("D+held", LEAK | {"exploded": 0.0, "exploded_at": math.nan, "late_slope": 1.2}, "mask"),
        ("D+cured", RIGHT, "cure"),
        ("D+useless", RIGHT | {"return": 0.2}, "bounded"),
        ("A+same", RIGHT, "harmless"),
        ("A+better", RIGHT | {"return": 0.9}, "helps"),
        ("A+worse", RIGHT | {"return": 0.3}, "harms"),
    ],
)
def test_verdicts(tmp_path: Path, arm: str, values: dict[str, float], verdict: str) -> None:
    path = written(tmp_path / "results.csv", {"A": RIGHT, "D": LEAK, arm: values})
    found = {row.arm: row.verdict for row in decide(Table(path))}
    assert found[arm] == verdict


def test_wilson_against_the_literature() -> None:
    found = wilson(0, 60)
    assert found.low == 0.0
    assert found.high == pytest.approx(0.0602, abs=1e-4)
    reference = stats.binomtest(7, 10).proportion_ci(method="wilson")
    assert wilson(7, 10)[1:] == pytest.approx((reference.low, reference.high), abs=1e-6)


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


def test_a_report_needs_results(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"results\.csv: no such file"):
        report(tmp_path)


def test_the_town_has_a_figure_of_its_own(tmp_path: Path) -> None:
    masked = LEAK | {"exploded": 0.0, "exploded_at": math.nan, "late_slope": 0.8}
    arms = {"A/town": RIGHT, "D/town": masked, "D+bare/town": LEAK}
    written(tmp_path / "results.csv", arms)
    points = [f"{arm},0,{t},{t},1" for arm in arms for t in (1, 10, 100)]
    (tmp_path / "curves.csv").write_text("\n".join([CURVES, *points]))
    report(tmp_path)
    assert (tmp_path / "town.png").stat().st_size > 0
    assert not (tmp_path / "causes.png").exists()
    verdicts = {row.arm: row.verdict for row in decide(Table(tmp_path / "results.csv"))}
    assert verdicts == {
        "A/town": "cure",
        "D/town": "wrong, no explosion",
        "D+bare/town": "none",
    }
