"""Places where a car may start."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.standin.town.ground import Ground
from envs.standin.town.lanes import RoadMap

Array = NDArray[np.float64]

SPACING = 12.0
_MARGIN = 9.0
_LIFT = 0.3
_CLEARANCE = 3.2


def spawn_points(road_map: RoadMap, ground: Ground, seed: int) -> Array:
    """Rows (x, y, z, pitch, yaw, roll) in lane centres outside junctions, in a fixed random order.

    Places on one lane are at least 12 m apart and 9 m from the lane's ends.
    """
    rows = []
    for strip in road_map.driving(junction=False):
        length = strip.lengths[-1]
        room = length - 2.0 * _MARGIN
        if room < 0.0:
            continue
        count = int(room // SPACING) + 1
        # Opposite lanes start from opposite ends, so that neighbours do not stand side by side.
        for place in _MARGIN + SPACING * np.arange(count):
            rows.append(_point(strip.lengths, strip.centre, strip.yaw, place))
    if not rows:
        raise ValueError("no lane of the map is long enough to start a car on it")
    table = _apart(np.array(rows))
    table = table[np.random.default_rng(seed).permutation(len(table))]
    return _on_ground(table, ground)


def _point(lengths: Array, centre: Array, yaw: Array, s: float) -> list[float]:
    x, y = (float(np.interp(s, lengths, centre[:, axis])) for axis in (0, 1))
    heading = float(np.interp(s, lengths, np.unwrap(yaw)))
    return [x, y, heading]


def _apart(rows: Array) -> Array:
    """Drop places that overlap an earlier one, as where lanes of a foreign map run together."""
    keep: list[int] = []
    for index, row in enumerate(rows):
        kept = rows[keep, :2]
        if not len(kept) or np.min(np.hypot(*(kept - row[:2]).T)) > _CLEARANCE:
            keep.append(index)
    return rows[keep]


def _on_ground(rows: Array, ground: Ground) -> Array:
    z, normal = ground.height(rows[:, :2])
    cos, sin = np.cos(rows[:, 2]), np.sin(rows[:, 2])
    climb = -(normal[:, 0] * cos + normal[:, 1] * sin) / normal[:, 2]
    camber = (normal[:, 1] * cos - normal[:, 0] * sin) / normal[:, 2]
    pitch, roll = np.degrees(np.arctan(climb)), np.degrees(np.arctan(camber))
    yaw = 180.0 - (180.0 - np.degrees(np.arctan2(sin, cos)).round(6)) % 360.0  # never -180
    columns = [rows[:, 0], rows[:, 1], z + _LIFT, pitch, yaw, roll]
    return np.stack(columns, axis=1)
