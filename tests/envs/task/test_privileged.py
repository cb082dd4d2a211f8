"""What the simulator knows, in situations made by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from envs.task import privileged
from envs.task.ego_state import EgoState
from envs.task.foresight import Crossing, Foresight
from envs.task.privileged import Scene, numbers
from envs.task.route import RoutePosition
from envs.task.surroundings import NOBODY
from envs.task.termination import Timers
from tests.envs.task.junction_support import HALF, car, crossroads, going_straight, turning_left
from tests.envs.task.task_support import LINE, TASK, cruising

ROUTE = going_straight()
FORESIGHT = Foresight(crossroads(), ROUTE, np.full(len(ROUTE.distances), 8.33))


def scene(metre: float = 10.0, others: np.ndarray = NOBODY, **changes: Any) -> Scene:
    """An ego on the crossroads' straight route, whose metre m is at x = m - 60."""
    ego = cruising(x=metre - 60.0, position=RoutePosition(metre, metre, 0.0, 0.0), **changes)
    foresee = FORESIGHT.update(
        others, ego.position, ego.speed, HALF, (ego.gap, ego.speed), frozenset(), 0.05
    )
    if "foresee" not in changes:
        ego = replace(ego, foresee=foresee)
    return Scene(ego, ROUTE, TASK, others=others, passages=FORESIGHT.passages)


def test_alone_on_a_free_road_everything_infinite_is_one():
    found = numbers(scene(remaining=math.inf))
    values = privileged.vector(scene())
    assert (values.dtype, values.shape) == (np.float32, (len(privileged.names()),))
    assert np.abs(values).max() <= 1.0
    assert tuple(found) == privileged.names()
    infinite = ("gap", "lead_speed", "collision_seconds", "light", "crossing", "crossing_margin")
    allowed = ("gap_speed", "light_speed", "crossing_speed")
    assert {name for name, value in found.items() if math.isinf(value)} >= {*infinite, *allowed}
    shown = dict(zip(privileged.names(), values.tolist(), strict=True))
    assert {shown[name] for name in (*infinite, *allowed)} == {1.0}
    assert found["speed"] == pytest.approx(0.5)
    assert found["allowed"] == pytest.approx(1.0)
    assert found["excess"] == pytest.approx(0.0)
    assert found["car1_ahead"] == found["walker1_ahead"] == 1.0


def test_the_car_ahead_by_hand():
    """At 5 m/s, 14 m ahead; from there the ego has 10 m to stop in: 2 * 2.5 * 10 + 0.9 * 25."""
    ego = scene(others=car(-50.0 + 2.4 + 14.0 + 2.4, 0.0, 5.0, 0.0), gap=14.0, closing=3.33)
    found = numbers(ego)
    assert found["gap"] == pytest.approx(14.0 / 50.0)
    assert found["lead_speed"] == pytest.approx(0.5)
    assert found["closing"] == pytest.approx(0.333)
    assert found["collision_seconds"] == pytest.approx(14.0 / 3.33 / 10.0)
    assert found["gap_speed"] == pytest.approx(math.sqrt(72.5) / 8.33)
    assert found["car1_ahead"] == pytest.approx(18.8 / 50.0)
    assert (found["car1_moves_ahead"], found["car1_moves_right"]) == pytest.approx((0.5, 0.0))
    assert found["car2_ahead"] == 1.0


def test_a_red_light_forbids_to_go_on_and_one_further_off_is_known():
    zone = numbers(scene(red_light=True, light=6.0, light_closed=True))
    assert (zone["light_speed"], zone["allowed"], zone["red"], zone["yellow"]) == (0, 0, 1, 0)
    assert zone["excess"] == pytest.approx(1.0)
    far = numbers(scene(light=30.0, light_closed=True))
    assert (far["light"], far["light_closed"], far["red"]) == pytest.approx((0.6, 1.0, 0.0))
    assert far["allowed"] == pytest.approx(1.0)
    inside = numbers(scene(red_light=True, in_junction=True))
    assert math.isinf(inside["light_speed"])


