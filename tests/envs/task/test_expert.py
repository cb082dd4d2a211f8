"""The expert: steering by geometry, speed by the most pressing reason, a closed loop on a bend."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from envs.task import route
from envs.task.ego_state import EgoState
from envs.task.expert import (
    BRAKES,
    LIGHT,
    ORDINARY,
    STANDING_LABEL,
    STARTS,
    Car,
    Expert,
    ExpertConfig,
)
from envs.task.foresight import Foresight
from tests.envs.task.task_support import LINE, cruising

CAR = Car()
STRAIGHT = route.make_route(np.array([[0.0, 0.0, 0.0], [300.0, 0.0, 0.0]]))
SECONDS = 0.05


def expert() -> Expert:
    return Expert(CAR, target_speed=8.33)


def at(x: float, y: float, yaw: float = 0.0, **changes: float) -> EgoState:
    """An ego on the straight."""
    position = route.locate(STRAIGHT, route.RoutePosition(x, x, 0.0, 0.0), x, y, yaw)
    return cruising(x=x, y=y, yaw=yaw, position=position, **changes)


def before_walker(y: float) -> EgoState:
    """An ego 16 m before somebody who runs across at 4 m/s, towards +y."""
    others = np.array([[66.0, y, 0.0, 4.0, math.pi / 2, 0.3, 0.3]])
    ego, cruise = at(50.0, 0.0), np.full(len(STRAIGHT.distances), 8.33)
    found = Foresight(route.Lanes(), STRAIGHT, cruise).update(
        others, ego.position, ego.speed, (2.4, 1.1), (math.inf, 0.0), frozenset(), SECONDS
    )
    return replace(ego, foresee=found)


def test_on_the_line_it_steers_straight_and_back_to_it_from_either_side():
    assert expert().steer(at(50.0, 0.0), STRAIGHT) == pytest.approx(0.0)
    right, left = (expert().steer(at(50.0, y), STRAIGHT) for y in (1.0, -1.0))
    assert right < 0.0 < left
    assert right == pytest.approx(-left)


def test_pure_pursuit_by_hand():
    """8.33 m/s look 0.55 s ahead: 4.58 m, from the rear axle 6.03 m; 1 m to the left."""
    ahead, right = 0.55 * 8.33 + 1.45, -1.0
    angle = math.atan(2.0 * 2.9 * right / (ahead**2 + right**2))
    steering = expert().steer(at(50.0, 1.0), STRAIGHT)
    assert steering == pytest.approx(angle / math.radians(70.0))


def test_a_free_straight_is_driven_at_the_target_speed():
    assert expert().wanted_speed(at(50.0, 0.0), STRAIGHT) == pytest.approx(8.33)


def test_a_bend_slows_it_before_it_is_reached():
    speeds = []
    for metre in (20.0, 91.0, 95.0):
        position = route.RoutePosition(metre, metre, 0.0, 0.0)
        ego = cruising(x=metre, position=position)
        speeds.append(expert().wanted_speed(ego, LINE))
    assert speeds[0] == pytest.approx(8.33)
    assert speeds[0] > speeds[1] > speeds[2] >= 2.5


def test_the_gap_ahead_decides_by_the_braking_distance():
    """A standing actor 14 m ahead leaves 10 m to the standing gap of 4 m: v^2 = 2 * 2.5 * 10."""
    ego = at(50.0, 0.0, gap=14.0, closing=8.33)
    assert expert().wanted_speed(ego, STRAIGHT) == pytest.approx(math.sqrt(50.0))
    assert expert().wanted_speed(replace(ego, gap=4.0), STRAIGHT) == 0.0
    follows = replace(ego, gap=4.0, closing=0.0)
    assert expert().wanted_speed(follows, STRAIGHT) == pytest.approx(8.33 * math.sqrt(0.9))


def test_a_red_light_stops_it_before_the_junction_and_not_within():
    waits = at(50.0, 0.0, red_light=True)
    assert expert().wanted_speed(waits, STRAIGHT) == 0.0
    inside = replace(waits, in_junction=True)
    assert expert().wanted_speed(inside, STRAIGHT) == pytest.approx(8.33)


@pytest.mark.parametrize(
    ("changes", "speed"),
    [
        ({"light": 17.0}, math.sqrt(50.0)),  # 10 m to where it stops: v^2 = 2 * 2.5 * 10
        ({"light": 40.0}, 8.33),
        ({"light": 7.0, "red_light": True}, 0.0),
        ({"light": 4.0, "yellow_light": True}, 8.33),  # 4 m take 8.7 m/s^2 to stop
        ({"light": 4.0, "red_light": True}, 0.0),
        ({"light": 17.0, "light_closed": False}, 8.33),
        ({"light": 100.0, "red_light": True}, 0.0),  # the zone of a light whose line is unknown
        ({"light": 100.0, "red_light": True, "light_closed": False}, 0.0),
        ({"light": 1.0, "in_junction": True}, 8.33),
    ],
)
def test_before_a_closed_light_it_stops_seven_metres_from_the_line(changes, speed):
    ego = at(50.0, 0.0, **{"light_closed": True, **changes})
    assert expert().wanted_speed(ego, STRAIGHT) == pytest.approx(speed)


def test_the_blind_driver_knows_no_light():
    ego = at(50.0, 0.0, light=7.0, light_closed=True, red_light=True)
    assert expert().act(ego, STRAIGHT, SECONDS)[1] == -1.0
    assert expert().act_blind(ego, STRAIGHT, SECONDS)[1] >= 0.0


def test_crossing_traffic_is_waited_for_and_traffic_going_away_is_not():
    assert expert().wanted_speed(before_walker(-8.0), STRAIGHT) < 8.0
    assert expert().wanted_speed(before_walker(8.0), STRAIGHT) == pytest.approx(8.33)


def test_the_pedal_brakes_hard_to_stand_and_gives_throttle_to_start():
    stands = at(50.0, 0.0, speed=0.0, along=0.0)
    assert expert().act(replace(stands, red_light=True), STRAIGHT, SECONDS)[1] == -1.0
    action = expert().act(stands, STRAIGHT, SECONDS)
    assert action.dtype == np.float32
    assert action[1] == 1.0


def test_waiting_does_not_wind_up_the_speed_controller():
    driver, waits = expert(), at(50.0, 0.0, speed=0.0, along=0.0, red_light=True)
    for _ in range(400):
        driver.act(waits, STRAIGHT, SECONDS)
    cruises = at(50.0, 0.0)
    late, fresh = (who.act(cruises, STRAIGHT, SECONDS) for who in (driver, expert()))
    np.testing.assert_array_equal(late, fresh)


def test_a_simple_car_under_its_actions_follows_the_bend():
    """Kinematic bicycle about the car's centre; throttle and brake as accelerations."""
    driver = expert()
    x, y, yaw, speed = 0.0, 0.5, 0.0, 0.0
    position, worst = route.start_position(), 0.0
    for _ in range(1200):
        ego = cruising(x=x, y=y, yaw=yaw, speed=speed, along=speed, position=position)
        steering, pedal = driver.act(ego, LINE, SECONDS)
        speed = max(speed + SECONDS * (3.0 * pedal if pedal > 0 else 6.0 * pedal), 0.0)
        angle = steering * CAR.most_steering
        slip = math.atan(0.5 * math.tan(angle))
        x += SECONDS * speed * math.cos(yaw + slip)
        y += SECONDS * speed * math.sin(yaw + slip)
        yaw += SECONDS * speed / CAR.wheelbase * math.tan(angle) * math.cos(slip)
        position = route.locate(LINE, position, x, y, yaw)
        worst = max(worst, abs(position.lateral))
        if position.progress > LINE.length - 3.0:
            break
    assert position.progress > LINE.length - 3.0
    assert worst < 2.0
    assert abs(position.lateral) < 0.1


