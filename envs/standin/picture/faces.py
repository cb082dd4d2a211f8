"""Faces to be drawn for one camera: lit, projected, and put in order from far to near."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.standin.compiled import compiled
from envs.standin.picture.camera import View
from envs.standin.picture.statics import Statics

Array = NDArray[np.float64]
Index = NDArray[np.int64]

NEAR = 0.12
SHIFT = 4
_LIMIT = 30000.0


@dataclass(frozen=True, eq=False)
class Faces:
    """Faces (F) of things.

    Attributes:
      corners (F, 4, 3): in the world. colour (F, 3): B, G, R, lit.
      distance (F,): of the thing from the camera; order (F,): among faces of one thing.
      thing (F,): number of the thing.
      source (F,): index of the static face, -1 for moving things, -2 - kind for tree crowns.
    """

    corners: Array
    colour: Array
    distance: Array
    order: Array
    thing: Index
    source: Index

    @staticmethod
    def join(parts: list[Faces]) -> Faces:
        """All faces of all parts."""
        names = ("corners", "colour", "distance", "order", "thing", "source")
        return Faces(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True, eq=False)
class Outlines:
    """Those faces that reach into the picture.

    Attributes:
      index: which faces. points (K, 5, 2): corners in pixels with four fractional bits, counts
        (K,) of them. low, high: (K, 2) smallest and largest pixel coordinates of each.
    """

    index: Index
    points: NDArray[np.int32]
    counts: Index
    low: Array
    high: Array

    def polygons(self) -> list[NDArray[np.int32]]:
        """The corners of each, (n, 2)."""
        polygons = list(self.points[:, :4])
        for row in np.flatnonzero(self.counts != 4).tolist():
            polygons[row] = self.points[row, :self.counts[row]]
        return polygons


def static_faces(view: View, statics: Statics, chosen: Index, lit: Array) -> Faces:
    """Faces of static things that look towards the camera, big enough to be seen."""
    index, owner, distance = _towards(
        view.place, view.focal, statics.centre, statics.first, statics.count, statics.normal,
        statics.offset, statics.detail, chosen, int(statics.count[chosen].sum()))
    order = (index - statics.first[owner]).astype(float)
    return Faces(statics.corners[index], lit[index], distance, order, owner, index)


@compiled
def _towards(
    place: Array, focal: float, centre: Array, first: Index, count: Index, normal: Array,
    offset: Array, detail: Array, chosen: Index, most: int,
) -> tuple[Index, Index, Array]:
    """Faces that are seen, the thing of each, and the thing's distance."""
    index, owner, distance = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most)
    found = 0
    for thing in chosen:
        away = math.hypot(centre[thing, 0] - place[0], centre[thing, 1] - place[1])
        size = focal / max(away, 0.1)
        for face in range(first[thing], first[thing] + count[thing]):
            side = (normal[face, 0] * place[0] + normal[face, 1] * place[1]
                    + normal[face, 2] * place[2])
            if side > offset[face] and detail[face] < size:
                index[found], owner[found], distance[found] = face, thing, away
                found += 1
    return index[:found], owner[:found], distance[:found]


def crown_faces(view: View, statics: Statics, chosen: Index, colours: Array) -> Faces:
    """An upright rectangle towards the camera for each tree crown."""
    corners, distance, trees = _upright(
        view.place, chosen, statics.crown, statics.centre, statics.crown_size, statics.tall)
    kind = statics.crown[trees]
    return Faces(corners, colours[kind], distance, np.full(len(trees), 100.0), trees, -2 - kind)


@compiled
def _upright(
    place: Array, chosen: Index, crown: Index, centre: Array, size: Array, tall: Array
) -> tuple[Array, Array, Index]:
    corners, distance = np.empty((len(chosen), 4, 3)), np.empty(len(chosen))
    trees, found = np.empty(len(chosen), np.int64), 0
    for thing in chosen:
        if crown[thing] < 0:
            continue
        dx, dy = centre[thing, 0] - place[0], centre[thing, 1] - place[1]
        away = math.hypot(dx, dy)
        share = size[thing, 0] / max(away, 0.1)
        top = centre[thing, 2] + tall[thing]
        for corner in range(4):
            side = share if corner in (1, 2) else -share
            corners[found, corner, 0] = centre[thing, 0] - side * dy
            corners[found, corner, 1] = centre[thing, 1] + side * dx
            corners[found, corner, 2] = top if corner > 1 else top - size[thing, 1]
        trees[found], distance[found] = thing, away
        found += 1
    return corners[:found], distance[:found], trees[:found]


