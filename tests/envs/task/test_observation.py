"""The observation: the vector by hand, the grey picture, the stack."""

from __future__ import annotations

import numpy as np
import pytest

from envs.task import observation
from envs.task.route import RoutePosition
from tests.envs.task.task_support import LINE, TASK, cruising


def test_fault_10_the_vector_has_one_length_and_stays_in_bounds():
    for ego in (cruising(), cruising(speed=90.0, x=500.0, y=-500.0)):
        vector = observation.vector(ego, LINE, TASK)
        assert vector.shape == (23,)
        assert vector.dtype == np.float32
        assert np.abs(vector).max() <= 1.0
    assert observation.vector_size(TASK) == 23


def test_the_vector_by_hand():
    """On a straight at 10 m, 2 m to the right: waypoints every 5 m, each over its distance."""
    ego = cruising(x=10.0, y=2.0, position=RoutePosition(10.0, 10.0, lateral=2.0, heading=0.0))
    vector = observation.vector(ego, LINE, TASK)
    assert vector[:3] == pytest.approx([0.5, 0.5, 0.0])
    along = 5.0 * np.arange(1, 11)
    np.testing.assert_allclose(vector[3::2], np.ones(10), atol=1e-6)
    np.testing.assert_allclose(vector[4::2], -2.0 / along, atol=1e-6)


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
