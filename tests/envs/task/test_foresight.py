"""Right of way and gap acceptance at a junction, by hand numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from envs.task.foresight import Caution, Crossing, Foresight, arrival
from envs.task.route import RoutePosition
from envs.task.surroundings import NOBODY, NearbyActors
from tests.envs.task.junction_support import (
    HALF,
    SOUTH,
    SOUTH_IN,
    WEST_IN,
    WEST_LEFT,
    car,
    crossroads,
    going_straight,
    turning_left,
)

LANES, ROUTE, CAUTION = crossroads(), going_straight(), Caution()
FREE_ROAD = (math.inf, 0.0)
TICK = 0.05
SOUTHWARDS = math.pi / 2


def foresight() -> Foresight:
    return Foresight(LANES, ROUTE, np.full(len(ROUTE.distances), 8.0))


def crossing(
    others: NearbyActors,
    metre: float = 40.0,
    speed: float = 8.0,
    closed: frozenset = frozenset(),
    ahead: tuple[float, float] = FREE_ROAD,
    seen: Foresight | None = None,
    seconds: float = TICK,
) -> Crossing:
    """What an ego with its middle at a metre of the route is allowed."""
    position = RoutePosition(metre, metre, 0.0, 0.0)
    driver = seen or foresight()
    return driver.update(others, position, speed, HALF, ahead, closed, seconds)()


def enter(lane: tuple[int, int, int]) -> float:
    (passage,) = foresight().passages
    return next(zone.enter for zone in passage.zones if zone.lane == lane and not zone.wide)


def test_a_free_junction_is_driven_through():
    assert crossing(NOBODY) == Crossing(math.inf, math.inf)


def test_a_car_on_a_crossing_lane_is_let_through_first():
    """It is 13.25 m from the ego's line at 8 m/s, so both would be there in two seconds. The ego
    stops 1.5 m before the zone; its bonnet is 2.4 m ahead of metre 40."""
    found = crossing(car(-1.75, -13.25, 8.0, SOUTHWARDS))
    assert found.metres == pytest.approx(enter(SOUTH) - 1.5 - 42.4)
    assert found.speed == pytest.approx(math.sqrt(2.0 * 2.5 * found.metres))


def test_a_car_that_comes_late_or_has_left_is_not_waited_for():
    assert crossing(car(-1.75, -60.0, 8.0, SOUTHWARDS)) == Crossing()
    assert crossing(car(-1.75, 8.0, 8.0, SOUTHWARDS)) == Crossing()


def test_a_car_turning_across_is_let_through_and_one_that_goes_straight_on_is_not_waited_for():
    """An ego that goes straight on has the right of way and brakes later, but in time."""
    found = crossing(turning_left(4.0, 5.0), closed=frozenset({SOUTH_IN}))
    assert found.metres == pytest.approx(enter(WEST_LEFT) - 1.5 - 42.4)
    assert found.speed == pytest.approx(math.sqrt(2.0 * CAUTION.firm * found.metres))
    assert crossing(car(3.0, -3.5, 8.0, math.pi)) == Crossing()


def test_a_car_that_may_turn_across_counts_before_it_turns():
    assert crossing(car(14.0, -3.5, 5.0, math.pi)).metres < math.inf


def test_a_car_that_waits_at_the_mouth_may_start_for_a_while_only():
    driver, waits = foresight(), car(-1.75, -14.5, 0.0, SOUTHWARDS)
    for _ in range(int(CAUTION.patience / TICK) - 1):
        assert crossing(waits, 50.0, 0.5, seen=driver).metres < 3.0
    for _ in range(3):
        last = crossing(waits, 50.0, 0.5, seen=driver)
    assert last == Crossing()
    starts = car(-1.75, -14.0, 1.0, SOUTHWARDS)
    assert crossing(starts, 50.0, 0.5, seen=driver).metres < 3.0


def test_a_car_held_by_its_light_is_passed_and_may_start_when_the_light_lets_it():
    driver, waits = foresight(), car(-1.75, -14.5, 0.0, SOUTHWARDS)
    shut = frozenset({SOUTH_IN})
    for _ in range(2 * int(CAUTION.patience / TICK)):
        assert crossing(waits, 50.0, 0.5, shut, seen=driver) == Crossing()
    assert crossing(waits, 50.0, 0.5, seen=driver).metres < 3.0


def test_a_red_light_holds_no_car_that_cannot_stop_or_is_past_it():
    """From 8 m/s it needs 8 m at 4 m/s^2; its bonnet is 2 m before the junction, or inside."""
    shut = frozenset({SOUTH_IN})
    assert crossing(car(-1.75, -16.15, 8.0, SOUTHWARDS), closed=shut).metres < math.inf
    assert crossing(car(-1.75, -8.0, 4.0, SOUTHWARDS), closed=shut).metres < math.inf
    assert crossing(car(-1.75, -30.0, 8.0, SOUTHWARDS), closed=shut) == Crossing()


def test_an_ego_in_the_zone_or_too_fast_to_stop_before_it_drives_on():
    comes = car(-1.75, -13.25, 8.0, SOUTHWARDS)
    assert crossing(comes, 55.0, 3.0) == Crossing()
    assert crossing(comes, 51.0, 8.0) == Crossing()


def test_a_car_that_stands_in_the_way_is_waited_for():
    stands = car(-1.75, 0.0, 0.0, SOUTHWARDS)
    assert crossing(stands, 50.0, 3.0).metres == pytest.approx(enter(SOUTH) - 1.5 - 52.4)


def test_a_gap_that_is_too_short_at_first_is_taken_after_a_while():
    """The other comes at 9 m/s in 3.2 s. From a stand at metre 50 the ego leaves the zone, 12.4 m
    on, in sqrt(2 * 12.4 / 3.5) = 2.66 s: it asks for a lead of 1 s, and of 0.5 s once it has waited
    for 1.7 s."""
    driver, comes = foresight(), car(-1.75, -2.0 - 2.4 - 3.2 * 9.0, 9.0, SOUTHWARDS)
    waits = [crossing(comes, 50.0, 0.0, seen=driver).metres < 3.0 for _ in range(60)]
    assert waits[0]
    assert waits.index(False) * TICK == pytest.approx(1.7, abs=0.7)


def test_long_cars_are_given_more_room():
    """Where a lorry turns across, the ego stops farther from its lane than for a car."""
    comes = turning_left(2.0, 6.0)
    lorry = comes.copy()
    lorry[0, 5] = 4.0
    shut = frozenset({SOUTH_IN})
    assert crossing(lorry, closed=shut).metres < crossing(comes, closed=shut).metres


def test_where_a_queue_ends_in_the_zone_the_ego_stays_before_it():
    """Its tail at metre 64 leaves no 4.8 m behind the zone, at metre 80 it does."""
    tail = 64.0
    assert crossing(NOBODY, 50.0, 3.0, ahead=(tail - 52.4, 0.0)).metres < 3.0
    assert crossing(NOBODY, 50.0, 3.0, ahead=(tail - 52.4, 6.0)) == Crossing()
    assert crossing(NOBODY, 50.0, 3.0, ahead=(80.0 - 52.4, 0.0)) == Crossing()


def test_it_does_not_wait_on_one_lane_for_another():
    """Before the left turn's zone it would stand on the crossing lane, unless that one is shut."""
    turns = turning_left(4.0, 1.0)
    assert enter(WEST_LEFT) - enter(SOUTH) < 4.8
    open_lane = crossing(turns, 45.0, 3.0)
    assert open_lane.metres == pytest.approx(enter(SOUTH) - 1.5 - 47.4)
    shut = crossing(turns, 45.0, 3.0, frozenset({SOUTH_IN}))
    assert shut.metres == pytest.approx(enter(WEST_LEFT) - 1.5 - 47.4)


def test_a_light_for_the_oncoming_holds_those_that_would_turn():
    assert crossing(car(20.0, -3.5, 5.0, math.pi), closed=frozenset({WEST_IN})) == Crossing()


def test_a_walker_keeps_to_no_lane():
    walker = np.array([[-10.0, -3.0, 0.0, 1.5, SOUTHWARDS, 0.3, 0.3]])
    assert crossing(walker).metres < 10.0
    assert crossing(walker * [1, 1, 1, -1, -1, 1, 1]) == Crossing()


def test_arrival_by_hand():
    """12 m from 0 at 3 m/s^2 up to 6 m/s: 6 m in 2 s, the other 6 m in 1 s."""
    assert arrival(12.0, 0.0, 3.0, 6.0) == pytest.approx(3.0)
    assert arrival(6.0, 0.0, 3.0, 6.0) == pytest.approx(2.0)
    assert arrival(12.0, 8.0, 3.0, 6.0) == pytest.approx(1.5)
    assert arrival(-1.0, 8.0, 3.0, 6.0) == 0.0
