"""Which things a camera can see at all: those in the picture, not hidden behind houses."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled
from envs.standin.picture.camera import EYE, Eye
from envs.standin.picture.movers import MOVERS, Movers, not_around
from envs.standin.picture.statics import STATICS, Statics

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_BINS = 64
_NEAR, _REACH = 0.12, 260.0
_LEAST_PIXELS = 0.8


@called_with(EYE, STATICS, MOVERS)
@compiled
def in_view(eye: Eye, statics: Statics, movers: Movers) -> tuple[Index, Index]:
    """Static and moving things in the picture and not hidden behind houses.

    Things that the camera is in, or on the roof of, are not among them: it sees out of them.
    """
    found = visible(eye, statics.centre, statics.radius, statics.girth, _LEAST_PIXELS / eye.focal)
    half = math.atan(eye.width / (2.0 * eye.focal)) * 1.05
    houses, count = np.empty((len(found), 5)), 0
    if eye.level and half < 1.2:
        for thing in found:
            if statics.house[thing] and _span(eye, statics.footprint[thing], houses[count]):
                houses[count, 4] = statics.top[thing]
                count += 1
    houses = houses[:count]
    order = ascending(houses[:, 3])
    profile = _skyline(eye, half, houses, order)
    radius, top = np.empty(len(movers.half)), np.empty(len(movers.half))
    for i in range(len(radius)):
        x, y, z = movers.half[i]
        radius[i] = math.sqrt(x * x + y * y + z * z)
        top[i] = movers.centre[i, 2] + radius[i]
    outside = not_around(eye.place, movers)
    return (
        _shows(
            eye, half, houses, order, profile, found, statics.centre, statics.radius, statics.top
        ),
        _shows(eye, half, houses, order, profile, outside, movers.centre, radius, top),
    )


@compiled
def ascending(values: Array) -> Index:
    """Rows from the least value to the greatest; equal ones as they come."""
    order = np.empty(len(values), np.int64)
    for row in range(len(values)):
        place = row
        while place > 0 and values[order[place - 1]] > values[row]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = row
    return order


@compiled
def visible(eye: Eye, centre: Array, radius: Array, girth: Array, least: float) -> Index:
    """Things whose sphere is in the picture and near, and whose girth takes enough of it."""
    found, count = np.empty(len(centre), np.int64), 0
    place, axes = eye.place, eye.axes
    wide, tall = eye.width / (2.0 * eye.focal), eye.height / (2.0 * eye.focal)
    aside, above = math.hypot(1.0, wide), math.hypot(1.0, tall)
    for i in range(len(centre)):
        dx, dy, dz = centre[i, 0] - place[0], centre[i, 1] - place[1], centre[i, 2] - place[2]
        depth = dx * axes[0, 0] + dy * axes[1, 0] + dz * axes[2, 0]
        if depth <= _NEAR - radius[i] or depth >= _REACH or girth[i] <= least * depth:
            continue
        right = dx * axes[0, 1] + dy * axes[1, 1] + dz * axes[2, 1]
        if abs(right) - depth * wide >= radius[i] * aside:
            continue
        up = dx * axes[0, 2] + dy * axes[1, 2] + dz * axes[2, 2]
        if abs(up) - depth * tall < radius[i] * above:
            found[count] = i
            count += 1
    return found[:count]


@compiled
def _polar(eye: Eye, x: float, y: float) -> tuple[float, float]:
    """Bearing from the camera's yaw in rad, and horizontal distance."""
    dx, dy = x - eye.place[0], y - eye.place[1]
    cos, sin = math.cos(eye.yaw), math.sin(eye.yaw)
    return math.atan2(dy * cos - dx * sin, dx * cos + dy * sin), math.hypot(dx, dy)


@compiled
def _span(eye: Eye, footprint: Array, house: Array) -> bool:
    """First and last bearing, least and greatest distance of a house's corners.

    Returns whether it is small and far enough to hide anything in a known way.
    """
    for corner in range(4):
        bearing, reach = _polar(eye, footprint[corner, 0], footprint[corner, 1])
        if corner == 0:
            house[0], house[1], house[2], house[3] = bearing, bearing, reach, reach
        house[0], house[1] = min(house[0], bearing), max(house[1], bearing)
        house[2], house[3] = min(house[2], reach), max(house[3], reach)
    return bool(house[1] - house[0] < 2.0 and house[2] > 1.0)


@compiled
def _skyline(eye: Eye, half: float, houses: Array, order: Index) -> Array:
    """The steepest slope (K + 1, bins) to the nearest K of the houses, which are in order."""
    profile = np.empty((len(order) + 1, _BINS))
    for column in range(_BINS):
        profile[0, column] = -np.inf
    width = 2.0 * half / _BINS
    for row in range(len(order)):
        first, last, near, far, top = houses[order[row]]
        rise = top - eye.place[2]
        slope = rise / far if rise > 0.0 else rise / near
        begin = math.ceil((first + half) / width)
        end = math.floor((last + half) / width)
        for column in range(_BINS):
            before = profile[row, column]
            covered = begin <= column < end and slope > before
            profile[row + 1, column] = slope if covered else before
    return profile


@compiled
def _shows(
    eye: Eye,
    half: float,
    houses: Array,
    order: Index,
    profile: Array,
    rows: Index,
    centre: Array,
    radius: Array,
    top: Array,
) -> Index:
    """Those of some things (N, ...) that may rise above the houses before them."""
    if len(order) == 0:
        return rows
    found, count = np.empty(len(rows), np.int64), 0
    for i in rows:
        if _rises(eye, half, houses, order, profile, centre[i], radius[i], top[i]):
            found[count] = i
            count += 1
    return found[:count]


@compiled
def _rises(
    eye: Eye,
    half: float,
    houses: Array,
    order: Index,
    profile: Array,
    centre: Array,
    radius: float,
    top: float,
) -> bool:
    step = 2.0 * half / _BINS
    bearing, reach = _polar(eye, centre[0], centre[1])
    if reach < 1.5 * radius:
        return True
    width = math.asin(min(radius / max(reach, 1e-6), 0.99))
    first = max(0, math.floor((bearing - width + half) / step))
    last = min(_BINS - 1, math.floor((bearing + width + half) / step))
    rise, near = top - eye.place[2], max(reach - radius, 0.1)
    slope = rise / near if rise > 0.0 else rise / (reach + radius)
    row = 0
    while row < len(order) and houses[order[row], 3] < near:
        row += 1
    for column in range(first, last + 1):
        if profile[row, column] < slope:
            return True
    # What lies in no column at all is beside the picture and is drawn.
    return bool(first > last)
