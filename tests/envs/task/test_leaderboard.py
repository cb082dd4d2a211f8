"""Our scores against those of the CARLA Leaderboard's own statistics code on the same records.

The numbers are what `StatisticsManager.compute_route_statistics` and `compute_global_statistics`
of github.com/carla-simulator/leaderboard, leaderboard/utils/statistics_manager.py, returned for
routes with the events below: 2.0 is branch leaderboard-2.0 at a87a3419, 2.1 is branch
leaderboard-2.1 at cfecdc8d, both with TrafficEvent of scenario_runner's branch leaderboard-2.0.
It rounds scores to 6 digits and deviations to 3.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from envs.task.metrics import EpisodeMetrics, aggregate
from envs.task.route import RoutePosition
from tests.envs.task.task_support import TASK, cruising

TICKS = 200


class Record(NamedTuple):
    """A route of 100 m: what of it was driven, what happened, and what the Leaderboard made of it.

    completed, outside: %, the second of the distance driven. penalty, composed: its score_penalty
    and score_composed.
    """

    completed: float
    hits: tuple[str, ...]
    red_lights: int
    outside: float
    penalty_2_0: float
    composed_2_0: float
    penalty_2_1: float
    composed_2_1: float


EVERY_KIND = ("pedestrian", "vehicle", "static")
RECORDS = (
    Record(100, (), 0, 0, 1.0, 100.0, 1.0, 100.0),
    Record(100, ("pedestrian",), 0, 0, 0.5, 50.0, 0.5, 50.0),
    Record(100, ("pedestrian",) * 2, 0, 0, 0.25, 25.0, 0.333333, 33.333333),
    Record(100, ("vehicle",), 1, 0, 0.42, 42.0, 0.47619, 47.619048),
    Record(100, ("static",), 0, 0, 0.65, 65.0, 0.625, 62.5),
    Record(100, (), 3, 0, 0.343, 34.3, 0.454545, 45.454545),
    Record(100, ("vehicle",), 0, 25, 0.45, 45.0, 0.441176, 44.117647),
    Record(40, ("vehicle",), 0, 0, 0.6, 24.0, 0.588235, 23.529412),
    Record(73, EVERY_KIND, 2, 12.5, 0.083606, 6.103256, 0.213415, 15.579268),
    Record(0, ("static",), 0, 0, 0.65, 0.0, 0.625, 0.0),
    Record(60, (), 0, 100, 0.0, 0.0, 0.0, 0.0),
)
#: The episodes of `td3jax evaluate --policy=blind --episodes=4 --seed=1000 --eval_steps=1200`.
EVALUATED = (
    Record(58.495005384592744, (), 0, 0, 1.0, 58.495005, 1.0, 58.495005),
    Record(76.50851197296127, (), 1, 0, 0.7, 53.555958, 0.714286, 54.648937),
    Record(20.00594430861414, ("vehicle",), 1, 0, 0.42, 8.402497, 0.47619, 9.52664),
    Record(80.46691904121788, (), 2, 0, 0.49, 39.42879, 0.555556, 44.703844),
)
#: Over all of RECORDS: the means of score_route (%), score_penalty and score_composed, and the
#: deviation of the last.
TOTAL_2_0 = (79.363636, 0.449691, 35.582114, 30.003)
TOTAL_2_1 = (79.363636, 0.477899, 38.37575)


def driven(record: Record) -> dict[str, float]:
    """Our figures of an episode of 200 ticks in which the same happened."""
    metrics = EpisodeMetrics(100.0, TASK.tick_seconds, TASK.target_speed, has_lights=True)
    for tick in range(TICKS):
        position = RoutePosition(record.completed * (tick + 1) / TICKS, 0.0, 0.0, 0.0)
        ego = cruising(
            speed=8.0,
            position=position,
            corner_off_road=tick < record.outside * TICKS / 100,
            collision=tick < len(record.hits),
            collision_kind=record.hits[tick] if tick < len(record.hits) else "",
        )
        metrics.add(ego, 0.0, ran_red=tick < record.red_lights)
    return metrics.result("goal" if record.completed == 100 else "stuck")


@pytest.mark.parametrize("record", RECORDS + EVALUATED)
def test_an_episode_scores_as_the_leaderboard_scores_it(record):
    found = driven(record)
    assert 100.0 * found["route_completion"] == pytest.approx(record.completed)
    assert found["infraction_score"] == pytest.approx(record.penalty_2_0, abs=1e-6)
    assert found["driving_score"] == pytest.approx(record.composed_2_0, abs=1e-6)
    assert found["infraction_score_2_1"] == pytest.approx(record.penalty_2_1, abs=1e-6)
    assert found["driving_score_2_1"] == pytest.approx(record.composed_2_1, abs=1e-6)


def test_episodes_together_score_as_the_leaderboard_scores_them():
    total = aggregate(driven(record) for record in RECORDS)
    route, penalty, composed, deviation = TOTAL_2_0
    assert 100.0 * total["route_completion"] == pytest.approx(route, abs=1e-6)
    assert total["infraction_score"] == pytest.approx(penalty, abs=1e-6)
    assert total["driving_score"] == pytest.approx(composed, abs=1e-6)
    assert total["driving_score_std"] == pytest.approx(deviation, abs=1e-3)
    assert 100.0 * total["route_completion"] == pytest.approx(TOTAL_2_1[0], abs=1e-6)
    assert total["infraction_score_2_1"] == pytest.approx(TOTAL_2_1[1], abs=1e-6)
    assert total["driving_score_2_1"] == pytest.approx(TOTAL_2_1[2], abs=1e-6)