def in_order(faces: Faces) -> Index:
    """Far things first, and the faces of each thing in their own order."""
    return np.lexsort((faces.order, faces.thing, -faces.distance))


def outlines(view: View, corners: Array, top: int = 0, step: int = 1) -> Outlines:
    """Projects faces (F, 4, 3) and drops those outside the picture.

    The polygons are those of a picture that begins at row `top` and is `step` times smaller.
    """
    camera = view.camera
    return Outlines(*_outlines(
        view.place, view.axes, view.focal, camera.width, camera.height, corners, top, step))


@compiled
def _outlines(
    place: Array, axes: Array, focal: float, width: int, height: int, corners: Array, top: int,
    step: int,
) -> tuple[Index, NDArray[np.int32], Index, Array, Array]:
    faces = len(corners)
    index, counts = np.empty(faces, np.int64), np.empty(faces, np.int64)
    points = np.empty((faces, 5, 2), np.int32)
    low, high = np.empty((faces, 2)), np.empty((faces, 2))
    local, polygon, found = np.empty((4, 3)), np.empty((5, 2)), 0
    for face in range(faces):
        count = _project(place, axes, focal, width, height, corners[face], local, polygon)
        if count < 3:
            continue
        left = right = polygon[0, 0]
        upper = lower = polygon[0, 1]
        for corner in range(1, count):
            left, right = min(left, polygon[corner, 0]), max(right, polygon[corner, 0])
            upper, lower = min(upper, polygon[corner, 1]), max(lower, polygon[corner, 1])
        if right < 0.0 or lower < top or left >= width or upper >= height:
            continue
        index[found], counts[found] = face, count
        low[found, 0], low[found, 1] = left, upper
        high[found, 0], high[found, 1] = right, lower
        for corner in range(count):
            points[found, corner, 0] = _fixed(polygon[corner, 0], step)
            points[found, corner, 1] = _fixed(polygon[corner, 1] - top, step)
        found += 1
    return index[:found], points[:found], counts[:found], low[:found], high[:found]


@compiled
def _project(
    place: Array, axes: Array, focal: float, width: int, height: int, corners: Array,
    local: Array, out: Array,
) -> int:
    """Image coordinates of the part of a face beyond the near plane; how many there are."""
    for corner in range(4):
        for axis in range(3):
            local[corner, axis] = (
                (corners[corner, 0] - place[0]) * axes[0, axis]
                + (corners[corner, 1] - place[1]) * axes[1, axis]
                + (corners[corner, 2] - place[2]) * axes[2, axis])
    count = 0
    for corner in range(4):
        here, before = local[corner], local[corner - 1]
        if (here[0] > NEAR) != (before[0] > NEAR):
            share = (NEAR - before[0]) / (here[0] - before[0])
            right = before[1] + share * (here[1] - before[1])
            up = before[2] + share * (here[2] - before[2])
            out[count, 0] = right * (focal / NEAR) + width / 2.0
            out[count, 1] = height / 2.0 - up * (focal / NEAR)
            count += 1
        if here[0] > NEAR:
            out[count, 0] = here[1] * (focal / here[0]) + width / 2.0
            out[count, 1] = height / 2.0 - here[2] * (focal / here[0])
            count += 1
    return count


@compiled
def cross(corners: Array, out: Array) -> None:
    """(c1 - c0) x (c2 - c0) of a face (4, 3) into `out` (3,)."""
    ax, bx = corners[1, 0] - corners[0, 0], corners[2, 0] - corners[0, 0]
    ay, by = corners[1, 1] - corners[0, 1], corners[2, 1] - corners[0, 1]
    az, bz = corners[1, 2] - corners[0, 2], corners[2, 2] - corners[0, 2]
    out[0], out[1], out[2] = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx


@compiled
def _fixed(pixel: float, step: int) -> int:
    """Pixels to fixed point, for a picture `step` times smaller."""
    one = 1 << SHIFT
    limit = _LIMIT * one
    return round(min(max(pixel * (one / step) - one / 2.0, -limit), limit))
