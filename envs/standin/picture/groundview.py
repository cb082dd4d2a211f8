"""The ground as a camera sees it: the texture from above, warped band by band.

Far rows cover many texels along the line of sight but few across it. Each band of rows therefore
takes the mipmap level that fits across, and is drawn with more rows than needed, then averaged.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.compiled import compiled
from envs.standin.picture.camera import View
from envs.standin.picture.paint import TAGS, GroundTexture
from envs.standin.picture.types import Camera, Image

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: Depth in metres that stands for the sky.
FARTHEST = 1000.0
_MAX_OVERSAMPLING = 8
_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


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
        self._outside = tuple(int(c) for c in texture.levels[-1][0, 0])

    def rows(self, view: View) -> tuple[int, int]:
        """First row that shows any ground, and first row from which on all is ground."""
        return view.horizon

    def draw(self, view: View, out: Image) -> None:
        """Draws all rows below the horizon; rows that it crosses are drawn below it only."""
        to_ground = view.ground(0.0)
        for band in self.bands(view):
            if band.top < view.horizon[1]:
                self._draw_cut(view, to_ground, band, out)
            else:
                self._warp(to_ground, band, out[band.top:band.bottom])

    def draw_tags(self, view: View, out: Image) -> None:
        """Semantic tags of the ground, by nearest texel; `out` uint8 (H, W)."""
        top = view.horizon[0]
        if top >= len(out):
            return
        matrix = self._matrix(view.ground(0.0), 0, top, 1)
        flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        below = ground_mask(view)[top:]
        drawn = cv2.warpPerspective(
            self.tags, matrix, (out.shape[1], out.shape[0] - top), flags=flags,
            borderMode=cv2.BORDER_CONSTANT, borderValue=int(TAGS[0]))
        cv2.copyTo(drawn, below, out[top:])

    def depth(self, view: View) -> Array:
        """Depth (H, W) of the ground along the camera's axis; FARTHEST where the sky is."""
        return ground_depth(view)

    def row_depth(self, view: View, top: int) -> Array:
        """Depth of the ground at the middle column of each row from `top` on."""
        rows = np.arange(top, view.camera.height) + 0.5
        fall = view.rays[2]
        slope = -(fall[0] * view.camera.width / 2.0 + fall[1] * rows + fall[2])
        return np.abs(view.camera.z) / np.maximum(slope, 1e-4)

    def look_down(
        self, image: Image, low: Array, cell: float, view: View, top: int, step: int,
        outside: tuple[int, ...],
    ) -> Image:
        """An image from above as the camera sees it from row `top` on, `step` times smaller.

        outside: what lies beyond the image's edges.
        """
        matrix = _to_texel(view.ground(0.0), low, cell, float(top), float(step), float(step))
        size = (-(-view.camera.width // step), -(-(view.camera.height - top) // step))
        return np.asarray(cv2.warpPerspective(
            image, matrix, size, flags=_FLAGS, borderMode=cv2.BORDER_CONSTANT,
            borderValue=outside), np.uint8)

    def in_sight(self, view: View, rows: Index, centre: Array, top: Array) -> Index:
        """All rows of things: flat ground hides nothing."""
        return rows

    def bands(self, view: View) -> tuple[Band, ...]:
        """The bands of a view; those of cameras alike in height and pitch are shared."""
        camera = view.camera
        key = (camera.width, camera.height, camera.fov, round(camera.pitch * 2.0) / 2.0,
               round(camera.roll / 5.0) * 5.0, round(camera.z * 5.0) / 5.0)
        if key not in self._bands:
            if len(self._bands) > 500:
                self._bands.clear()
            self._bands[key] = self._plan(*key)
        top = view.horizon[0]
        bands = [
            Band(top + begin, min(top + end, camera.height), level, oversampling)
            for begin, end, level, oversampling in self._bands[key] if top + begin < camera.height
        ]
        if bands and bands[-1].bottom < camera.height:
            bands[-1] = bands[-1]._replace(bottom=camera.height)
        return tuple(bands)

    def _plan(
        self, width: int, height: int, fov: float, pitch: float, roll: float, z: float
    ) -> tuple[Band, ...]:
        """Bands of a typical camera, with rows counted from the horizon."""
        view = View(Camera("rgb", width, height, fov, 0.0, 0.0, z, pitch, 0.0, roll))
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

    def _matrix(self, to_ground: Array, level: int, top: float, oversampling: int) -> Array:
        """Pixel index in a band's image to texel index of a level."""
        cell = self.texture.cell * 2**level
        return _to_texel(to_ground, self.texture.low, cell, float(top), 1.0, 1.0 / oversampling)

    def _warp(self, to_ground: Array, band: Band, out: Image) -> None:
        matrix = self._matrix(to_ground, band.level, band.top, band.oversampling)
        rows, columns = out.shape[:2]
        size = (columns, rows * band.oversampling)
        target = out if band.oversampling == 1 else None
        drawn = cv2.warpPerspective(
            self.texture.levels[band.level], matrix, size, dst=target, flags=_FLAGS,
            borderMode=cv2.BORDER_CONSTANT, borderValue=self._outside)
        if band.oversampling > 1:
            _average(drawn.reshape(rows, band.oversampling, -1), out.reshape(rows, -1))

    def _draw_cut(self, view: View, to_ground: Array, band: Band, out: Image) -> None:
        block = out[band.top:band.bottom]
        drawn = np.empty_like(block)
        self._warp(to_ground, band, drawn)
        cv2.copyTo(drawn, ground_mask(view)[band.top:band.bottom], block)


def ground_mask(view: View) -> Image:
    """255 where a pixel looks down, uint8 (H, W)."""
    fall = view.rays[2]
    u = np.arange(view.camera.width) + 0.5
    v = np.arange(view.camera.height) + 0.5
    looks_down = (fall[0] * u + fall[2])[None, :] + (fall[1] * v)[:, None] < -1e-9
    return looks_down.astype(np.uint8) * np.uint8(255)


def ground_depth(view: View, level: float = 0.0) -> Array:
    """Depth (H, W) of the plane z = level; FARTHEST where the sky is."""
    depth = np.full((view.camera.height, view.camera.width), FARTHEST)
    below = ground_mask(view) > 0
    fall = view.rays[2]
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
    """Drops edges that are too close to the one before."""
    kept: list[int] = []
    last = 0
    for edge in edges.tolist():
        if edge - last >= gap and end - edge >= gap:
            kept.append(edge)
            last = edge
    return kept


@compiled
def _average(rows: Image, out: Image) -> None:
    """Means over the second axis, (R, N, C) to (R, C)."""
    count, columns = rows.shape[1], rows.shape[2]
    total, share = np.empty(columns, np.float32), np.float32(1.0 / count)
    for row in range(len(rows)):
        for i in range(columns):
            total[i] = np.float32(rows[row, 0, i])
        for k in range(1, count):
            for i in range(columns):
                total[i] += np.float32(rows[row, k, i])
        for i in range(columns):
            out[row, i] = np.uint8(np.int32(total[i] * share + np.float32(0.5)))


@compiled
def _to_texel(
    to_ground: Array, low: Array, cell: float, top: float, wide: float, tall: float
) -> Array:
    """Pixel index to texel index, for pixels of another size that begin at row `top`."""
    matrix = np.empty((3, 3))
    for row in range(3):
        right, down = wide * to_ground[row, 0], tall * to_ground[row, 1]
        matrix[row, 0], matrix[row, 1] = right, down
        matrix[row, 2] = (
            0.5 * right + 0.5 * down + top * to_ground[row, 1] + to_ground[row, 2])
    for row in (0, 1):
        shift = -low[row] / cell - 0.5
        for column in range(3):
            matrix[row, column] = matrix[row, column] / cell + shift * matrix[2, column]
    return matrix
