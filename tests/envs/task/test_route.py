"""Routes: progress is monotone, right is positive, the line goes on past the goal."""

from __future__ import annotations

import math

import numpy as np
import pytest

from envs.task import route
from tests.envs.task.task_support import LINE


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


def test_waypoints_past_the_goal_go_straight_on():
    ahead = LINE.ahead(192.0, 3, 5.0)
    np.testing.assert_allclose(ahead, [[100.0, 97.0], [100.0, 102.0], [100.0, 107.0]], atol=1e-9)
    assert LINE.at(205.0).tolist() == [100.0, 100.0]
