"""Places where a car may start."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from envs.standin.town.ground import Ground
from envs.standin.town.lanes import RoadMap, Strip

Array = NDArray[np.float64]

SPACING = 12.0
_MARGIN = 9.0
_SHORTEST = 6.0  # m of lane that a car fits on
_JOINED, _ONWARD = 0.5, 0.5  # m and rad between lanes that go on into each other
_LIFT = 0.3
_CLEARANCE = 3.2


def spawn_points(road_map: RoadMap, ground: Ground, seed: int) -> Array:
    """Rows (x, y, z, pitch, yaw, roll) in lane centres outside junctions, in a fixed random order.

    Places on one lane are at least 12 m apart and 9 m from the lane's ends. A map of shorter lanes
    alone has a place in the middle of each that a car fits on.
    """
    lanes = [_Line(chain) for chain in _chains(road_map.driving(junction=False))]
    rows = []
    for lane in lanes:
        room = lane.length - 2.0 * _MARGIN
        if room < 0.0:
            continue
        count = int(room // SPACING) + 1
        # Opposite lanes start from opposite ends, so that neighbours do not stand side by side.
        rows += [lane.point(place) for place in _MARGIN + SPACING * np.arange(count)]
    if not rows:
        rows = [lane.point(lane.length / 2.0) for lane in lanes if lane.length >= _SHORTEST]
    if not rows:
        raise ValueError("no lane of the map is long enough to start a car on it")
    table = _apart(np.array(rows))
    table = table[np.random.default_rng(seed).permutation(len(table))]
    return _on_ground(table, ground)


def _chains(strips: list[Strip]) -> list[list[Strip]]:
    """Strips that go on into each other: lanes over lane sections and from road to road."""
    begins: dict[tuple[int, int], list[int]] = {}
    for index, strip in enumerate(strips):
        column, line = np.floor(strip.centre[0, :2]).astype(int).tolist()
        for cell in itertools.product((column - 1, column, column + 1), (line - 1, line, line + 1)):
            begins.setdefault(cell, []).append(index)
    after: dict[int, int] = {}
    before: dict[int, int] = {}
    for index, strip in enumerate(strips):
        end = strip.centre[-1, :2]
        column, line = np.floor(end).astype(int).tolist()
        for other in begins.get((column, line), []):
            start = strips[other]
            gap = float(np.hypot(*(start.centre[0, :2] - end)))
            turn = abs(math.remainder(float(start.yaw[0] - strip.yaw[-1]), math.tau))
            if gap < _JOINED and turn < _ONWARD and other not in before and index != other:
                after[index], before[other] = other, index
                break
    chains = []
    left = dict.fromkeys(range(len(strips)))
    while left:
        link: int | None = next((one for one in left if one not in before), next(iter(left)))
        chain: list[Strip] = []
        while link is not None and link in left:
            del left[link]
            chain.append(strips[link])
            link = after.get(link)
        chains.append(chain)
    return chains


class _Line:
    """Strips one behind the other, as one line."""

    def __init__(self, strips: list[Strip]) -> None:
        self._centre = np.concatenate([strip.centre for strip in strips])
        self._yaw = np.unwrap(np.concatenate([strip.yaw for strip in strips]))
        steps = np.linalg.norm(np.diff(self._centre[:, :2], axis=0), axis=1)
        self._lengths = np.concatenate([[0.0], np.cumsum(steps)])
        self.length = float(self._lengths[-1])

    def point(self, s: float) -> list[float]:
        """Return x, y, z and the heading in rad at a distance from its begin."""
        place = [float(np.interp(s, self._lengths, column)) for column in self._centre.T]
        return [*place, float(np.interp(s, self._lengths, self._yaw))]


def _apart(rows: Array) -> Array:
    """Drop places that overlap an earlier one, as where lanes of a foreign map run together."""
    keep: list[int] = []
    for index, row in enumerate(rows):
        gaps = np.linalg.norm(rows[keep, :3] - row[:3], axis=1)
        if not len(gaps) or gaps.min() > _CLEARANCE:
            keep.append(index)
    return rows[keep]


def _on_ground(rows: Array, ground: Ground) -> Array:
    z, normal = ground.height(rows[:, :2], rows[:, 2])
    cos, sin = np.cos(rows[:, 3]), np.sin(rows[:, 3])
    climb = -(normal[:, 0] * cos + normal[:, 1] * sin) / normal[:, 2]
    camber = (normal[:, 1] * cos - normal[:, 0] * sin) / normal[:, 2]
    pitch, roll = np.degrees(np.arctan(climb)), np.degrees(np.arctan(camber))
    yaw = 180.0 - (180.0 - np.degrees(np.arctan2(sin, cos)).round(6)) % 360.0  # never -180
    columns = [rows[:, 0], rows[:, 1], z + _LIFT, pitch, yaw, roll]
    return np.stack(columns, axis=1)
