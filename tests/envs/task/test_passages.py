"""Which lanes meet a route in a junction, and which lanes a car may be on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from envs.task.passages import WIDE, WIDTH, passages, spots
from envs.task.route import LaneGraph, make_route
from tests.envs.standin.town_support import client_map
from tests.envs.task.junction_support import (
    EAST_IN,
    LEFT_RADIUS,
    SOUTH,
    SOUTH_IN,
    WEST,
    WEST_IN,
    WEST_LEFT,
    car,
    crossroads,
    going_straight,
    on_lanes,
    straight,
    turning_left,
)

LANES = crossroads()
(JUNCTION,) = passages(LANES, going_straight())
ZONES = {zone.lane: zone for zone in JUNCTION.zones if not zone.wide}


def test_the_lanes_that_cross_are_found_and_no_others():
    """Not the lane of the route, nor one that parts from it, nor the one beside it."""
    assert set(ZONES) == {SOUTH, WEST_LEFT}
    assert not JUNCTION.turns
    assert ZONES[WEST_LEFT].turns
    assert not ZONES[SOUTH].turns
    assert ZONES[SOUTH].gates == {SOUTH_IN}
    assert ZONES[WEST_LEFT].gates == {WEST_IN}


def test_a_crossing_s_zone_by_hand():
    """It crosses at x = -1.75, metre 58.25; points within 2.7 m are at metres 56 to 60. On itself
    it is 11.75 m from its start there."""
    zone = ZONES[SOUTH]
    assert (zone.enter, zone.leave) == (56.0, 60.0)
    assert zone.first == pytest.approx(11.75 - 2.0, abs=0.75)
    assert zone.last == pytest.approx(11.75 + 2.0, abs=0.75)


def test_distances_to_a_zone_by_hand():
    """A car at the start of its 68.25 m to the junction has those to go and 9.75 m to the zone; one
    on the road after the junction, or on the ego's own, does not come to it."""
    ahead = dict(zip(JUNCTION.lanes, JUNCTION.ahead.T, strict=True))
    row = JUNCTION.zones.index(ZONES[SOUTH])
    assert ahead[SOUTH][row] == ZONES[SOUTH].first
    assert ahead[SOUTH_IN][row] == pytest.approx(68.25 + ZONES[SOUTH].first)
    assert math.isinf(ahead[WEST_IN][row])
    assert math.isinf(ahead[EAST_IN].min())


def test_a_lane_met_twice_has_two_zones():
    out, back = straight((-40.0, 0.0), (40.0, 0.0)), straight((40.0, 12.0), (-40.0, -4.0))
    met = passages(LANES, make_route(np.concatenate([out, back])))
    lanes = [zone.lane for passage in met for zone in passage.zones if not zone.wide]
    assert lanes.count(SOUTH) == 2


def test_a_car_before_the_junction_may_go_straight_on_or_turn():
    found = spots(JUNCTION, car(12.0, -3.5, 5.0, math.pi))
    assert WEST_IN in on_lanes(found, JUNCTION.lanes)
    at_the_mouth = spots(JUNCTION, car(9.5, -3.5, 5.0, math.pi))
    assert {WEST, WEST_LEFT} <= on_lanes(at_the_mouth, JUNCTION.lanes)


def test_a_car_that_has_begun_to_turn_does_not_go_straight_on_and_the_other_way_round():
    turns = spots(JUNCTION, turning_left(6.0, 5.0))
    assert on_lanes(turns, JUNCTION.lanes) == {WEST_LEFT}
    assert turns[0].along == pytest.approx(6.0, abs=0.3)
    assert on_lanes(spots(JUNCTION, car(3.0, -3.5, 5.0, math.pi)), JUNCTION.lanes) == {WEST}


def test_a_car_off_every_lane_or_against_its_direction_is_on_none():
    assert spots(JUNCTION, car(30.0, 30.0, 5.0, 0.0)) == []
    assert spots(JUNCTION, car(30.0, 0.0, 5.0, math.pi / 2)) == []


def test_the_left_turn_crosses_where_its_circle_does():
    """(x - 10)^2 + 8.25^2 = r^2 at y = 0: x = 1.63, metre 61.6."""
    crossing = 60.0 + 10.0 - math.sqrt(LEFT_RADIUS**2 - 8.25**2)
    assert ZONES[WEST_LEFT].enter < crossing < ZONES[WEST_LEFT].leave


def test_long_cars_that_turn_meet_the_route_earlier_and_for_longer():
    (wide,) = (zone for zone in JUNCTION.zones if zone.wide)
    assert wide.lane == WEST_LEFT
    assert wide.enter < ZONES[WEST_LEFT].enter
    assert wide.leave > ZONES[WEST_LEFT].leave


def test_a_town_s_junctions_by_the_real_client():
    graph = LaneGraph(client_map("Town01"))
    starts = sorted(graph.lines)[::40]
    for key in starts:
        place = graph.map.get_waypoint_xodr(key[0], key[2], 1.0)
        route = graph.plan(place.transform.location, 400.0, np.random.default_rng(1))
        found = passages(graph, route)
        assert found
        for passage in found:
            for zone in passage.zones:
                line = graph.lines[zone.lane][:, :2]
                middle = route.at(0.5 * (zone.enter + zone.leave))
                assert np.hypot(*(line - middle).T).min() < (WIDE if zone.wide else WIDTH)
                assert zone.gates
                assert not zone.gates & graph.junctions
