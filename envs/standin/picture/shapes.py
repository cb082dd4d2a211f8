"""Faces as flat shapes of a picture: which pixels they cover, and how these are coloured."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import f8, i4, i8, u2, u4
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled, named
from envs.standin.picture import warp
from envs.standin.picture.camera import EYE, Eye
from envs.standin.picture.facades import CELL, LEVELS, WALLS, Facades, Walls
from envs.standin.picture.faces import FACES, Faces, Index, cross, outlines
from envs.standin.picture.fill import Points, fill, fitted, stamp
from envs.standin.picture.foliage import CROWNS, Crowns
from envs.standin.picture.runs import RUNS, SHAPES, Runs, Shown
from envs.standin.picture.statics import STATICS, Statics
from envs.standin.picture.types import Pixels
from envs.standin.picture.weather import LIGHT, Light, bgra, fog

Array = NDArray[np.float64]

#: Least height of a storey, width of a wall and height of a crown in pixels for their images to be
#: shown, and least share of haze.
_WINDOW_PIXELS, CROWN_PIXELS, _LEAST_HAZE = 7.0, 9.0, 0.06
_STOREY = 3.1
_OPAQUE = np.uint32(0xFF000000)
_MOST = 2**16 - 1 - SHAPES


class Shapes(NamedTuple):
    """Shapes (K) in a picture, far to near.

    Attributes:
      face: row of each in `Faces`. points (K, 5, 2): corners in pixels with fractional bits, counts
        (K,) of them. low, high (K, 2): least and greatest pixel coordinates.
      source: static face, -1 for moving things, -2 - kind for crowns.
    """

    face: Index
    points: Points
    counts: Index
    low: Array
    high: Array
    source: Index


#: `Shapes` in compiled code.
SHAPE_TABLE = named(Shapes, i8[::1], i4[:, :, ::1], i8[::1], f8[:, ::1], f8[:, ::1], i8[::1])


class Looks(NamedTuple):
    """Colouring of shapes: share of haze, colour under it, and images of W of the walls.

    Attributes:
      wall (K,): row of each wall that shows its image, -1 for other shapes.
      matrix (W, 3, 3), place (W, 3): image coordinates to texel, and the image as in `Walls`.
    """

    share: Array
    colour: Pixels
    haze: int
    wall: Index
    matrix: Array
    place: Index


#: `Looks` in compiled code.
LOOKS = named(Looks, f8[::1], u4[::1], i8, i8[::1], f8[:, :, ::1], i8[:, ::1])


@called_with(EYE, FACES)
@compiled
def shapes_of(eye: Eye, faces: Faces) -> Shapes:
    """Keep the faces that reach into the picture; the nearest of very many."""
    seen = outlines(eye, faces.corners)
    begin = max(0, len(seen.face) - _MOST)
    face = seen.face[begin:]
    return Shapes(
        face,
        seen.points[begin:],
        seen.counts[begin:],
        seen.low[begin:],
        seen.high[begin:],
        faces.source[face],
    )


def looks_of(
    eye: Eye, faces: Faces, shapes: Shapes, statics: Statics, facades: Facades, light: Light
) -> tuple[Looks, Walls]:
    """Colour the shapes under a light."""
    wall, shown = _walls(eye, faces, shapes, statics)
    walls = facades.walls(shapes.source[shown])
    return _looks(eye, faces, shapes, wall, shown, statics, walls, light), walls


@called_with(SHAPE_TABLE, CROWNS, f8, i8, u2[:, ::1])
@compiled
def cover(shapes: Shapes, crowns: Crowns, least: float, top: int, shown: Shown) -> None:
    """Mark the pixels of the rows from `top` on that each shape covers.

    least: height in pixels of crowns that are more than rectangles.
    """
    numbers, done = np.empty(len(shapes.face), np.int64), int(np.int64(0))
    for shape in range(len(numbers)):
        numbers[shape] = SHAPES + shape
    for shape in range(len(shapes.face)):
        tall = shapes.high[shape, 1] - shapes.low[shape, 1] > least
        if shapes.source[shape] < -1 and tall:
            fill(shapes.points, shapes.counts, numbers, done, shape, top, shown)
            kind, done = -2 - shapes.source[shape], shape + 1
            stamp(crowns, kind, shapes.low[shape], shapes.high[shape], numbers[shape], top, shown)
    fill(shapes.points, shapes.counts, numbers, done, len(numbers), top, shown)


@called_with(SHAPE_TABLE, LOOKS, CROWNS, WALLS, RUNS, u4[:, ::1])
@compiled
def paint(
    shapes: Shapes, looks: Looks, crowns: Crowns, walls: Walls, runs: Runs, out: Pixels
) -> None:
    """Colour the pixels that shapes cover."""
    scratch = np.empty((warp.SCRATCH, out.shape[1]), np.uint32)
    for row in range(len(runs.first) - 1):
        y = runs.top + row
        for run in range(runs.first[row], runs.first[row + 1]):
            shape, left = runs.what[run] - SHAPES, runs.left[run]
            if shape < 0:
                continue
            line, wall = out[y, left : runs.right[run]], looks.wall[shape]
            tall = shapes.high[shape, 1] - shapes.low[shape, 1] > CROWN_PIXELS
            if wall >= 0:
                first, rows, columns = looks.place[wall]
                warp.look_up(
                    walls.texels,
                    first,
                    rows,
                    columns,
                    bool(np.bool_(False)),
                    looks.matrix[wall],
                    y + 0.5,
                    scratch,
                    left,
                    line,
                )
            elif shapes.source[shape] < -1 and tall:
                _crown(crowns, shapes, shape, y, left, line)
            else:
                for x in range(len(line)):
                    line[x] = looks.colour[shape]
                continue
            if looks.share[shape] > _LEAST_HAZE:
                warp.veil(line, looks.share[shape], looks.haze)


@compiled
def _crown(crowns: Crowns, shapes: Shapes, shape: int, y: int, begin: int, line: Pixels) -> None:
    kind = -2 - shapes.source[shape]
    level, left, top, across, down = fitted(crowns, shapes.low[shape], shapes.high[shape])
    first = crowns.first[kind, level]
    first += math.floor((y + 0.5 - top) * down) * crowns.size[level]
    for i in range(len(line)):
        u = math.floor((begin + i + 0.5 - left) * across)
        line[i] = crowns.texels[first + u] | _OPAQUE


@called_with(EYE, FACES, SHAPE_TABLE, STATICS)
@compiled
def _walls(eye: Eye, faces: Faces, shapes: Shapes, statics: Statics) -> tuple[Index, Index]:
    """A number for each wall near enough to show windows, -1 for all else; and these walls."""
    count = len(shapes.face)
    wall, shown, found = np.full(count, -1), np.empty(count, np.int64), 0
    for shape in range(count):
        source = shapes.source[shape]
        wide = shapes.high[shape, 0] - shapes.low[shape, 0] > _WINDOW_PIXELS
        if (
            source >= 0
            and statics.facade[source] >= 0
            and wide
            and _storey(eye, faces, shapes.face[shape]) > _WINDOW_PIXELS
        ):
            wall[shape], shown[found] = found, shape
            found += 1
    return wall, shown[:found]


@compiled
def _storey(eye: Eye, faces: Faces, face: int) -> float:
    """Height of a storey in pixels."""
    return _STOREY * eye.focal / max(faces.distance[face], 0.5)


@called_with(EYE, FACES, SHAPE_TABLE, i8[::1], i8[::1], STATICS, WALLS, LIGHT)
@compiled
def _looks(
    eye: Eye,
    faces: Faces,
    shapes: Shapes,
    wall: Index,
    shown: Index,
    statics: Statics,
    walls: Walls,
    light: Light,
) -> Looks:
    share, colour, mixed = np.empty(len(wall)), np.empty(len(wall), np.uint32), np.empty(3)
    for shape in range(len(wall)):
        face = shapes.face[shape]
        share[shape] = fog(light, faces.distance[face])
        for c in range(3):
            mixed[c] = faces.colour[face, c] * (1.0 - share[shape]) + light.haze[c] * share[shape]
        colour[shape] = bgra(mixed)
    matrix, place = np.empty((len(shown), 3, 3)), np.empty((len(shown), 3), np.int64)
    for i in range(len(shown)):
        source, storey = shapes.source[shown[i]], _storey(eye, faces, shapes.face[shown[i]])
        level = 0
        while level < LEVELS - 1 and 2.6 * storey * 2**level <= CELL:
            level += 1
        for k in range(3):
            place[i, k] = walls.place[source, level, k]
        _wall_matrix(eye, statics.corners[source], place[i, 1], place[i, 2], matrix[i])
    return Looks(share, colour, bgra(light.haze), wall, matrix, place)


@compiled
def _wall_matrix(eye: Eye, corners: Array, rows: int, columns: int, matrix: Array) -> None:
    """Image coordinates to texels of a wall's image."""
    corner, normal, axis, height = corners[0], np.empty(3), np.empty(3), 0.0
    cross(corners, normal)
    for k in range(3):
        height += normal[k] * (eye.place[k] - corner[k])
        matrix[2, k] = _along(normal, eye.rays, k)
    for row, end in ((0, 1), (1, 3)):
        square, begin = 0.0, 0.0
        for k in range(3):
            axis[k] = corners[end, k] - corner[k]
            square += axis[k] * axis[k]
            begin += axis[k] * (eye.place[k] - corner[k])
        for k in range(3):
            matrix[row, k] = (begin * matrix[2, k] - height * _along(axis, eye.rays, k)) / square
    for k in range(3):
        matrix[0, k] = columns * matrix[0, k] - 0.5 * matrix[2, k]
        matrix[1, k] = (rows - 0.5) * matrix[2, k] - rows * matrix[1, k]


@compiled
def _along(vector: Array, rays: Array, column: int) -> float:
    return float(
        vector[0] * rays[0, column] + vector[1] * rays[1, column] + vector[2] * rays[2, column]
    )
