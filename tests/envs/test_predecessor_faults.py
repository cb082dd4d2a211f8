"""The predecessor's faults that concern the environment, each made impossible, by hand numbers."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.config import EnvConfig, RewardConfig, TaskConfig, with_options
from envs.task import observation, reward, route, termination
from envs.task.ego_state import EgoState
from envs.task.metrics import per_kilometre
from envs.task.route import RoutePosition
from envs.world.sensors import Sensor

TASK, REWARD = TaskConfig(), RewardConfig()
LINE = route.make_route(np.array([[0.0, 0.0, 0.0], [100.0, 0.0, 0.0], [100.0, 100.0, 0.0]]))


def parts(ego: EgoState, config: RewardConfig = REWARD, goal: bool = False) -> dict[str, float]:
    return reward.parts(
        ego,
        config,
        goal=goal,
        seconds=TASK.tick_seconds,
        target_speed=TASK.target_speed,
        off_road_seconds=TASK.off_road_seconds,
    )


def cruising(**changes) -> EgoState:
    ego = EgoState(
        speed=8.33, along=8.33, metres=0.4165, position=RoutePosition(10.0, 10.0, 0.0, 0.0)
    )
    return dataclasses.replace(ego, **changes)


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


@pytest.mark.parametrize("name", ["safety_weight", "progress_weight", "collision_penalty"])
def test_fault_4_negative_weights_are_refused(name):
    with pytest.raises(ValueError, match=name):
        RewardConfig(**{name: -0.1})


def test_fault_5_the_goal_bonus_and_the_end_share_one_distance():
    at = termination.Timers(steps=10, elapsed=0.5)
    for remaining, ended in ((TASK.goal_distance, True), (TASK.goal_distance + 0.01, False)):
        ending = termination.ending(cruising(remaining=remaining), at, TASK, 1000)
        assert ending.goal is ended
        assert ending.terminated is ended
        bonus = parts(cruising(), goal=ending.goal)["progress"] - parts(cruising())["progress"]
        assert bonus == pytest.approx(REWARD.goal_bonus if ended else 0.0)


def test_fault_3_distance_left_never_rises_or_jumps_while_driving_forward():
    position, left = route.start_position(), []
    for metre in np.arange(0.0, LINE.length, 0.5):
        x, y = LINE.at(metre)
        position = route.locate(LINE, position, x + 0.3, y - 0.2, LINE.yaw_at(metre))
        left.append(LINE.length - position.progress)
    steps = -np.diff(left)
    assert steps.min() >= 0.0
    assert steps.max() < 1.5
    assert left[-1] < 1.5


def test_progress_is_not_lost_by_rolling_back_nor_won_twice():
    there = route.locate(LINE, route.start_position(), 10.0, 0.0, 0.0)
    back = route.locate(LINE, there, 6.0, 0.0, 0.0)
    assert (there.progress, back.progress) == (pytest.approx(10.0), pytest.approx(10.0))
    assert back.distance == pytest.approx(6.0)


def test_fault_9_right_is_positive_in_a_left_handed_world():
    ahead_right = np.array([[10.0, 3.0]])
    np.testing.assert_allclose(route.to_vehicle_frame(ahead_right, 0, 0, 0.0), [[10.0, 3.0]])
    turned = route.to_vehicle_frame(ahead_right, 0, 0, math.pi / 2)
    np.testing.assert_allclose(turned, [[3.0, -10.0]], atol=1e-12)
    assert route.locate(LINE, route.start_position(), 5.0, 2.0, 0.1).lateral == pytest.approx(2.0)
    assert route.locate(LINE, route.start_position(), 5.0, 2.0, 0.1).heading == pytest.approx(0.1)


def test_fault_10_the_vector_has_one_length_and_stays_in_bounds():
    config = EnvConfig()
    for ego in (cruising(), cruising(speed=90.0, x=500.0, y=-500.0)):
        vector = observation.vector(ego, LINE, config)
        assert vector.shape == (23,)
        assert vector.dtype == np.float32
        assert np.abs(vector).max() <= 1.0
    assert config.task.vector_size == 23


def test_the_vector_by_hand():
    """On a straight at 10 m, 2 m to the right: waypoints every 5 m, each over its distance."""
    ego = cruising(x=10.0, y=2.0, position=RoutePosition(10.0, 10.0, lateral=2.0, heading=0.0))
    vector = observation.vector(ego, LINE, EnvConfig())
    assert vector[:3] == pytest.approx([0.5, 0.5, 0.0])
    along = 5.0 * np.arange(1, 11)
    np.testing.assert_allclose(vector[3::2], np.ones(10), atol=1e-6)
    np.testing.assert_allclose(vector[4::2], -2.0 / along, atol=1e-6)


def test_waypoints_past_the_goal_go_straight_on():
    ahead = LINE.ahead(192.0, 3, 5.0)
    np.testing.assert_allclose(ahead, [[100.0, 97.0], [100.0, 102.0], [100.0, 107.0]], atol=1e-9)
    assert LINE.at(205.0).tolist() == [100.0, 100.0]


def test_the_stack_forgets_the_last_episode_and_repeats_the_first_frame():
    stack = observation.FrameStack(4, 84)
    for value in range(6):
        stack.push(np.full((84, 84), value, np.uint8))
    assert stack.image[0, 0].tolist() == [2, 3, 4, 5]
    stack.reset(np.full((84, 84), 9, np.uint8))
    assert stack.image[0, 0].tolist() == [9, 9, 9, 9]


def test_grey_is_opencv_s_grey_averaged_over_areas():
    frame = np.zeros((168, 168, 4), np.uint8)
    frame[::2, :, :3] = 200
    small = observation.grey(frame, 84)
    assert small.shape == (84, 84)
    assert small.dtype == np.uint8
    np.testing.assert_array_equal(small, 100)


def lasting(seconds: float, **changes) -> termination.Ending:
    timers, ending = termination.Timers(), termination.Ending()
    for _ in range(round(seconds / TASK.tick_seconds)):
        ego = cruising(**changes)
        timers = termination.advance(timers, ego, TASK)
        ending = termination.ending(ego, timers, TASK, 1000)
    return ending


@pytest.mark.parametrize(
    ("changes", "allowed", "ended", "reason"),
    [
        ({"off_road": True}, 2.9, 3.0, termination.OFF_ROAD),
        ({"wrong_way": True}, 4.9, 5.0, termination.WRONG_WAY),
        ({"speed": 0.0}, 12.9, 13.0, termination.STUCK),
    ],
)
def test_tolerated_times(changes, allowed, ended, reason):
    assert lasting(allowed, **changes).reason == ""
    ending = lasting(ended + TASK.tick_seconds, **changes)
    assert (ending.terminated, ending.reason) == (True, reason)


def test_waiting_at_a_red_light_or_in_a_queue_is_not_being_stuck():
    assert lasting(30.0, speed=0.0, red_light=True).reason == ""
    assert lasting(30.0, speed=0.0, gap=3.0).reason == ""


def test_the_time_limit_truncates_and_does_not_terminate():
    ending = lasting(50.0)
    assert (ending.terminated, ending.truncated) == (False, True)
    assert ending.reason == termination.TIME_LIMIT


def test_a_crash_at_the_goal_is_a_crash():
    ego = cruising(collision=True, remaining=0.0)
    ending = termination.ending(ego, termination.Timers(), TASK, 1000)
    assert (ending.reason, ending.goal) == (termination.COLLISION, False)


def test_rates_per_kilometre_are_not_claimed_for_metres():
    assert math.isnan(per_kilometre(1, 0.001))
    assert per_kilometre(2, 4.0) == pytest.approx(0.5)


def test_fault_12_options_have_one_home_and_bad_ones_are_refused_by_name():
    names = [
        leaf.name
        for group in dataclasses.fields(EnvConfig)
        for leaf in dataclasses.fields(getattr(EnvConfig(), group.name))
    ]
    assert len(names) == len(set(names))
    with pytest.raises(ValueError, match="no_such"):
        with_options(EnvConfig(), no_such=1)
    with pytest.raises(ValueError, match="tick_seconds"):
        with_options(EnvConfig(), tick_seconds=0.2)


def test_fault_6_a_lane_invasion_counts_in_its_own_tick_only():
    heard: list = []
    actor = SimpleNamespace(listen=heard.append)
    sensor = Sensor(actor, "lane invasion", lambda event: event.mark)
    sensor.listen()
    (hear,) = heard
    hear(SimpleNamespace(frame=7, mark="solid"))
    assert sensor.drain(7) == ["solid"]
    assert sensor.drain(8) == []
    hear(SimpleNamespace(frame=8, mark="broken"))
    sensor.clear()
    assert sensor.drain(9) == []
