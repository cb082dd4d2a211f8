"""Verdicts of the ablation on made tables, and its report."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from launch import statistics
from launch.errors import BadInput
from launch.studies.ablation.decision import Table, decide
from launch.studies.ablation.results import report

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
