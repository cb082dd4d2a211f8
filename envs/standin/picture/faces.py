"""Faces to be drawn for one camera: those of static things, and how faces are projected."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import f8, i8
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled, named
from envs.standin.picture.camera import EYE, Eye
from envs.standin.picture.statics import Statics

Array = NDArray[np.float64]
Index = NDArray[np.int64]

NEAR = 0.12
SHIFT = 4
_LIMIT = 30000.0


class Faces(NamedTuple):
    """Faces (F) of things, far things first, and those of each thing in their own order.

    Attributes:
      corners (F, 4, 3): in the world. colour (F, 3): B, G, R, lit.
      distance (F,): of the thing from the camera.
      thing (F,): number of a static thing, -1 - row of a moving one.
      source (F,): index of the static face, -1 for moving things, -2 - kind for tree crowns.
    """

    corners: Array
    colour: Array
    distance: Array
    thing: Index
    source: Index


#: `Faces` in compiled code.
FACES = named(Faces, f8[:, :, ::1], f8[:, ::1], f8[::1], i8[::1], i8[::1])


class Outlines(NamedTuple):
    """Those faces that reach into the picture.

    Attributes:
      face: which faces. points (K, 5, 2): corners in pixels with four fractional bits, counts
        (K,) of them. low, high: (K, 2) smallest and largest pixel coordinates of each.
    """

    face: Index
    points: NDArray[np.int32]
    counts: Index
    low: Array
    high: Array

    def polygons(self) -> list[NDArray[np.int32]]:
        """The corners of each, (n, 2)."""
        polygons = list(self.points[:, :4])
        for row in np.flatnonzero(self.counts != 4).tolist():
            polygons[row] = self.points[row, : self.counts[row]]
        return polygons


@compiled
def add_static(
    eye: Eye,
    statics: Statics,
    lit: Array,
    crowns: Array,
    thing: int,
    distance: float,
    faces: Faces,
    found: int,
) -> int:
    """Add those faces of a static thing that look towards the camera and are big enough.

    lit (Q, 3), crowns (KINDS, 3): colours of faces and of tree crowns. Returns how many there are.
    """
    place, size = eye.place, eye.focal / max(distance, 0.1)
    first = statics.first[thing]
    for face in range(first, first + statics.faces[thing]):
        normal = statics.normal[face]
        side = normal[0] * place[0] + normal[1] * place[1] + normal[2] * place[2]
        if side > statics.offset[face] and statics.detail[face] < size:
            for k in range(3):
                for corner in range(4):
                    faces.corners[found, corner, k] = statics.corners[face, corner, k]
                faces.colour[found, k] = lit[face, k]
            faces.distance[found], faces.thing[found] = distance, thing
            faces.source[found] = face
            found += 1
    if statics.crown[thing] < 0:
        return found
    centre, corners = statics.centre[thing], faces.corners[found]
    share = statics.crown_size[thing, 0] / max(distance, 0.1)
    dx, dy = centre[0] - place[0], centre[1] - place[1]
    top = centre[2] + statics.tall[thing]
    for corner in range(4):
        side = share if corner in (1, 2) else -share
        corners[corner, 0], corners[corner, 1] = centre[0] - side * dy, centre[1] + side * dx
        corners[corner, 2] = top if corner > 1 else top - statics.crown_size[thing, 1]
    for k in range(3):
        faces.colour[found, k] = crowns[statics.crown[thing], k]
    faces.distance[found], faces.thing[found] = distance, thing
    faces.source[found] = -2 - statics.crown[thing]
    return found + 1


@called_with(EYE, f8[:, :, ::1])
@compiled
def outlines(eye: Eye, corners: Array) -> Outlines:
    """Projects faces (F, 4, 3) and drops those outside the picture."""
    width, height = eye.width, eye.height
    faces = len(corners)
    index, counts = np.empty(faces, np.int64), np.empty(faces, np.int64)
    points = np.empty((faces, 5, 2), np.int32)
    low, high = np.empty((faces, 2)), np.empty((faces, 2))
    local, polygon, found = np.empty((4, 3)), np.empty((5, 2)), 0
    for face in range(faces):
        count = _project(eye, corners[face], local, polygon)
        if count < 3:
            continue
        left = right = polygon[0, 0]
        upper = lower = polygon[0, 1]
        for corner in range(1, count):
            left, right = min(left, polygon[corner, 0]), max(right, polygon[corner, 0])
            upper, lower = min(upper, polygon[corner, 1]), max(lower, polygon[corner, 1])
        if right < 0.0 or lower < 0.0 or left >= width or upper >= height:
            continue
        index[found], counts[found] = face, count
        low[found, 0], low[found, 1] = left, upper
        high[found, 0], high[found, 1] = right, lower
        for corner in range(count):
            points[found, corner, 0] = _fixed(polygon[corner, 0])
            points[found, corner, 1] = _fixed(polygon[corner, 1])
        found += 1
    return Outlines(index[:found], points[:found], counts[:found], low[:found], high[:found])


@compiled
def _project(eye: Eye, corners: Array, local: Array, out: Array) -> int:
    """Image coordinates of the part of a face beyond the near plane; how many there are."""
    place, axes, focal, width, height = eye.place, eye.axes, eye.focal, eye.width, eye.height
    for corner in range(4):
        for axis in range(3):
            local[corner, axis] = (
                (corners[corner, 0] - place[0]) * axes[0, axis]
                + (corners[corner, 1] - place[1]) * axes[1, axis]
                + (corners[corner, 2] - place[2]) * axes[2, axis]
            )
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
def _fixed(pixel: float) -> int:
    """Pixels to fixed point."""
    one = 1 << SHIFT
    limit = _LIMIT * one
    return round(min(max(pixel * one - one / 2.0, -limit), limit))
