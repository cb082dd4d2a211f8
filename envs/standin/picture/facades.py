"""Windows and doors on the walls of houses: small pictures of a wall, made when first seen."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.compiled import compiled
from envs.standin.picture.statics import Statics
from envs.standin.picture.types import Image
from envs.standin.picture.weather import Light

Array = NDArray[np.float64]

_CELL = 24
_LEVELS = 3
_KEPT = 400
_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
#: Window and its frame, as shares of a cell: left, top, right, bottom.
_PATTERNS = (
    (0.25, 0.22, 0.75, 0.80), (0.10, 0.30, 0.90, 0.78), (0.18, 0.20, 0.44, 0.82),
    (0.32, 0.18, 0.68, 0.92), (0.04, 0.24, 0.96, 0.86), (0.22, 0.28, 0.78, 0.72),
)


class Facades:
    """Walls with windows under one light."""

    def __init__(self, statics: Statics, lit: Array, light: Light) -> None:
        self._statics, self._lit, self._light = statics, lit, light
        self._walls: dict[int, list[Image]] = {}

    def draw(
        self, face: int, matrix: Array, size: float, haze: Array, share: float, out: Image,
        corner: tuple[int, int],
    ) -> None:
        """Warps the wall of a static face into `out`, a block of the picture.

        Args:
          matrix: (3, 3), image coordinates to shares (across, up) of the face.
          size: height of a storey in pixels.
          corner: column and row of the block in the picture.
        """
        level = min(max(int(math.log2(max(_CELL / (1.3 * size), 1.0))), 0), _LEVELS - 1)
        wall = self._wall(face)[level]
        if share > 0.06:
            fog = np.empty_like(wall)
            fog[:] = (*haze, 255)
            wall = cv2.addWeighted(wall, 1.0 - share, fog, share, 0.0)
        rows, columns = wall.shape[:2]
        cv2.warpPerspective(
            wall, _to_texel(matrix, rows, columns, *corner), (out.shape[1], out.shape[0]),
            dst=out, flags=_FLAGS, borderMode=cv2.BORDER_TRANSPARENT)

    def _wall(self, face: int) -> list[Image]:
        if face not in self._walls:
            if len(self._walls) >= _KEPT:
                self._walls.pop(next(iter(self._walls)))
            self._walls[face] = self._make(face)
        return self._walls[face]

    def _make(self, face: int) -> list[Image]:
        rng = np.random.default_rng(face)
        across, storeys = self._statics.cells[face].tolist()
        wall = np.empty((storeys * _CELL, across * _CELL, 4), np.uint8)
        colour = np.append(self._lit[face], 255.0)
        wall[:] = colour
        grain = rng.integers(-7, 8, wall.shape[:2])[..., None]
        wall[..., :3] = np.clip(wall[..., :3].astype(int) + grain, 0, 255)
        pattern = int(self._statics.facade[face])
        for storey in range(storeys):
            for window in range(across):
                self._window(wall, pattern, window, storeys - 1 - storey, storey == 0, rng)
            cv2.line(wall, (0, (storey + 1) * _CELL - 1), (wall.shape[1], (storey + 1) * _CELL - 1),
                     (*(0.8 * colour[:3]), 255), 1)
        levels = [wall]
        for _ in range(_LEVELS - 1):
            size = (levels[-1].shape[1] // 2, levels[-1].shape[0] // 2)
            levels.append(cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA))
        return levels

    def _window(
        self, wall: Image, pattern: int, column: int, row: int, ground_floor: bool,
        rng: np.random.Generator,
    ) -> None:
        left, top, right, bottom = _PATTERNS[pattern]
        bright = float(rng.random())
        frame = np.clip(wall[row * _CELL, column * _CELL, :3] * 1.25 + 8.0, 0, 255)
        glass = 0.35 * self._light.horizon * (0.5 + 0.6 * bright) + 12.0
        if self._light.night > 0.3 and bright < 0.42:
            glass = np.array([96.0, 176.0, 232.0]) * (0.55 + bright)
        if ground_floor and column % 4 == 1:
            left, top, right, bottom, glass = 0.3, 0.2, 0.7, 1.0, frame * 0.35
        x0, y0 = int((column + left) * _CELL), int((row + top) * _CELL)
        x1, y1 = int((column + right) * _CELL) - 1, int((row + bottom) * _CELL) - 1
        cv2.rectangle(wall, (x0 - 1, y0 - 1), (x1 + 1, y1 + 1), (*frame, 255), -1)
        cv2.rectangle(wall, (x0, y0), (x1, y1), (*np.clip(glass, 0, 255), 255), -1)
        if pattern in (0, 3):
            cv2.line(wall, ((x0 + x1) // 2, y0), ((x0 + x1) // 2, y1), (*frame, 255), 1)


@compiled
def _to_texel(matrix: Array, rows: int, columns: int, left: int, top: int) -> Array:
    """Pixel index in a block to texel index of a wall, row 0 of which is its upper edge."""
    result = np.empty((3, 3))
    for k in range(3):
        result[0, k] = columns * matrix[0, k] - 0.5 * matrix[2, k]
        result[1, k] = (rows - 0.5) * matrix[2, k] - rows * matrix[1, k]
        result[2, k] = matrix[2, k]
    for row in range(3):
        result[row, 2] += (left + 0.5) * result[row, 0] + (top + 0.5) * result[row, 1]
    return result