def test_a_car_turning_across_is_in_the_crossing_s_numbers():
    """Seen from metre 40, whose bonnet is 2.4 m further on; the zones are there without it."""
    found = numbers(scene(40.0, turning_left(4.0, 5.0)))
    assert 0.0 < found["crossing"] < 0.3
    assert found["crossing_margin"] < 0.0
    assert found["allowed"] == min(found["crossing_speed"], 1.0)
    free = numbers(scene(40.0))
    (passage,) = FORESIGHT.passages
    assert free["junction"] == pytest.approx((passage.enter - 42.4) / 50.0)
    assert free["junction_end"] == pytest.approx((passage.leave - 42.4) / 50.0)
    assert free["junction_turns"] == 0.0
    assert math.isinf(free["crossing_margin"])
    assert math.isinf(numbers(scene(100.0))["junction"])


def test_a_car_that_comes_late_has_a_positive_margin():
    """It is 25 m before the ego's lane at 5 m/s, and the ego 11 m before the zone at 8.33 m/s."""
    found = numbers(scene(40.0, car(-1.75, -40.0, 5.0, math.pi / 2)))
    assert 0.0 < found["crossing_margin"] < 1.0
    assert math.isinf(found["crossing"])


def test_a_bend_is_seen_before_it_comes():
    """The line turns right by 90 degrees at metre 100."""
    ego = cruising(x=85.0, position=RoutePosition(85.0, 85.0, 0.0, 0.0))
    found = numbers(Scene(ego, LINE, TASK))
    assert found["turn_10m"] == pytest.approx(0.0)
    assert found["turn_20m"] == pytest.approx(1.0)
    assert found["bend_speed"] < 1.2
    aside = numbers(Scene(replace(ego, y=1.0), LINE, TASK))
    assert aside["right_5m"] == pytest.approx(-0.2)
    assert aside["right_10m"] == pytest.approx(-0.1)


def test_others_are_told_apart_and_ordered_by_distance():
    """Seen from an ego at (-50, 0) that heads +y: its right is towards -x."""
    walker = np.array([[-48.0, 10.0, -1.5, 0.0, math.pi, 0.3, 0.3]])
    others = np.concatenate([car(-30.0, 0.0, 4.0, 0.0), walker, car(-50.0, 5.0, 8.0, math.pi / 2)])
    ego = replace(scene(others=others).ego, yaw=math.pi / 2)
    found = numbers(replace(scene(others=others), ego=ego))
    first = [found[f"car1_{part}"] for part in ("ahead", "right", "moves_ahead", "moves_right")]
    assert first == pytest.approx([0.1, 0.0, 0.8, 0.0])
    second = [found[f"car2_{part}"] for part in ("ahead", "right", "moves_ahead", "moves_right")]
    assert second == pytest.approx([0.0, -0.4, 0.0, -0.4])
    assert (found["walker1_ahead"], found["walker1_right"]) == pytest.approx((0.2, -0.04))
    assert found["walker1_moves_right"] == pytest.approx(0.15)


def test_the_ego_s_own_state_and_clocks_by_hand():
    timers = Timers(off_road=1.5, standing=2.0)
    ego = EgoState(speed=-1.0, acceleration=(-4.0, 2.0), yaw_rate=0.5, remaining=20.0)
    shown = Scene(ego, LINE, TASK, timers, waited=3.0, action=(0.25, -0.5))
    found = numbers(shown)
    expected = {
        "speed": -1.0 / 16.66,
        "acceleration": -0.5,
        "sideways": 0.25,
        "yaw_rate": 0.5,
        "steering": 0.25,
        "pedal": -0.5,
        "remaining": 0.4,
        "off_road": 0.5,
        "standing": 0.2,
        "waited": 0.3,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_what_nobody_reads_is_not_foreseen():
    asked = []

    def foresee() -> Crossing:
        asked.append(1)
        return Crossing(3.0, 4.0)

    ego = cruising(foresee=foresee)
    assert replace(ego, gap=9.0).waits is False
    assert not asked
    assert (ego.crossing.metres, ego.crossing.speed) == (3.0, 4.0)
    assert len(asked) == 1