@pytest.mark.parametrize(
    ("changes", "label", "stratum"),
    [
        ({}, 0.0, ORDINARY),
        ({"speed": 9.33}, -0.45, BRAKES),
        ({"speed": 9.33, "light": 24.0}, -0.45, LIGHT),
        ({"speed": 9.33, "light": 26.0}, -0.45, BRAKES),
        ({"speed": 9.33, "light": 24.0, "in_junction": True}, -0.45, BRAKES),
        ({"speed": 0.0, "along": 0.0, "light": 5.0}, 1.0, STARTS),
        ({"speed": 0.0, "along": 0.0}, 1.0, STARTS),
        ({"speed": 0.0, "along": 0.0, "red_light": True}, STANDING_LABEL, ORDINARY),
        ({"red_light": True}, -1.0, BRAKES),
    ],
)
def test_the_label_of_a_decision_and_its_stratum(changes, label, stratum):
    """Standing it brakes in full itself, which a pupil's tanh could not unlearn."""
    decision = Expert(CAR, 8.33, ExpertConfig(integral=0.0)).decide(
        at(50.0, 0.0, **changes), STRAIGHT, SECONDS
    )
    assert decision.label[1] == pytest.approx(label, abs=1e-6)
    assert decision.label[0] == decision.action[0]
    assert decision.stratum == stratum
    if changes.get("speed") == 0.0 and changes.get("red_light"):
        assert decision.action[1] == -1.0
