"""A junction of a road along x and one along y, by hand: lanes 3.5 m apart, driven on the right.

Seen from the ego, which drives along +x at y = 0 through x from -10 to 10: oncoming traffic comes
at y = -3.5, and may turn left across the ego's lane onto the road towards +y; those on that road
heading +y cross the ego's lane at x = -1.75.
"""

from __future__ import annotations

import math

import numpy as np

from envs.task.route import LaneKey, Lanes, Route, make_route
from envs.task.surroundings import NearbyActors

EAST_IN, EAST, EAST_OUT, EAST_RIGHT = (1, 0, -1), (11, 0, -1), (2, 0, -1), (12, 0, -1)
WEST_IN, WEST, WEST_OUT, WEST_LEFT = (2, 0, 1), (21, 0, -1), (1, 0, 1), (22, 0, -1)
SOUTH_IN, SOUTH, SOUTH_OUT = (3, 0, -1), (31, 0, -1), (4, 0, -1)
HALF = (2.4, 1.0)
LEFT_RADIUS = 11.75


def straight(start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    """Points (N, 3) a metre apart."""
    count = round(math.dist(start, end)) + 1
    return np.linspace((*start, 0.0), (*end, 0.0), count)


def left_turn() -> np.ndarray:
    """From (10, -3.5), heading -x, about (10, 8.25) to (-1.75, 8.25), heading +y."""
    angles = np.linspace(0.0, math.pi / 2, 19)
    x, y = 10.0 - LEFT_RADIUS * np.sin(angles), 8.25 - LEFT_RADIUS * np.cos(angles)
    return np.stack([x, y, 0.0 * x], axis=1)


def right_turn() -> np.ndarray:
    """From (-10, 0), heading +x, about (-10, 8.25) to (-1.75, 8.25), heading +y."""
    angles = np.linspace(0.0, math.pi / 2, 14)
    x, y = -10.0 + 8.25 * np.sin(angles), 8.25 - 8.25 * np.cos(angles)
    return np.stack([x, y, 0.0 * x], axis=1)


def crossroads() -> Lanes:
    """All its lanes."""
    lanes = Lanes()
    for key, line in {
        EAST_IN: straight((-80.0, 0.0), (-10.0, 0.0)),
        EAST_OUT: straight((10.0, 0.0), (80.0, 0.0)),
        WEST_IN: straight((80.0, -3.5), (10.0, -3.5)),
        WEST_OUT: straight((-10.0, -3.5), (-80.0, -3.5)),
        SOUTH_IN: straight((-1.75, -80.0), (-1.75, -11.75)),
        SOUTH_OUT: straight((-1.75, 8.25), (-1.75, 80.0)),
    }.items():
        lanes.add(key, line, junction=False)
    for key, line in {
        EAST: straight((-10.0, 0.0), (10.0, 0.0)),
        EAST_RIGHT: right_turn(),
        WEST: straight((10.0, -3.5), (-10.0, -3.5)),
        WEST_LEFT: left_turn(),
        SOUTH: straight((-1.75, -11.75), (-1.75, 8.25)),
    }.items():
        lanes.add(key, line, junction=True)
    for key, following in (
        (EAST_IN, EAST),
        (EAST_IN, EAST_RIGHT),
        (EAST, EAST_OUT),
        (EAST_RIGHT, SOUTH_OUT),
        (WEST_IN, WEST),
        (WEST_IN, WEST_LEFT),
        (WEST, WEST_OUT),
        (WEST_LEFT, SOUTH_OUT),
        (SOUTH_IN, SOUTH),
        (SOUTH, SOUTH_OUT),
    ):
        lanes.follow(key, following)
    return lanes


def going_straight() -> Route:
    """The ego's route: metre m is at x = m - 60."""
    return make_route(straight((-60.0, 0.0), (60.0, 0.0)))


def car(x: float, y: float, speed: float, yaw: float) -> NearbyActors:
    """A car of 4.8 by 2 m, by its middle."""
    return np.array([[x, y, speed * math.cos(yaw), speed * math.sin(yaw), yaw, *HALF]])


def turning_left(metre: float, speed: float) -> NearbyActors:
    """A car so many metres along the left turn."""
    angle = metre / LEFT_RADIUS
    x, y = 10.0 - LEFT_RADIUS * math.sin(angle), 8.25 - LEFT_RADIUS * math.cos(angle)
    return car(x, y, speed, math.pi - angle)


def on_lanes(found: list, lanes: tuple[LaneKey, ...]) -> set[LaneKey]:
    """The lanes of some spots."""
    return {lanes[spot.lane] for spot in found}
