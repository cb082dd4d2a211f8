"""Motion from velocities: axes of the car, filtered acceleration, jerk, yaw rate."""

from __future__ import annotations

import math

import pytest

from envs.task.ego_state import LIGHT_GAP, QUEUE_GAP, SMOOTHING, Motion, move
from tests.envs.task.task_support import cruising

SECONDS = 0.05
SHARE = SECONDS / (SMOOTHING + SECONDS)


def test_velocity_is_in_the_car_s_axes():
    """Driving along y with the nose along y is forward; along x then is to the left."""
    motion = move(Motion(), 0.0, 5.0, math.pi / 2, SECONDS)
    assert motion.velocity == pytest.approx((5.0, 0.0))
    motion = move(Motion(), 5.0, 0.0, math.pi / 2, SECONDS)
    assert motion.velocity == pytest.approx((0.0, -5.0))


def test_the_first_tick_has_no_acceleration_and_the_second_no_jerk():
    first = move(Motion(), 8.0, 0.0, 0.0, SECONDS)
    assert (first.acceleration, first.jerk, first.yaw_rate) == ((0.0, 0.0), (0.0, 0.0), 0.0)
    second = move(first, 8.1, 0.0, 0.0, SECONDS)
    assert second.acceleration == pytest.approx((2.0, 0.0))
    assert second.jerk == (0.0, 0.0)
    third = move(second, 8.1, 0.0, 0.0, SECONDS)
    assert third.acceleration == pytest.approx((2.0 * (1.0 - SHARE), 0.0))
    assert third.jerk == pytest.approx((-2.0 * SHARE / SECONDS, 0.0))


def test_a_steady_bend_has_lateral_acceleration_v_times_yaw_rate():
    motion, rate = Motion(), 0.3
    for tick in range(100):
        yaw = rate * SECONDS * tick
        motion = move(motion, 5.0 * math.cos(yaw), 5.0 * math.sin(yaw), yaw, SECONDS)
    assert motion.yaw_rate == pytest.approx(rate)
    assert motion.acceleration == pytest.approx((0.0, 5.0 * rate), abs=1e-6)
    assert motion.jerk == pytest.approx((0.0, 0.0), abs=1e-6)


def test_yaw_rate_passes_the_turn_from_180_to_minus_180_degrees():
    first = move(Motion(), -1.0, 0.0, math.pi - 0.01, SECONDS)
    second = move(first, -1.0, 0.0, -math.pi + 0.01, SECONDS)
    assert second.yaw_rate == pytest.approx(0.02 / SECONDS)


def test_a_red_light_or_a_near_actor_is_a_reason_to_wait():
    assert not cruising().waits
    assert cruising(red_light=True).waits
    assert cruising(gap=QUEUE_GAP - 0.1).waits
    assert not cruising(gap=QUEUE_GAP).waits
    assert cruising(light=LIGHT_GAP - 0.1, light_closed=True).waits
    assert not cruising(light=LIGHT_GAP - 0.1).waits
    assert not cruising(light=LIGHT_GAP, light_closed=True).waits
