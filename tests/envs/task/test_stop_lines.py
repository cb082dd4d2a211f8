"""Stop lines of a route at a junction made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from envs.task.route import make_route
from envs.task.stop_lines import next_line, stop_lines
from tests.envs.task.junction_support import (
    EAST_IN,
    SOUTH_IN,
    WEST_IN,
    crossroads,
    going_straight,
    straight,
)

LIT = (EAST_IN, SOUTH_IN, WEST_IN)


def test_a_route_has_the_lines_of_its_own_lanes():
    """The ego's lane ends at x = -10, which is metre 50 of its route."""
    (line,) = stop_lines(crossroads(), going_straight(), LIT)
    assert (line.metre, line.lane) == (pytest.approx(50.0), EAST_IN)
    assert stop_lines(crossroads(), going_straight(), (SOUTH_IN,)) == ()


def test_one_that_comes_back_the_other_way_or_twice_is_told_apart():
    back = make_route(straight((60.0, 0.0), (-60.0, 0.0)))
    assert stop_lines(crossroads(), back, LIT) == ()
    there, away = (
        straight((-30.0, 0.0), (0.0, 0.0)),
        np.array([[0.0, 40.0, 0.0], [-30.0, 40.0, 0.0]]),
    )
    twice = make_route(np.concatenate([there, away, there]))
    metres = [line.metre for line in stop_lines(crossroads(), twice, LIT)]
    assert metres == pytest.approx([20.0, 160.0], abs=1.0)


def test_the_next_line_is_the_first_that_the_bonnet_has_not_passed():
    lines = stop_lines(crossroads(), going_straight(), LIT)
    assert next_line(lines, 10.0) == next_line(lines, 50.5) == lines[0]
    assert next_line(lines, 51.5) is None
