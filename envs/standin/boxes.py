"""Oriented boxes seen from above: overlap tests on arrays, and a grid of static obstacles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import f8, i8
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled, named

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_CELL = 4.0
#: Farthest that a vehicle's outline is from one of the three points on its axis that are looked up.
_REACH = 2.2


@dataclass(frozen=True, eq=False)
class Boxes:
    """Upright boxes: rows x, y, z of the centre, yaw in rad, half sizes; `table` is (7, count)."""

    table: Array

    def __len__(self) -> int:
        return self.table.shape[1]

    x = property(lambda self: self.table[0])
    y = property(lambda self: self.table[1])
    z = property(lambda self: self.table[2])
    yaw = property(lambda self: self.table[3])
    half_x = property(lambda self: self.table[4])
    half_y = property(lambda self: self.table[5])
    half_z = property(lambda self: self.table[6])

    def take(self, index: Index) -> Boxes:
        """The boxes at the given places, repeated as often as they are named."""
        return Boxes(np.take(self.table, index, axis=1))

    @property
    def radius(self) -> Array:
        """Radius of the circle around each box, seen from above."""
        return np.hypot(self.half_x, self.half_y)

    @staticmethod
    def join(parts: list[Boxes]) -> Boxes:
        """All boxes of all parts, in order."""
        return Boxes(np.concatenate([part.table for part in parts], axis=1))

    @staticmethod
    def rows(rows: Array) -> Boxes:
        """Boxes from rows of (x, y, z, yaw, half_x, half_y, half_z)."""
        return Boxes(np.ascontiguousarray(np.asarray(rows, np.float64).reshape(-1, 7).T))


@called_with(f8[:, ::1], i8[::1], f8[:, ::1], i8[::1])
@compiled
def overlap(a: Array, first: Index, b: Array, second: Index) -> tuple[Array, Array]:
    """Return the depth of box first[i] of table a in box second[i] of b, and the way out.

    Returns depth (N,), positive where they overlap, and a unit vector (N, 2) from b towards a.
    """
    depth, direction = np.empty(len(first)), np.empty((len(first), 2))
    for i in range(len(first)):
        ax, ay, az, a_yaw, ahx, ahy, ahz = a[:, first[i]]
        bx, by, bz, b_yaw, bhx, bhy, bhz = b[:, second[i]]
        ca, sa, cb, sb = math.cos(a_yaw), math.sin(a_yaw), math.cos(b_yaw), math.sin(b_yaw)
        along, across = abs(ca * cb + sa * sb), abs(sa * cb - ca * sb)
        least = np.inf
        for nx, ny, reach in (
            (ca, sa, ahx + bhx * along + bhy * across),
            (-sa, ca, ahy + bhx * across + bhy * along),
            (cb, sb, bhx + ahx * along + ahy * across),
            (-sb, cb, bhy + ahx * across + ahy * along),
        ):
            projection = nx * (ax - bx) + ny * (ay - by)
            if reach - abs(projection) < least:
                least = reach - abs(projection)
                sign = -1.0 if projection < 0 else 1.0
                direction[i, 0], direction[i, 1] = sign * nx, sign * ny
        level = ahz + bhz - abs(az - bz)
        depth[i] = least if level > 0 else min(least, level)
    return depth, direction


@compiled
def close_pairs(table: Array) -> tuple[Index, Index]:
    """Pairs (i < j) of boxes whose surrounding circles meet."""
    found = [(0, 0) for _ in range(0)]  # an empty list of a known type
    x, y, half_x, half_y = table[0], table[1], table[4], table[5]
    radius = np.hypot(half_x, half_y)
    for i in range(len(x)):
        for j in range(i + 1, len(x)):
            dx, dy, reach = x[i] - x[j], y[i] - y[j], radius[i] + radius[j]
            if dx * dx + dy * dy < reach * reach:
                found.append((i, j))
    return _columns(found)


@compiled
def _columns(pairs: list[tuple[int, int]]) -> tuple[Index, Index]:
    first, second = np.empty(len(pairs), np.int64), np.empty(len(pairs), np.int64)
    for row, pair in enumerate(pairs):
        first[row], second[row] = pair
    return first, second


class Cells(NamedTuple):
    """Cells of a rectangle: what cell c holds is inside[start[c]:start[c + 1]]."""

    low: Index
    shape: Index
    start: Index
    inside: Index


#: `Cells` in compiled code.
CELLS = named(Cells, i8[::1], i8[::1], i8[::1], i8[::1])


class ObstacleGrid:
    """Static boxes, found by place."""

    def __init__(self, obstacles: Array) -> None:
        """obstacles: rows (x, y, z, half_x, half_y, half_z, yaw in degrees, semantic tag)."""
        table = np.asarray(obstacles, np.float64).reshape(-1, 8)
        x, y, z, half_x, half_y, half_z, yaw, tag = table.T
        self.boxes = Boxes(np.stack([x, y, z, np.radians(yaw), half_x, half_y, half_z]))
        self.tags = tag.astype(np.int64)
        self.cells = self._build()

    def _build(self) -> Cells:
        boxes = self.boxes
        cos, sin = np.abs(np.cos(boxes.yaw)), np.abs(np.sin(boxes.yaw))
        width = boxes.half_x * cos + boxes.half_y * sin + _REACH
        depth = boxes.half_x * sin + boxes.half_y * cos + _REACH
        low = np.floor(np.stack([boxes.x - width, boxes.y - depth], 1) / _CELL).astype(int)
        high = np.floor(np.stack([boxes.x + width, boxes.y + depth], 1) / _CELL).astype(int)
        corner = low.min(axis=0) if len(low) else np.zeros(2, np.int64)
        shape = high.max(axis=0) - corner + 1 if len(low) else np.zeros(2, np.int64)
        low, high = low - corner, high - corner
        pairs = [
            (cx * int(shape[1]) + cy, index)
            for index, ((x0, y0), (x1, y1)) in enumerate(
                zip(low.tolist(), high.tolist(), strict=True)
            )
            for cx in range(x0, x1 + 1)
            for cy in range(y0, y1 + 1)
        ]
        cell, inside = np.array(sorted(pairs), np.int64).reshape(-1, 2).T.copy()
        counts = np.bincount(cell, minlength=int(shape.prod()))
        return Cells(corner, shape, np.concatenate([[0], np.cumsum(counts)]), inside)

    def within(self, x: float, y: float, distance: float) -> Index:
        """Indices of obstacles whose surrounding circle is within the distance of a place."""
        boxes = self.boxes
        gap = np.hypot(boxes.x - x, boxes.y - y) - boxes.radius
        return np.flatnonzero(gap <= distance)


@compiled
def candidates(table: Array, cells: Cells) -> tuple[Index, Index]:
    """Pairs (mover, obstacle) that are near each other."""
    low, shape, start, inside = cells
    x, y, yaw, half = table[0], table[1], table[3], table[4]
    found = [(0, 0) for _ in range(0)]
    for mover in range(len(x)):
        begin = len(found)
        for share in (-2.0 / 3.0, 0.0, 2.0 / 3.0):
            u = math.floor((x[mover] + share * half[mover] * math.cos(yaw[mover])) / _CELL) - low[0]
            v = math.floor((y[mover] + share * half[mover] * math.sin(yaw[mover])) / _CELL) - low[1]
            if not (0 <= u < shape[0] and 0 <= v < shape[1]):
                continue
            cell = int(u * shape[1] + v)
            for obstacle in inside[start[cell] : start[cell + 1]]:
                at = begin
                while at < len(found) and found[at][1] < obstacle:
                    at += 1
                if at == len(found) or found[at][1] != obstacle:
                    found.insert(at, (mover, int(obstacle)))
    return _columns(found)
