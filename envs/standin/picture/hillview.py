"""Ground that rises and falls, as a camera sees it.

For a fan of bearings the steepest line of sight to the ground within each range is kept. Where a
pixel's line is less steep than that of any farther ground, the ground begins: the range is looked
up, as its inverse, which is linear on even ground. Crests hide what is behind them.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.picture.camera import View
from envs.standin.picture.groundview import FARTHEST
from envs.standin.picture.paint import TAGS, GroundTexture
from envs.standin.picture.runs import GROUND, SKY, Runs, Shown
from envs.standin.picture.types import Image
from envs.standin.town.ground import Ground

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Floats = NDArray[Any]

_RANGES = np.geomspace(0.4, 420.0, 80)
_STEEPEST = 3.0
_LINES = 160


@dataclass(frozen=True, eq=False)
class _Seen:
    """One camera's view of the ground: places x, y and depth (H, W), and a mask of it."""

    camera: object
    x: Floats
    y: Floats
    inverse: Floats
    mask: Image
    bearings: Array
    profile: Array


class HillView:
    """Draws ground of any height; the counterpart of `GroundView`."""

    def __init__(self, texture: GroundTexture, ground: Ground) -> None:
        assert ground.raster is not None
        self.texture, self._raster = texture, ground.raster
        self._low, self._cell = ground.low, ground.cell
        self.tags = TAGS[texture.surface]
        self._outside = tuple(int(c) for c in texture.levels[-1][0, 0])
        self._last: _Seen | None = None

    def rows(self, view: View) -> tuple[int, int]:
        """First row that shows any ground, and first row from which on all is ground."""
        mask = self._seen(view).mask
        some = np.flatnonzero(mask.any(axis=1))
        broken = np.flatnonzero(~mask.all(axis=1))
        top = int(some[0]) if len(some) else len(mask)
        return top, int(broken[-1]) + 1 if len(broken) else 0

    def mark(self, view: View, begin: int, end: int) -> Shown:
        """GROUND where a pixel of the rows begin .. end shows any, SKY elsewhere."""
        mask = self._seen(view).mask[begin:end]
        return np.where(mask > 0, np.uint16(GROUND), np.uint16(SKY))

    def draw(self, view: View, runs: Runs, out: Image) -> None:
        """Colour the ground, unlit, band by band of rows at about the same distance."""
        seen, top, (first, last) = self._seen(view), self.rows(view)[0], runs.rows
        levels, top = self._row_levels(view, seen)[:last], max(top, first)
        edges = [top, *(np.flatnonzero(np.diff(levels[top:])) + 1 + top).tolist(), last]
        for begin, end in itertools.pairwise(edges):
            if end > begin:
                level = int(levels[begin])
                drawn = self._look(
                    self.texture.levels[level],
                    self.texture.low,
                    self.texture.cell * 2**level,
                    seen,
                    slice(begin, end),
                    self._outside,
                    cv2.INTER_LINEAR,
                )
                cv2.copyTo(drawn, seen.mask[begin:end], out[begin:end])

    def draw_tags(self, view: View, out: Image) -> None:
        """Semantic tags of the ground, by nearest texel; `out` uint8 (H, W)."""
        seen = self._seen(view)
        drawn = self._look(
            self.tags,
            self.texture.low,
            self.texture.cell,
            seen,
            slice(0, len(out)),
            int(TAGS[0]),
            cv2.INTER_NEAREST,
        )
        cv2.copyTo(drawn, seen.mask, out)

    def depth(self, view: View) -> Array:
        """Depth (H, W) of the ground along the camera's axis; FARTHEST where the sky is."""
        seen = self._seen(view)
        depth = np.full(seen.mask.shape, FARTHEST)
        below = seen.mask > 0
        depth[below] = 1.0 / seen.inverse[below]
        return depth

    def row_depth(self, view: View, begin: int, end: int) -> Array:
        """Depth of the ground at the middle column of the rows begin .. end."""
        column = self._seen(view).inverse[begin:end, view.camera.width // 2]
        return 1.0 / np.maximum(column.astype(float), 1.0 / FARTHEST)

    def look_down(
        self, image: Image, low: Array, cell: float, view: View, runs: Runs, out: Image
    ) -> None:
        """Draw an image from above as the camera sees it on the ground.

        Its texel (0, 0) stands for what lies beyond its edges.
        """
        outside = tuple(int(c) for c in image[0, 0])
        rows = slice(*runs.rows)
        out[rows] = self._look(image, low, cell, self._seen(view), rows, outside, cv2.INTER_LINEAR)

    def in_sight(self, view: View, rows: Index, centre: Array, top: Array) -> Index:
        """Those rows of things (centre (N, 3), greatest height (N,)) not wholly behind a crest."""
        seen, centre, top = self._seen(view), centre[rows], top[rows]
        dx, dy = centre[:, 0] - view.camera.x, centre[:, 1] - view.camera.y
        reach = np.hypot(dx, dy)
        turn = np.arctan2(dy, dx) - seen.bearings[0]
        step = seen.bearings[1] - seen.bearings[0]
        near = np.remainder(turn + math.pi / 2.0, math.tau) - math.pi / 2.0
        row = np.clip(np.rint(near / step), 0, len(seen.bearings) - 1).astype(int)
        column = np.clip(np.searchsorted(_RANGES, 0.9 * reach) - 1, 0, len(_RANGES) - 1)
        steep = (top - view.camera.z) / np.maximum(reach, 0.1)
        return rows[(reach <= 6.0) | (steep >= seen.profile[row, column] - 0.002)]

    def _look(
        self,
        image: Image,
        low: Array,
        cell: float,
        seen: _Seen,
        rows: slice,
        outside: tuple[int, ...] | int,
        interpolation: int,
    ) -> Image:
        x = (seen.x[rows] - np.float32(low[0])) * np.float32(1.0 / cell) - np.float32(0.5)
        y = (seen.y[rows] - np.float32(low[1])) * np.float32(1.0 / cell) - np.float32(0.5)
        return np.asarray(
            cv2.remap(
                image, x, y, interpolation, borderMode=cv2.BORDER_CONSTANT, borderValue=outside
            ),
            np.uint8,
        )

    def _row_levels(self, view: View, seen: _Seen) -> NDArray[np.int64]:
        depth = self.row_depth(view, 0, view.camera.height)
        along = np.abs(np.gradient(depth)) if len(depth) > 1 else depth
        texel = np.maximum(1.3 * depth / view.eye.focal, along / 4.0)
        level = np.rint(np.log2(np.maximum(texel / self.texture.cell, 1.0)))
        return np.clip(level, 0, len(self.texture.levels) - 1).astype(int)

    def _seen(self, view: View) -> _Seen:
        if self._last is None or self._last.camera is not view.camera:
            self._last = self._look_out(view)
        return self._last

    def _look_out(self, view: View) -> _Seen:
        width, height = view.camera.width, view.camera.height
        step = 1 if width <= 200 else 4
        columns, rows = max(2, -(-width // step)), max(2, -(-height // step))
        u = ((np.arange(columns) + 0.5) * (width / columns)).astype(np.float32)
        v = ((np.arange(rows) + 0.5) * (height / rows)).astype(np.float32)
        dx, dy, dz = (_plane(row, u, v) for row in view.eye.rays)
        flat = np.hypot(dx, dy)
        bearings = self._bearings(view, dx, dy)
        profile = self._profile(view, bearings)
        grid = np.linspace(-_STEEPEST, 1.0, _LINES)
        table = np.array(
            [np.interp(grid, line, 1.0 / _RANGES, right=0.0) for line in profile], np.float32
        )
        turn = np.remainder(np.arctan2(dy, dx) - bearings[0] + 0.5, math.tau) - 0.5
        row = (turn / (bearings[1] - bearings[0])).astype(np.float32)
        column = (dz / np.maximum(flat, 1e-6) + _STEEPEST) * ((_LINES - 1) / (_STEEPEST + 1.0))
        inverse = cv2.remap(
            table, column.astype(np.float32), row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        inverse *= flat
        steep = dz < -_STEEPEST * flat
        below = view.camera.z - self._under(view)
        inverse[steep] = -dz[steep] / max(below, 0.05)
        full = cv2.resize(inverse, (width, height)) if step > 1 else inverse[:height, :width]
        mask = (full > 1.0 / 410.0).astype(np.uint8) * np.uint8(255)
        depth = 1.0 / np.maximum(full, np.float32(1.0 / 410.0))
        u, v = (np.arange(n, dtype=np.float32) + np.float32(0.5) for n in (width, height))
        x = np.float32(view.camera.x) + depth * _plane(view.eye.rays[0], u, v)
        y = np.float32(view.camera.y) + depth * _plane(view.eye.rays[1], u, v)
        return _Seen(view.camera, x, y, full, mask, bearings, profile)

    def _under(self, view: View) -> float:
        return float(self._heights(np.array([[view.camera.x]]), np.array([[view.camera.y]]))[0, 0])

    def _bearings(self, view: View, dx: Floats, dy: Floats) -> Array:
        """Bearings in rad that cover the picture; all round when it looks steeply down or up."""
        yaw = math.radians(view.camera.yaw)
        turn = np.remainder(np.arctan2(dy, dx) - yaw + math.pi, math.tau) - math.pi
        low, high = float(turn.min()) - 0.02, float(turn.max()) + 0.02
        if abs(view.camera.pitch) > 45.0 or high - low > 3.0:
            low, high = -math.pi, math.pi
        count = int(np.clip((high - low) / 0.03, 24, 200))
        return yaw + np.linspace(low, high, count)

    def _profile(self, view: View, bearings: Array) -> Array:
        """Steepest line of sight to the ground within each range, strictly rising (A, R)."""
        x = view.camera.x + np.cos(bearings)[:, None] * _RANGES
        y = view.camera.y + np.sin(bearings)[:, None] * _RANGES
        steep = (self._heights(x, y) - view.camera.z) / _RANGES
        return np.maximum.accumulate(steep, axis=1) + np.arange(len(_RANGES)) * 1e-9

    def _heights(self, x: Array, y: Array) -> Array:
        u = ((x - self._low[0]) / self._cell).astype(np.float32)
        v = ((y - self._low[1]) / self._cell).astype(np.float32)
        return cv2.remap(
            self._raster, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ).astype(float)


def _plane(row: Array, u: Floats, v: Floats) -> Floats:
    a, b, c = (np.float32(value) for value in row)
    return (a * u + c)[None, :] + (b * v)[:, None]
