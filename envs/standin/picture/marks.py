"""Road marks as thin polygons on the ground."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from envs.standin.town.lanes import RoadMap
from envs.standin.town.model import ZONE_BEFORE, ZONE_SHARE, TrafficSignal

Array = NDArray[np.float64]

_DASH, _GAP = 3.0, 4.5
_PAIR = 0.13
_STRIPE = 0.5


def mark_polygons(road_map: RoadMap) -> Iterator[tuple[Array, bool]]:
    """Outlines (N, 2) of all painted marks, and whether each is yellow: there and back again."""
    for line in road_map.marks:
        yellow = line.colour.lower() == "yellow"
        for offset, broken in _strokes(line.kind):
            points = _shifted(line.points[:, :2], offset)
            for piece in _dashes(points) if broken else [points]:
                yield ribbon(piece, line.width), yellow
    for outline in road_map.crosswalks:
        for stripe in _stripes(outline):
            yield stripe, False


def stop_lines(signals: tuple[TrafficSignal, ...]) -> Iterator[Array]:
    """Outlines (4, 2) of the lines at which cars wait, across each lane behind its stop zone."""
    for signal in signals:
        for x, y, _, _, half_y, yaw in signal.boxes.tolist():
            along = np.array([np.cos(np.radians(yaw)), np.sin(np.radians(yaw))])
            across = np.array([-along[1], along[0]]) * half_y / ZONE_SHARE * 0.459
            near, far = (np.array([x, y]) + along * (ZONE_BEFORE + d) for d in (-0.5, -0.05))
            yield np.array([near - across, near + across, far + across, far - across])


def _stripes(outline: Array) -> Iterator[Array]:
    """Outlines (4, 2) of a crosswalk's stripes, which lie across its longest edge."""
    edges = np.roll(outline, -1, axis=0) - outline
    lengths = np.linalg.norm(edges, axis=1)
    longest = int(lengths.argmax())
    across = edges[longest] / lengths[longest]
    along = np.array([-across[1], across[0]])
    place = (outline - outline[longest]) @ along
    low, high = place.min(), place.max()
    count = int((lengths[longest] - _STRIPE) / (2.0 * _STRIPE))
    margin = (lengths[longest] - (2 * count + 1) * _STRIPE) / 2.0
    for k in range(count + 1):
        near = outline[longest] + (margin + 2 * k * _STRIPE) * across
        far = near + _STRIPE * across
        yield np.array(
            [near + low * along, near + high * along, far + high * along, far + low * along]
        )


def _strokes(kind: str) -> list[tuple[float, bool]]:
    """Offsets to the right of the line, and whether the stroke is broken."""
    single = {"Broken": True, "BottsDots": True}
    double = {
        "SolidSolid": (False, False),
        "SolidBroken": (False, True),
        "BrokenSolid": (True, False),
        "BrokenBroken": (True, True),
    }
    if kind in double:
        left, right = double[kind]
        return [(-_PAIR, left), (_PAIR, right)]
    return [(0.0, single.get(kind, False))]


def _shifted(points: Array, offset: float) -> Array:
    if not offset:
        return points
    return points + offset * _normals(points)


def _normals(points: Array) -> Array:
    along = np.gradient(points, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    return np.stack([-along[:, 1], along[:, 0]], axis=1)


def _dashes(points: Array) -> list[Array]:
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    s = np.concatenate([[0.0], np.cumsum(steps)])
    pieces = []
    for begin in np.arange(_GAP / 2.0, s[-1], _DASH + _GAP):
        places = np.linspace(begin, min(begin + _DASH, s[-1]), 3)
        if places[-1] - places[0] > 0.5:
            columns = [np.interp(places, s, points[:, axis]) for axis in (0, 1)]
            pieces.append(np.stack(columns, axis=1))
    return pieces


def ribbon(points: Array, width: float) -> Array:
    """Outline of a line of this width: along its left side (n, 2), and back on the right."""
    half = _normals(points) * (width / 2.0)
    return np.concatenate([points - half, (points + half)[::-1]])
