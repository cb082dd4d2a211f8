"""Oriented boxes seen from above: overlap tests on arrays, and a grid of static obstacles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_CELL = 4.0
#: Farthest that a vehicle's outline is from one of the three points on its axis that are looked up.
_REACH = 2.2


@dataclass
class Boxes:
    """Upright boxes: centre, yaw in rad, half sizes; arrays of shape (count,)."""

    x: Array
    y: Array
    z: Array
    yaw: Array
    half_x: Array
    half_y: Array
    half_z: Array

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: Index | list[int]) -> Boxes:
        """The boxes at the given places, repeated as often as they are named."""
        return Boxes(*(getattr(self, name)[index] for name in _BOX_FIELDS))

    @property
    def radius(self) -> Array:
        """Radius of the circle around each box, seen from above."""
        return np.hypot(self.half_x, self.half_y)

    @staticmethod
    def join(parts: list[Boxes]) -> Boxes:
        """All boxes of all parts, in order."""
        fields = ([getattr(part, name) for part in parts] for name in _BOX_FIELDS)
        return Boxes(*(np.concatenate(values) for values in fields))

    @staticmethod
    def rows(rows: Array) -> Boxes:
        """Boxes from rows of (x, y, z, yaw, half_x, half_y, half_z)."""
        table = np.asarray(rows, np.float64).reshape(-1, len(_BOX_FIELDS))
        return Boxes(*(np.ascontiguousarray(column) for column in table.T))


_BOX_FIELDS = ("x", "y", "z", "yaw", "half_x", "half_y", "half_z")


def overlap(a: Boxes, b: Boxes) -> tuple[Array, Array]:
    """How deep box a[i] is in box b[i] and the direction that separates them fastest.

    Returns depth (N,), positive where they overlap, and a unit vector (N, 2) from b towards a.
    """
    ca, sa, cb, sb = np.cos(a.yaw), np.sin(a.yaw), np.cos(b.yaw), np.sin(b.yaw)
    dx, dy = a.x - b.x, a.y - b.y
    along = np.abs(ca * cb + sa * sb)
    across = np.abs(sa * cb - ca * sb)
    normal = np.stack([[ca, sa], [-sa, ca], [cb, sb], [-sb, cb]])
    projection = normal[:, 0] * dx + normal[:, 1] * dy
    reach = np.stack(
        [
            a.half_x + b.half_x * along + b.half_y * across,
            a.half_y + b.half_x * across + b.half_y * along,
            b.half_x + a.half_x * along + a.half_y * across,
            b.half_y + a.half_x * across + a.half_y * along,
        ]
    )
    depth = reach - np.abs(projection)
    best = np.argmin(depth, axis=0)
    pick = (best, np.arange(len(dx)))
    sign = np.where(projection[pick] < 0, -1.0, 1.0)
    direction = normal[best, :, np.arange(len(dx))] * sign[:, None]
    level = a.half_z + b.half_z - np.abs(a.z - b.z)
    return np.where(level > 0, depth[pick], np.minimum(depth[pick], level)), direction


def close_pairs(boxes: Boxes) -> tuple[Index, Index]:
    """Pairs (i < j) of boxes whose surrounding circles meet."""
    radius = boxes.radius
    reach = radius[:, None] + radius
    dx = boxes.x[:, None] - boxes.x
    dy = boxes.y[:, None] - boxes.y
    near = dx * dx + dy * dy < reach * reach
    if np.count_nonzero(near) == len(radius):
        nothing = np.empty(0, np.int64)
        return nothing, nothing
    first, second = np.nonzero(np.triu(near, 1))
    return first, second


class ObstacleGrid:
    """Static boxes, found by place."""

    def __init__(self, obstacles: Array) -> None:
        """obstacles: rows (x, y, z, half_x, half_y, half_z, yaw in degrees, semantic tag)."""
        table = np.asarray(obstacles, np.float64).reshape(-1, 8)
        columns = [np.ascontiguousarray(column) for column in table.T]
        x, y, z, half_x, half_y, half_z, yaw, tag = columns
        self.boxes = Boxes(x, y, z, np.radians(yaw), half_x, half_y, half_z)
        self.tags = tag.astype(np.int64)
        self._cells = self._build()
        self._occupied = self._occupancy()

    def _build(self) -> dict[tuple[int, int], list[int]]:
        cells: dict[tuple[int, int], list[int]] = {}
        boxes = self.boxes
        cos, sin = np.abs(np.cos(boxes.yaw)), np.abs(np.sin(boxes.yaw))
        width = boxes.half_x * cos + boxes.half_y * sin + _REACH
        depth = boxes.half_x * sin + boxes.half_y * cos + _REACH
        low = np.floor(np.stack([boxes.x - width, boxes.y - depth], 1) / _CELL).astype(int)
        high = np.floor(np.stack([boxes.x + width, boxes.y + depth], 1) / _CELL).astype(int)
        for index, ((x0, y0), (x1, y1)) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
            for cx in range(x0, x1 + 1):
                for cy in range(y0, y1 + 1):
                    cells.setdefault((cx, cy), []).append(index)
        return cells

    def _occupancy(self) -> NDArray[np.bool_]:
        """Which cells hold anything, with a free rim so that places outside can be clipped."""
        keys = np.array(list(self._cells), np.int64).reshape(-1, 2)
        self._low = keys.min(axis=0) - 1 if len(keys) else np.zeros(2, np.int64)
        high = keys.max(axis=0) + 1 if len(keys) else np.zeros(2, np.int64)
        occupied = np.zeros(tuple(high - self._low + 1), bool)
        occupied[tuple((keys - self._low).T)] = True
        return occupied

    def candidates(self, movers: Boxes) -> tuple[Index, Index]:
        """Pairs (mover, obstacle) that are near each other."""
        offset = np.array([[-2 / 3], [0.0], [2 / 3]]) * movers.half_x
        cell_x = np.floor((movers.x + offset * np.cos(movers.yaw)) / _CELL).astype(np.int64)
        cell_y = np.floor((movers.y + offset * np.sin(movers.yaw)) / _CELL).astype(np.int64)
        rows, columns = self._occupied.shape
        flagged = self._occupied[
            np.clip(cell_x - self._low[0], 0, rows - 1),
            np.clip(cell_y - self._low[1], 0, columns - 1),
        ].any(axis=0)
        pairs: set[tuple[int, int]] = set()
        for mover in np.flatnonzero(flagged).tolist():
            for cell in zip(cell_x[:, mover].tolist(), cell_y[:, mover].tolist(), strict=True):
                pairs.update((mover, index) for index in self._cells.get(cell, ()))
        ordered = np.array(sorted(pairs), np.int64).reshape(-1, 2)
        return ordered[:, 0], ordered[:, 1]

    def within(self, x: float, y: float, distance: float) -> Index:
        """Indices of obstacles whose surrounding circle is within the distance of a place."""
        boxes = self.boxes
        gap = np.hypot(boxes.x - x, boxes.y - y) - boxes.radius
        return np.flatnonzero(gap <= distance)


def corners(boxes: Boxes, index: int) -> list[tuple[float, float]]:
    """The four corners of one box, seen from above."""
    cos, sin = math.cos(boxes.yaw[index]), math.sin(boxes.yaw[index])
    hx, hy = float(boxes.half_x[index]), float(boxes.half_y[index])
    x, y = float(boxes.x[index]), float(boxes.y[index])
    signs = ((1, 1), (1, -1), (-1, -1), (-1, 1))
    return [(x + i * hx * cos - j * hy * sin, y + i * hx * sin + j * hy * cos) for i, j in signs]
