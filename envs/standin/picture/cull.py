"""Which things a camera can see at all: those in the picture, not hidden behind houses."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from envs.standin.compiled import compiled
from envs.standin.picture.camera import View
from envs.standin.picture.statics import Statics

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_BINS = 64
_NEAR = 0.12


def visible(view: View, centre: Array, radius: Array, reach: float) -> Index:
    """Things whose sphere is in the picture and nearer than `reach`."""
    return _visible(view.place, view.axes, *_spread(view), centre, radius, radius, 0.0, reach)


def visible_statics(view: View, statics: Statics, least: float, reach: float) -> Index:
    """Static things in the picture and nearer than `reach`, at least `least` pixels wide."""
    return _visible(view.place, view.axes, *_spread(view), statics.centre, statics.radius,
                    statics.girth, least / view.focal, reach)


def _spread(view: View) -> tuple[float, float]:
    """Half the picture's width and height at distance 1."""
    return view.camera.width / (2.0 * view.focal), view.camera.height / (2.0 * view.focal)


@compiled
def _visible(
    place: Array, axes: Array, wide: float, tall: float, centre: Array, radius: Array,
    girth: Array, least: float, reach: float,
) -> Index:
    found, count = np.empty(len(centre), np.int64), 0
    aside, above = math.hypot(1.0, wide), math.hypot(1.0, tall)
    for i in range(len(centre)):
        dx, dy, dz = centre[i, 0] - place[0], centre[i, 1] - place[1], centre[i, 2] - place[2]
        depth = dx * axes[0, 0] + dy * axes[1, 0] + dz * axes[2, 0]
        if depth <= _NEAR - radius[i] or depth >= reach or girth[i] <= least * depth:
            continue
        right = dx * axes[0, 1] + dy * axes[1, 1] + dz * axes[2, 1]
        if abs(right) - depth * wide >= radius[i] * aside:
            continue
        up = dx * axes[0, 2] + dy * axes[1, 2] + dz * axes[2, 2]
        if abs(up) - depth * tall < radius[i] * above:
            found[count] = i
            count += 1
    return found[:count]


class Screen:
    """The skyline of the houses in front of a camera, by bearing and distance."""

    def __init__(self, view: View, statics: Statics, chosen: Index) -> None:
        """chosen: the static things in the picture; the houses among them hide what is behind."""
        camera = view.camera
        half = math.atan(camera.width / (2.0 * view.focal)) * 1.05
        usable = abs(camera.pitch) < 30.0 and abs(camera.roll) < 20.0 and half < 1.2
        houses = chosen[statics.house[chosen]] if usable else chosen[:0]
        self._view = (view.place, math.radians(camera.yaw), half)
        span = _spans(*self._view[:2], statics.footprint[houses])
        first, last, near, far = span
        order = np.argsort(far, kind="stable")
        order = order[((last - first < 2.0) & (near > 1.0))[order]]
        self._far = far[order]
        self._profile = _skyline(*self._view, span, statics.top[houses], order)

    def shows(self, rows: Index, centre: Array, radius: Array, top: Array) -> Index:
        """Those rows of things (N, ...) that may rise above the houses before them."""
        if len(self._far) == 0:
            return rows
        return _shows(*self._view, self._far, self._profile, rows, centre, radius, top)


@compiled
def _polar(place: Array, yaw: float, x: float, y: float) -> tuple[float, float]:
    """Bearing from the camera's yaw in rad, and horizontal distance."""
    dx, dy = x - place[0], y - place[1]
    cos, sin = math.cos(yaw), math.sin(yaw)
    return math.atan2(dy * cos - dx * sin, dx * cos + dy * sin), math.hypot(dx, dy)


@compiled
def _spans(place: Array, yaw: float, footprint: Array) -> Array:
    """Rows: first and last bearing, least and greatest distance of houses' corners; (4, N)."""
    span = np.empty((4, len(footprint)))
    for house in range(len(footprint)):
        for corner in range(4):
            bearing, reach = _polar(
                place, yaw, footprint[house, corner, 0], footprint[house, corner, 1]
            )
            if corner == 0 or bearing < span[0, house]:
                span[0, house] = bearing
            if corner == 0 or bearing > span[1, house]:
                span[1, house] = bearing
            if corner == 0 or reach < span[2, house]:
                span[2, house] = reach
            if corner == 0 or reach > span[3, house]:
                span[3, house] = reach
    return span


@compiled
def _skyline(
    place: Array, yaw: float, half: float, span: Array, top: Array, order: Index
) -> Array:
    """The steepest slope (K + 1, bins) to the nearest K of the houses, which are in order."""
    profile = np.empty((len(order) + 1, _BINS))
    for column in range(_BINS):
        profile[0, column] = -np.inf
    width = 2.0 * half / _BINS
    for row in range(len(order)):
        house = order[row]
        rise = top[house] - place[2]
        slope = rise / span[3, house] if rise > 0.0 else rise / span[2, house]
        begin = math.ceil((span[0, house] + half) / width)
        end = math.floor((span[1, house] + half) / width)
        for column in range(_BINS):
            before = profile[row, column]
            covered = begin <= column < end and slope > before
            profile[row + 1, column] = slope if covered else before
    return profile


@compiled
def _shows(
    place: Array, yaw: float, half: float, far: Array, profile: Array, rows: Index, centre: Array,
    radius: Array, top: Array,
) -> Index:
    found, count = np.empty(len(rows), np.int64), 0
    for i in rows:
        if _rises(place, yaw, half, far, profile, centre[i], radius[i], top[i]):
            found[count] = i
            count += 1
    return found[:count]


@compiled
def _rises(
    place: Array, yaw: float, half: float, far: Array, profile: Array, centre: Array,
    radius: float, top: float,
) -> bool:
    step = 2.0 * half / _BINS
    bearing, reach = _polar(place, yaw, centre[0], centre[1])
    if reach < 1.5 * radius:
        return True
    width = math.asin(min(radius / max(reach, 1e-6), 0.99))
    first = max(0, math.floor((bearing - width + half) / step))
    last = min(_BINS - 1, math.floor((bearing + width + half) / step))
    rise, near = top - place[2], max(reach - radius, 0.1)
    slope = rise / near if rise > 0.0 else rise / (reach + radius)
    row = 0
    while row < len(far) and far[row] < near:
        row += 1
    for column in range(first, last + 1):
        if profile[row, column] < slope:
            return True
    # What lies in no column at all is beside the picture and is drawn.
    return bool(first > last)
