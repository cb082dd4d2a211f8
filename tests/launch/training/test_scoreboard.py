"""The table of several policies on the same episodes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from launch.statistics import mean
from launch.training.evaluation import EpisodeResult
from launch.training.scoreboard import scoreboard

_LAST = {"vector": np.zeros(2, np.float32)}


def driven(score: float, red_lights: float = 0.0) -> EpisodeResult:
    metrics = {
        "driving_score": score,
        "driving_score_2_1": score,
        "route_completion": score / 100.0,
        "collisions": 0.0,
        "red_lights": red_lights,
        "standing_ratio": 0.5,
        "success": float(score == 100.0),
    }
    reason = "goal" if score == 100.0 else "collision"
    return EpisodeResult(np.array([score]), True, reason, metrics, _LAST)


def test_a_mean_lies_within_its_interval_which_narrows_with_the_number() -> None:
    values = np.random.default_rng(1).normal(5.0, 2.0, 400)
    few, many = mean(values[:20]), mean(values)
    assert many.point == pytest.approx(values.mean())
    assert many.low < many.point < many.high
    assert many.high - many.low < 0.5 * (few.high - few.low)
    # the normal interval of the mean is 2 * 1.96 * s / sqrt(n) wide
    assert many.high - many.low == pytest.approx(3.92 * values.std() / 20.0, rel=0.1)
    assert mean(np.array([3.0]))[0] == 3.0
    assert math.isnan(mean(np.array([]))[0])


def test_rows_of_policies_by_hand() -> None:
    lines = scoreboard(
        {
            "blind": [driven(50.0), driven(100.0), driven(0.0)],
            "expert": [driven(100.0), driven(100.0), driven(100.0)],
        }
    )
    header = [cell.strip() for cell in lines[0].strip("|").split("|")]
    blind, expert = (
        dict(zip(header, [cell.strip() for cell in line.strip("|").split("|")], strict=True))
        for line in lines[2:]
    )
    assert expert["driving score"] == "100.0 [100.0, 100.0]"
    assert expert["ends"] == "3 goal"
    assert expert["above blind"].startswith("+50.0 [")
    assert expert["success"].startswith("1.00 [")
    assert blind["driving score"].startswith("50.0 [")
    assert blind["ends"] == "2 collision, 1 goal"
    assert blind["above blind"] == ""


def test_what_no_episode_knows_is_called_unknown() -> None:
    lines = scoreboard({"random": [driven(10.0, math.nan), driven(20.0, math.nan)]})
    assert "| unknown |" in lines[2]
    assert "above" not in lines[0]


def test_other_tasks_have_returns_alone() -> None:
    rows = [EpisodeResult(np.array([1.0, 2.0]), False, "", {}, _LAST)]
    assert scoreboard({"checkpoint": rows})[0] == "| policy | episodes | return | ends |"
