"""The ground as a camera sees it: the texture from above, warped band by band.

Far rows cover many texels along the line of sight but few across it. Each band of rows therefore
takes the mipmap level that fits across, and is drawn with more rows than needed, then averaged.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import cv2
import numpy as np
from numba import b1, f8, i8, types, u4
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled
from envs.standin.picture import warp
from envs.standin.picture.camera import EYE, Eye, View, descent
from envs.standin.picture.paint import LEVELS, TAGS, GroundTexture
from envs.standin.picture.runs import GROUND, RUNS, SKY, Runs, Shown
from envs.standin.picture.types import Camera, Image, Pixels, pixels

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: Depth in metres that stands for the sky.
FARTHEST = 1000.0
_MAX_OVERSAMPLING = 8


class Band(NamedTuple):
    """Rows [top, bottom) drawn from one mipmap level, `oversampling` times too high."""

    top: int
    bottom: int
    level: int
    oversampling: int


class GroundView:
    """Draws a flat ground at z = 0."""

    def __init__(self, texture: GroundTexture) -> None:
        self.texture = texture
        self.tags = TAGS[texture.surface]
        self._bands: dict[tuple[float, ...], tuple[Band, ...]] = {}
        self._levels = tuple(pixels(level) for level in texture.levels)

    def rows(self, view: View) -> tuple[int, int]:
        """First row that shows any ground, and first row from which on all is ground."""
        return view.horizon

    def mark(self, view: View, begin: int, end: int) -> Shown:
        """GROUND where a pixel of the rows begin .. end looks down, SKY elsewhere."""
        return _looks_down(view.eye.rays[2], *view.horizon, view.camera.width, begin, end)

    def draw(self, view: View, runs: Runs, out: Image) -> None:
        """Colour the ground, unlit."""
        bands = np.array(self.bands(view), np.int64).reshape(-1, 4)
        _draw_bands(
            self._levels,
            view.ground(0.0),
            self.texture.low,
            self.texture.cell,
            bands,
            True,
            runs,
            GROUND,
            pixels(out),
        )

    def draw_tags(self, view: View, out: Image) -> None:
        """Semantic tags of the ground, by nearest texel; `out` uint8 (H, W)."""
        top = view.horizon[0]
        if top >= len(out):
            return
        matrix = _to_texel(view.ground(0.0), self.texture.low, self.texture.cell)
        matrix[:, 2] += matrix @ np.array([0.5, top + 0.5, 0.0])
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        below = ground_mask(view)[top:]
        drawn = cv2.warpPerspective(
            self.tags,
            matrix,
            (out.shape[1], out.shape[0] - top),
            flags=flags,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=int(TAGS[0]),
        )
        cv2.copyTo(drawn, below, out[top:])

    def depth(self, view: View) -> Array:
        """Depth (H, W) of the ground along the camera's axis; FARTHEST where the sky is."""
        return ground_depth(view)

    def row_depth(self, view: View, begin: int, end: int) -> Array:
        """Depth of the ground at the middle column of the rows begin .. end."""
        return _row_depth(view.eye, begin, end)

    def look_down(
        self, image: Image, low: Array, cell: float, view: View, runs: Runs, out: Image
    ) -> None:
        """Draw an image from above as the camera sees it on the ground.

        Its texel (0, 0) stands for what lies beyond its edges.
        """
        matrix = _to_texel(view.ground(0.0), low, cell)
        warp.draw(pixels(image), matrix, True, 1, runs, GROUND, 0, len(out), pixels(out))

    def bands(self, view: View) -> tuple[Band, ...]:
        """The bands of a view; those of cameras alike in height and pitch are shared."""
        camera = view.camera
        key = (
            camera.width,
            camera.height,
            camera.fov,
            round(camera.pitch * 2.0) / 2.0,
            round(camera.roll / 5.0) * 5.0,
            round(camera.z * 5.0) / 5.0,
        )
        plan = self._bands.get(key)
        if plan is None:
            if len(self._bands) > 500:
                self._bands.clear()
            plan = self._bands[key] = self._plan(*key)
        top = view.horizon[0]
        bands = [
            Band(top + begin, min(top + end, camera.height), level, oversampling)
            for begin, end, level, oversampling in plan
            if top + begin < camera.height
        ]
        if bands and bands[-1].bottom < camera.height:
            bands[-1] = bands[-1]._replace(bottom=camera.height)
        return tuple(bands)

    def _plan(
        self, width: int, height: int, fov: float, pitch: float, roll: float, z: float
    ) -> tuple[Band, ...]:
        """Bands of a typical camera, with rows counted from the horizon."""
        view = View.of(Camera("rgb", width, height, fov, 0.0, 0.0, z, pitch, 0.0, roll))
        top = min(view.horizon[0], height - 1)
        across, along = footprints(view, np.arange(top, height, dtype=float) + 0.5)
        cell = self.texture.cell
        over = np.clip(along / (1.5 * np.maximum(across, cell)), 1.0, _MAX_OVERSAMPLING)
        over = 2 ** np.rint(np.log2(over)).astype(int)
        texel = np.maximum(across, along / (2.0 * over))
        finest = len(self.texture.levels) - 1
        level = np.clip(np.rint(np.log2(np.maximum(texel / cell, 1.0))), 0, finest).astype(int)
        change = np.flatnonzero((np.diff(level) != 0) | (np.diff(over) != 0)) + 1
        end = height - top
        edges = [0, *_spaced(change, max(2, height // 40), end), end]
        return tuple(
            Band(a, b, int(level[(a + b) // 2]), int(over[(a + b) // 2]))
            for a, b in itertools.pairwise(edges)
        )


def ground_mask(view: View) -> Image:
    """255 where a pixel looks down, uint8 (H, W)."""
    fall = view.eye.rays[2]
    u = np.arange(view.camera.width) + 0.5
    v = np.arange(view.camera.height) + 0.5
    looks_down = (fall[0] * u + fall[2])[None, :] + (fall[1] * v)[:, None] < -1e-9
    return looks_down.astype(np.uint8) * np.uint8(255)


def ground_depth(view: View, level: float = 0.0) -> Array:
    """Depth (H, W) of the plane z = level; FARTHEST where the sky is."""
    depth = np.full((view.camera.height, view.camera.width), FARTHEST)
    below = ground_mask(view) > 0
    fall = view.eye.rays[2]
    u = np.arange(view.camera.width) + 0.5
    v = np.arange(view.camera.height) + 0.5
    slope = (fall[0] * u + fall[2])[None, :] + (fall[1] * v)[:, None]
    depth[below] = np.minimum((level - view.camera.z) / slope[below], FARTHEST)
    return np.where(depth > 0.0, depth, FARTHEST)


def footprints(view: View, rows: NDArray[Any]) -> tuple[Array, Array]:
    """Metres of ground per pixel across and along the line of sight, at the middle column."""
    matrix = view.ground(0.0)
    base = matrix @ np.array([view.camera.width / 2.0, 0.0, 1.0])
    x, y, w = (base[i] + matrix[i, 1] * rows for i in range(3))
    w = np.where(np.abs(w) < 1e-9, -1e-9, w)
    square = w * w
    du = np.hypot(matrix[0, 0] * w - x * matrix[2, 0], matrix[1, 0] * w - y * matrix[2, 0])
    dv = np.hypot(matrix[0, 1] * w - x * matrix[2, 1], matrix[1, 1] * w - y * matrix[2, 1])
    return du / square, dv / square


def _spaced(edges: NDArray[np.int64], gap: int, end: int) -> list[int]:
    """Drop edges that are too close to the one before."""
    kept: list[int] = []
    last = 0
    for edge in edges.tolist():
        if edge - last >= gap and end - edge >= gap:
            kept.append(edge)
            last = edge
    return kept


@called_with(f8[::1], i8, i8, i8, i8, i8)
@compiled
def _looks_down(fall: Array, top: int, below: int, width: int, begin: int, end: int) -> Shown:
    shown = np.empty((end - begin, width), np.uint16)
    for y in range(begin, end):
        row = shown[y - begin]
        if y < top or y >= below:
            for x in range(width):
                row[x] = SKY if y < top else GROUND
            continue
        for x in range(width):
            slope = fall[0] * (x + 0.5) + fall[1] * (y + 0.5) + fall[2]
            row[x] = GROUND if slope < -1e-9 else SKY
    return shown


@called_with(EYE, i8, i8)
@compiled
def _row_depth(eye: Eye, begin: int, end: int) -> Array:
    depth = np.empty(end - begin)
    for y in range(begin, end):
        depth[y - begin] = abs(eye.place[2]) / max(descent(eye, y), 1e-4)
    return depth


@called_with(
    types.UniTuple(u4[:, ::1], LEVELS),
    f8[:, ::1],
    f8[::1],
    f8,
    i8[:, ::1],
    b1,
    RUNS,
    i8,
    u4[:, ::1],
)
@compiled
def _draw_bands(
    levels: tuple[Pixels, ...],
    to_ground: Array,
    low: Array,
    cell: float,
    bands: Index,
    beyond: bool,
    runs: Runs,
    what: int,
    out: Pixels,
) -> None:
    for band in range(len(bands)):
        begin, end, level, oversampling = bands[band]
        matrix = _to_texel(to_ground, low, cell * 2**level)
        warp.draw(levels[level], matrix, beyond, oversampling, runs, what, begin, end, out)


@called_with(f8[:, ::1], f8[::1], f8)
@compiled
def _to_texel(to_ground: Array, low: Array, cell: float) -> Array:
    """Image coordinates to texel index."""
    matrix = np.empty((3, 3))
    for column in range(3):
        matrix[2, column] = to_ground[2, column]
    for row in (0, 1):
        shift = -low[row] / cell - 0.5
        for column in range(3):
            matrix[row, column] = to_ground[row, column] / cell + shift * to_ground[2, column]
    return matrix
