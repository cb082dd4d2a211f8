"""Actors near the ego, and those that stand or move in its path."""

from __future__ import annotations

import math

import numpy as np

from envs.task.route import Route, RoutePosition, to_vehicle_frame

NearbyActors = np.ndarray  # float64 (N, 7): x, y, vx, vy, yaw, half length, half width
NOBODY: NearbyActors = np.zeros((0, 7))
MARGIN = 0.6  # m beside the ego's flank that belong to its path
LOOK = 50.0  # m of the route that are searched
NEAR = 2.0  # m straight ahead that are searched too, wherever the route goes


def within(others: NearbyActors, x: float, y: float, radius: float) -> NearbyActors:
    """Return the rows of `others` whose centre is at most `radius` metres from (x, y)."""
    if not len(others):
        return others
    square = (others[:, 0] - x) ** 2 + (others[:, 1] - y) ** 2
    return others[square <= radius * radius]


def gap_ahead(
    others: NearbyActors,
    route: Route,
    position: RoutePosition,
    pose: tuple[float, float, float],
    speed: float,
    half: tuple[float, float],
) -> tuple[float, float]:
    """Return (free metres, closing speed m/s) to the nearest actor in the path, or (inf, 0).

    The path is the route's corridor ahead, so that oncoming traffic in a bend does not count,
    and the few metres straight ahead of the bonnet. pose: x, y, yaw of the ego in m and rad;
    half: its half length and half width.
    """
    x, y, yaw = pose
    near = within(others, x, y, LOOK + 5.0)
    if not len(near):
        return math.inf, 0.0
    along_route = _on_route(near, route, position, half)
    straight = _straight(near, x, y, yaw, half)
    gaps = np.minimum(along_route[0], straight[0])
    nearest = int(np.argmin(gaps))
    if not math.isfinite(gaps[nearest]):
        return math.inf, 0.0
    on_route = along_route[0][nearest] <= straight[0][nearest]
    theirs = (along_route if on_route else straight)[1][nearest]
    return max(float(gaps[nearest]), 0.0), speed - float(theirs)


def _on_route(
    others: NearbyActors, route: Route, position: RoutePosition, half: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    low = int(np.searchsorted(route.distances, position.distance))
    high = int(np.searchsorted(route.distances, position.distance + LOOK)) + 1
    points = route.points[low:high, :2]
    if not len(points):
        return np.full(len(others), np.inf), np.zeros(len(others))
    squares = ((others[:, None, :2] - points) ** 2).sum(axis=2)
    nearest = squares.argmin(axis=1)
    aside = np.sqrt(squares[np.arange(len(others)), nearest])
    direction = route.yaws[low + nearest]
    turned = others[:, 4] - direction
    length = np.abs(np.cos(turned)) * others[:, 5] + np.abs(np.sin(turned)) * others[:, 6]
    width = np.abs(np.sin(turned)) * others[:, 5] + np.abs(np.cos(turned)) * others[:, 6]
    ahead = route.distances[low + nearest] - position.distance
    # An actor whose nearest point is the window's first or last one may lie outside it.
    inside = (aside < width + half[1] + MARGIN) & (ahead > 0.0)
    gaps = np.where(inside, ahead - half[0] - length, np.inf)
    theirs = others[:, 2] * np.cos(direction) + others[:, 3] * np.sin(direction)
    return gaps, theirs


def _straight(
    others: NearbyActors, x: float, y: float, yaw: float, half: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    local = to_vehicle_frame(others[:, :2], x, y, yaw)
    turned = others[:, 4] - yaw
    length = np.abs(np.cos(turned)) * others[:, 5] + np.abs(np.sin(turned)) * others[:, 6]
    width = np.abs(np.sin(turned)) * others[:, 5] + np.abs(np.cos(turned)) * others[:, 6]
    inside = (local[:, 0] > 0.0) & (np.abs(local[:, 1]) < half[1] + width)
    gaps = np.where(inside, local[:, 0] - half[0] - length, np.inf)
    theirs = others[:, 2] * math.cos(yaw) + others[:, 3] * math.sin(yaw)
    return np.where(gaps <= NEAR, gaps, np.inf), theirs


def conflict(
    others: NearbyActors,
    route: Route,
    position: RoutePosition,
    speed: float,
    half: tuple[float, float],
    horizon: float,
) -> float:
    """Return metres along the route to the first predicted meeting with crossing traffic, or inf.

    The ego is moved along the route at `speed` m/s, the others straight on at theirs, in quarter
    seconds up to `horizon`; those that stand or go the ego's way are left to `gap_ahead`.
    """
    moving = np.hypot(others[:, 2], others[:, 3]) > 0.5
    crossing = others[moving]
    if not len(crossing):
        return math.inf
    times = np.arange(0.25, horizon + 0.01, 0.25)
    reach = position.distance + np.maximum(speed, 2.0) * times
    mine = route.at(reach)
    theirs = crossing[:, None, :2] + crossing[:, None, 2:4] * times[:, None]
    yaws = np.interp(reach, route.distances, route.yaws)
    turned = crossing[:, None, 4] - yaws
    crosses = np.abs(np.sin(turned)) > 0.35
    offset = theirs - mine
    ahead = offset[..., 0] * np.cos(yaws) + offset[..., 1] * np.sin(yaws)
    aside = -offset[..., 0] * np.sin(yaws) + offset[..., 1] * np.cos(yaws)
    cos, sin = np.abs(np.cos(turned)), np.abs(np.sin(turned))
    length = half[0] + cos * crossing[:, 5, None] + sin * crossing[:, 6, None] + 1.5
    width = half[1] + sin * crossing[:, 5, None] + cos * crossing[:, 6, None] + 0.8
    meets = (np.abs(ahead) < length) & (np.abs(aside) < width) & crosses
    if not meets.any():
        return math.inf
    first = int(np.argmax(meets.any(axis=0)))
    return max(float(reach[first] - position.distance) - half[0] - 2.0, 0.0)
