"""Who is in the ego's path, and which crossing traffic would meet it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from envs.task import route
from envs.task.route import RoutePosition
from envs.task.surroundings import (
    MARGIN,
    NEAR,
    NOBODY,
    NearbyActors,
    conflict,
    gap_ahead,
    within,
)
from tests.envs.task.task_support import LINE

HALF = (2.4, 1.0)
ANGLES = np.linspace(0.0, math.pi / 2, 30)
STRAIGHT = route.make_route(np.array([[0.0, 0.0, 0.0], [200.0, 0.0, 0.0]]))
START = RoutePosition(10.0, 10.0, 0.0, 0.0)
POSE = (10.0, 0.0, 0.0)


def actors(*rows: tuple[float, ...]) -> NearbyActors:
    """x, y, vx, vy, yaw of cars of 4.8 by 2 m."""
    return np.array([(*row, *HALF) for row in rows])


def gap(others: NearbyActors, speed: float = 5.0, line: route.Route = STRAIGHT) -> tuple:
    return gap_ahead(others, line, START, POSE, speed, HALF)


def test_within_keeps_the_rows_in_the_circle():
    others = actors((3.0, 4.0, 0, 0, 0), (3.0, 4.1, 0, 0, 0))
    np.testing.assert_array_equal(within(others, 0.0, 0.0, 5.0), others[:1])
    assert within(NOBODY, 0.0, 0.0, 5.0) is NOBODY


def test_nobody_ahead_is_an_infinite_gap():
    assert gap(NOBODY) == (math.inf, 0.0)
    assert gap(actors((90.0, 0.0, 0, 0, 0))) == (math.inf, 0.0)
    assert gap(actors((2.0, 0.0, 0, 0, 0))) == (math.inf, 0.0)


def test_the_gap_is_from_bonnet_to_bumper_and_closes_by_the_difference_of_speeds():
    free, closing = gap(actors((30.0, 0.0, 2.0, 0.0, 0.0)))
    assert free == pytest.approx(20.0 - 2 * 2.4)
    assert closing == pytest.approx(3.0)
    across, closing = gap(actors((30.0, 0.0, 0.0, 2.0, math.pi / 2)))
    assert across == pytest.approx(20.0 - 2.4 - 1.0)
    assert closing == pytest.approx(5.0)


def test_the_nearest_of_several_counts_and_overlap_is_no_negative_gap():
    free, closing = gap(actors((40.0, 0.0, 0, 0, 0), (25.0, 0.0, 4.0, 0, 0)))
    assert (free, closing) == (pytest.approx(15.0 - 4.8), pytest.approx(1.0))
    assert gap(actors((12.0, 0.0, 0, 0, 0)))[0] == 0.0


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_the_path_is_as_wide_as_both_cars_and_the_margin(side):
    wide = HALF[1] + HALF[1] + MARGIN
    assert math.isfinite(gap(actors((40.0, side * (wide - 0.05), 0, 0, 0)))[0])
    assert gap(actors((40.0, side * (wide + 0.05), 0, 0, 0)))[0] == math.inf


def test_in_a_bend_the_path_is_the_route_and_straight_on_only_a_few_metres():
    before = RoutePosition(90.0, 90.0, 0.0, 0.0)
    pose = (90.0, 0.0, 0.0)
    after_the_bend = actors((100.0, 20.0, 0, 0, math.pi / 2))
    free, _ = gap_ahead(after_the_bend, LINE, before, pose, 5.0, HALF)
    assert free == pytest.approx(30.0 - 4.8, abs=1.0)
    straight_on = actors((118.0, 0.0, -5.0, 0, math.pi))
    assert gap_ahead(straight_on, LINE, before, pose, 5.0, HALF)[0] == math.inf
    near = actors((90.0 + 4.8 + NEAR - 0.5, 0.0, 0, 0, 0))
    off_route = RoutePosition(50.0, 50.0, 0.0, 0.0)
    assert gap_ahead(near, LINE, off_route, pose, 5.0, HALF)[0] == pytest.approx(NEAR - 0.5)


def test_a_car_in_the_other_lane_of_the_road_that_the_route_turns_into_is_not_ahead():
    """The expert stood before those that waited for their light there, half through its turn."""
    turn = np.array([[10.0 * math.sin(a), 10.0 - 10.0 * math.cos(a), 0.0] for a in ANGLES])
    bend = route.make_route(np.concatenate([turn, [[10.0, 60.0, 0.0]]]))
    halfway = route.locate(bend, route.RoutePosition(7.0, 7.0, 0.0, 0.0), 7.07, 2.93, math.pi / 4)
    pose = (7.07, 2.93, math.pi / 4)
    waits = actors((13.5, 8.6, 0.0, 0.0, -math.pi / 2))
    assert gap_ahead(waits, bend, halfway, pose, 5.0, HALF)[0] == math.inf
    same_lane = actors((10.0, 16.0, 0.0, 0.0, math.pi / 2))
    assert math.isfinite(gap_ahead(same_lane, bend, halfway, pose, 5.0, HALF)[0])


def test_crossing_traffic_meets_where_both_would_be_and_not_when_it_is_late():
    """At 5 m/s the ego is 20 m on in 4 s; the other crosses its line there."""
    there = actors((30.0, -16.0, 0.0, 4.0, math.pi / 2))
    metres = conflict(there, STRAIGHT, START, 5.0, HALF, 4.0)
    assert 8.0 < metres < 20.0
    assert conflict(there, STRAIGHT, START, 5.0, HALF, 2.0) == math.inf
    gone = actors((30.0, 6.0, 0.0, 4.0, math.pi / 2))
    assert conflict(gone, STRAIGHT, START, 5.0, HALF, 4.0) == math.inf


def test_traffic_that_stands_or_goes_the_same_way_is_left_to_the_gap():
    stands = actors((30.0, 0.0, 0.0, 0.4, math.pi / 2))
    same_way = actors((20.0, 0.0, 1.0, 0.0, 0.1))
    oncoming = actors((30.0, 0.0, -5.0, 0.0, math.pi))
    for others in (NOBODY, stands, same_way, oncoming):
        assert conflict(others, STRAIGHT, START, 5.0, HALF, 4.0) == math.inf


def test_a_standing_ego_looks_as_far_as_one_that_starts():
    there = actors((14.0, -12.0, 0.0, 4.0, math.pi / 2))
    standing, slow = (conflict(there, STRAIGHT, START, v, HALF, 4.0) for v in (0.0, 2.0))
    assert math.isfinite(standing)
    assert standing == slow
