"""Driving metrics by hand-worked episodes."""

from __future__ import annotations

import math

import pytest

from envs.task.metrics import CollisionCounter, EpisodeMetrics, Hit, aggregate, per_kilometre
from envs.task.route import RoutePosition
from tests.envs.task.task_support import TASK, cruising


def driven(
    events: list[dict],
    *,
    ran_red: int = 0,
    outside: int = 0,
    progress: float = 100.0,
    has_lights: bool = True,
    reason: str = "goal",
) -> dict[str, float]:
    """The figures of 200 ticks at 8 m/s (80 m) on a route of 100 m with events in the first ticks;
    `outside` of its last ticks were off the road."""
    metrics = EpisodeMetrics(100.0, TASK.tick_seconds, TASK.target_speed, has_lights)
    for tick in range(200):
        changes = events[tick] if tick < len(events) else {}
        position = RoutePosition(progress * (tick + 1) / 200, 0.0, 0.0, 0.0)
        ego = cruising(
            speed=8.0, position=position, corner_off_road=tick >= 200 - outside, **changes
        )
        metrics.add(ego, 0.0, ran_red=tick < ran_red)
    return metrics.result(reason)


def hit(kind: str) -> dict:
    return {"collision": True, "collision_kind": kind}


@pytest.mark.parametrize(
    ("events", "more", "score", "score_2_1"),
    [
        ([], {}, 100.0, 100.0),
        ([hit("pedestrian")], {}, 50.0, 50.0),
        ([hit("pedestrian")] * 2, {}, 25.0, 100.0 / 3.0),
        ([hit("vehicle")], {"ran_red": 1}, 42.0, 100.0 / 2.1),
        ([hit("static")], {}, 65.0, 100.0 / 1.6),
        ([], {"ran_red": 3}, 34.3, 100.0 / 2.2),
        ([hit("vehicle")], {"outside": 50}, 45.0, 75.0 / 1.7),
        ([hit("vehicle")], {"reason": "collision", "progress": 40.0}, 24.0, 40.0 / 1.7),
        ([], {"ran_red": 2, "has_lights": False}, 100.0, 100.0),
    ],
)
def test_the_scores_of_leaderboard_2_0_and_2_1(events, more, score, score_2_1):
    found = driven(events, **more)
    assert found["driving_score"] == pytest.approx(score)
    assert found["driving_score_2_1"] == pytest.approx(score_2_1)
    for version in ("", "_2_1"):
        product = 100.0 * found["route_completion"] * found[f"infraction_score{version}"]
        assert found[f"driving_score{version}"] == pytest.approx(product)


def test_success_is_the_goal_without_a_collision():
    assert driven([])["success"] == 1.0
    assert driven([hit("static")])["success"] == 0.0
    assert driven([], reason="time_limit", progress=99.0)["success"] == 0.0


def test_completion_is_whole_at_the_goal_and_the_furthest_share_elsewhere():
    assert driven([], progress=97.0)["route_completion"] == 1.0
    assert driven([], progress=97.0, reason="stuck")["route_completion"] == pytest.approx(0.97)


def test_counts_of_kinds_and_distance_by_hand():
    found = driven([hit("vehicle"), hit("pedestrian"), hit("vehicle")], ran_red=1)
    assert found["distance_m"] == pytest.approx(200 * 0.05 * 8.0)
    kinds = ("vehicle", "pedestrian", "static")
    assert [found[f"collisions_{kind}"] for kind in kinds] == [2.0, 1.0, 0.0]
    assert (found["collisions"], found["red_lights"]) == (3.0, 1.0)
    assert found["collisions_per_km"] == pytest.approx(3.0 / 0.08)
    assert math.isnan(driven([], has_lights=False)["red_lights"])


def test_the_mean_of_scores_is_not_the_score_of_means():
    rows = [driven([]), driven([hit("pedestrian")], reason="collision", progress=20.0)]
    total = aggregate(rows)
    assert total["driving_score"] == pytest.approx((100.0 + 10.0) / 2.0)
    assert total["driving_score_std"] == pytest.approx(45.0 * math.sqrt(2.0))
    assert aggregate(rows[:1])["driving_score_std"] == 0.0
    assert total["collisions_per_km"] == pytest.approx(1.0 / 0.16)
    assert total["episodes"] == 2.0


def test_a_crash_counts_once_and_a_standing_ego_is_not_at_fault():
    counter = CollisionCounter()
    first = Hit(other=7, kind="vehicle", seconds=1.0, x=0.0, y=0.0, speed=5.0)
    later = {"other": 7, "kind": "vehicle", "speed": 5.0}
    assert counter.is_new(first)
    assert not counter.is_new(Hit(**later, seconds=5.9, x=50.0, y=0.0))
    assert not counter.is_new(Hit(**{**later, "other": 8}, seconds=1.1, x=3.0, y=3.0))
    assert counter.is_new(Hit(**{**later, "other": 9}, seconds=1.1, x=90.0, y=0.0))
    assert counter.is_new(Hit(**later, seconds=20.0, x=0.0, y=0.0))
    assert counter.at_fault(first)
    assert not counter.at_fault(Hit(**{**later, "speed": 0.05}, seconds=1.0, x=0.0, y=0.0))


def test_rates_per_kilometre_are_not_claimed_for_metres():
    assert math.isnan(per_kilometre(1, 0.001))
    assert per_kilometre(2, 4.0) == pytest.approx(0.5)
