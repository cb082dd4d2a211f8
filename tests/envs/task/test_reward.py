"""The reward by hand numbers; no weight makes a crash or speeding pay."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.task import reward
from envs.task.allowed import allowed_speed
from envs.task.ego_state import EgoState
from envs.task.foresight import Crossing
from envs.task.route import RoutePosition, make_route
from tests.envs.task.task_support import LINE, REWARD, TASK, cruising, parts


def test_parts_by_hand():
    found = parts(cruising(waypoints=1))
    assert found["efficiency"] == pytest.approx(2.0)
    assert found["lane_keeping"] == pytest.approx(2.0)
    assert found["comfort"] == 0.0
    assert found["safety"] == 0.0
    assert found["progress"] == pytest.approx(2.0 * 0.4165 + 1.0)


def test_half_the_tolerance_costs_a_quarter_of_lane_keeping():
    position = RoutePosition(10.0, 10.0, lateral=0.25, heading=0.0)
    assert parts(cruising(position=position))["lane_keeping"] == pytest.approx(2.0 * 0.75)


def test_standing_costs_unless_there_is_a_reason_and_reversing_always():
    standing = cruising(speed=0.0, along=0.0)
    assert parts(standing)["efficiency"] == pytest.approx(2.0 * -0.5)
    crawling = parts(cruising(speed=0.5, along=0.5))["efficiency"]
    assert crawling == pytest.approx(2.0 * (0.5 / (8.33 - 1.39) - 0.25))
    for reason in ({"red_light": True}, {"gap": 5.0}):
        assert parts(dataclasses.replace(standing, **reason))["efficiency"] == 0.0
    assert parts(cruising(speed=-3.0, along=-3.0))["efficiency"] < 0.0


def test_efficiency_above_the_tolerance_by_hand():
    most = 8.33 + 1.39
    assert parts(cruising(along=most))["efficiency"] == pytest.approx(2.0)
    assert parts(cruising(along=most + 8.33 / 2.0))["efficiency"] == pytest.approx(0.0)
    assert parts(cruising(along=most + 8.33))["efficiency"] == pytest.approx(-2.0)


@given(over=st.floats(0.1, 25.0))
def test_speeding_never_earns_more_than_the_target_speed(over):
    """A trained policy drove at 28 m/s while each metre paid and speed cost little."""

    def earned(speed: float) -> float:
        found = parts(cruising(speed=speed, along=speed, metres=speed * TASK.tick_seconds))
        bonus = REWARD.waypoint_bonus * speed * TASK.tick_seconds / TASK.waypoint_spacing
        return sum(found.values()) + bonus

    assert earned(8.33 + 1.39 + over) < earned(8.33 + 1.39)


def test_jerk_beyond_the_tolerance_costs_comfort_only_while_moving():
    rough = cruising(jerk=(6.0, 0.0))
    assert parts(rough)["comfort"] == pytest.approx(-0.25)
    assert parts(dataclasses.replace(rough, speed=0.5))["comfort"] == 0.0


@given(
    speed=st.floats(-5, 20),
    lateral=st.floats(-5, 5),
    gap=st.floats(0, 100),
    weight=st.floats(0.0, 10.0),
)
def test_fault_4_a_crash_never_pays(speed, lateral, gap, weight):
    config = dataclasses.replace(REWARD, safety_weight=weight)
    ego = cruising(
        speed=speed, along=speed, position=RoutePosition(1.0, 1.0, lateral, 0.0), gap=gap
    )
    crashed = dataclasses.replace(ego, collision=True)
    assert sum(parts(crashed, config).values()) <= sum(parts(ego, config).values())
    assert parts(ego, config)["safety"] <= 0.0


OPTIONS = dataclasses.replace(REWARD, speed_weight=4.0, red_light_weight=1.0)


def test_the_optional_terms_are_no_part_of_the_reward_by_default():
    assert list(parts(cruising())) == [
        "efficiency",
        "lane_keeping",
        "comfort",
        "safety",
        "progress",
    ]
    assert list(parts(cruising(), OPTIONS))[5:] == ["speed", "red_light"]
    only_lights = dataclasses.replace(REWARD, red_light_weight=2.0)
    assert list(parts(cruising(), only_lights))[5:] == ["red_light"]


def options(ego: EgoState, allowed: float = math.inf, ran_red: bool = False) -> dict[str, float]:
    return reward.parts(reward.Moment(ego, TASK, False, ran_red, allowed), OPTIONS)


def test_the_speed_term_by_hand():
    """4 at the target on a free road, 0 where missed by 8.33 m/s, and 4 standing at a light."""
    assert options(cruising())["speed"] == pytest.approx(4.0)
    standing = cruising(speed=0.0, along=0.0)
    assert options(standing)["speed"] == pytest.approx(0.0)
    assert options(standing, allowed=0.0)["speed"] == pytest.approx(4.0)
    assert options(cruising(), allowed=0.0)["speed"] == pytest.approx(0.0)
    assert options(cruising(), allowed=6.0)["speed"] == pytest.approx(4.0 * (1.0 - 2.33 / 8.33))
    assert options(cruising(along=-9.0))["speed"] == pytest.approx(-4.0)


def test_a_red_light_that_is_run_costs_once_and_never_pays():
    assert options(cruising())["red_light"] == 0.0
    assert options(cruising(), ran_red=True)["red_light"] == -50.0


@pytest.mark.parametrize(
    ("changes", "most"),
    [
        ({}, 8.33),
        ({"red_light": True}, 0.0),
        ({"red_light": True, "in_junction": True}, 8.33),
        ({"gap": 4.0, "closing": 8.33}, 0.0),
        ({"foresee": lambda: Crossing(5.0, 5.0)}, 5.0),
    ],
)
def test_the_allowed_speed_is_the_least_of_all_that_bounds_it(changes, most):
    straight = make_route(np.array([[0.0, 0.0, 0.0], [200.0, 0.0, 0.0]]))
    assert allowed_speed(cruising(**changes), straight, 8.33) == pytest.approx(most)


def test_bends_bound_the_allowed_speed():
    """The corner of the line is a bend of a few metres: at 2.5 m/s, the slowest turn."""
    before = cruising(position=RoutePosition(20.0, 20.0, 0.0, 0.0))
    corner = cruising(position=RoutePosition(99.0, 99.0, 0.0, 0.0))
    assert allowed_speed(before, LINE, 8.33) == pytest.approx(8.33)
    assert allowed_speed(corner, LINE, 8.33) == pytest.approx(2.5, abs=1.0)
