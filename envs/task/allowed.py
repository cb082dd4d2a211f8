"""The speed that the road and the others allow: what the expert drives and the reward compares."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from envs.task.ego_state import EgoState
from envs.task.route import Route


@dataclasses.dataclass(frozen=True)
class Comfort:
    """What a calm driver asks of the car; accelerations in m/s^2, distances in m, speeds in m/s."""

    lateral_acceleration: float = 2.2
    slowing: float = 2.5
    hard_slowing: float = 6.0
    standing_gap: float = 4.0
    light_gap: float = 7.0  # to a stop line; nearer, a camera no longer sees its light
    preview: float = 40.0
    least_turn_speed: float = 2.5


COMFORT = Comfort()
ZONE = 20.0  # m before its stop line within which a light's zone lies


def allowed_speed(ego: EgoState, route: Route, target: float, comfort: Comfort = COMFORT) -> float:
    """Return the least of the target and of what bends, the car ahead, a red or yellow light and
    crossing traffic allow, m/s."""
    lights = light_speed(ego, comfort)
    if lights == 0.0:
        return 0.0
    bends = bend_speed(route, ego.position.distance, comfort)
    return min(target, lights, bends, gap_speed(ego, comfort), ego.crossing.speed)


def light_speed(ego: EgoState, comfort: Comfort = COMFORT) -> float:
    """Return the speed from which the ego still stops before a red or yellow light, m/s; infinity
    where there is none, and before a yellow one that only hard braking would still stop for."""
    if ego.in_junction:
        return math.inf
    known = ego.light_closed and (not ego.stop_light or ego.light < ZONE)
    if not known:
        return 0.0 if ego.stop_light else math.inf
    if ego.yellow_light and ego.speed**2 > 2.0 * comfort.hard_slowing * ego.light:
        return math.inf
    return math.sqrt(2.0 * comfort.slowing * max(ego.light - comfort.light_gap, 0.0))


def gap_speed(ego: EgoState, comfort: Comfort = COMFORT) -> float:
    """Return the speed from which the ego still stops behind the actor ahead, m/s."""
    if not math.isfinite(ego.gap):
        return math.inf
    theirs = max(ego.speed - ego.closing, 0.0)
    free = max(ego.gap - comfort.standing_gap, 0.0)
    return math.sqrt(theirs**2 * 0.9 + 2.0 * comfort.slowing * free)


def bend_speed(route: Route, distance: float, comfort: Comfort = COMFORT) -> float:
    """Return the speed from which every bend ahead can be taken, m/s."""
    metres = np.arange(0.0, comfort.preview, 2.0)
    allowed = _turn_speeds(route, distance + metres, comfort)
    return float(np.sqrt(allowed**2 + 2.0 * comfort.slowing * metres).min())


def cruise_speeds(route: Route, target: float, comfort: Comfort = COMFORT) -> np.ndarray:
    """Return the speeds (N,) that bends and the target allow at the points of a route, m/s."""
    even = np.arange(0.0, route.length + 2.0, 2.0)
    speeds = np.interp(route.distances, even, _turn_speeds(route, even, comfort))
    return np.asarray(np.minimum(speeds, target))


def _turn_speeds(route: Route, metres: np.ndarray, comfort: Comfort) -> np.ndarray:
    """metres: (M,) along the route, 2 m apart."""
    yaws = np.interp(metres, route.distances, route.yaws)
    bend = np.abs(np.gradient(yaws, 2.0))
    speeds = np.sqrt(comfort.lateral_acceleration / np.maximum(bend, 1e-4))
    return np.maximum(speeds, comfort.least_turn_speed)
