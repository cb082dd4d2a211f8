"""Windows and doors on the walls of houses: small images of a wall, made when first seen."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numba import i8, u4
from numpy.typing import NDArray

from envs.standin.compiled import named
from envs.standin.picture.faces import Index
from envs.standin.picture.statics import Statics
from envs.standin.picture.types import Image, Pixels, pixels
from envs.standin.picture.weather import Light

Array = NDArray[np.float64]

#: Texels of a storey and a window's width, and how many sizes of each wall there are.
CELL, LEVELS = 24, 3
#: Texels of all walls together; when they are used up, all are forgotten.
_ROOM = 1 << 24
#: Window and its frame, as shares of a cell: left, top, right, bottom.
_PATTERNS = (
    (0.25, 0.22, 0.75, 0.80),
    (0.10, 0.30, 0.90, 0.78),
    (0.18, 0.20, 0.44, 0.82),
    (0.32, 0.18, 0.68, 0.92),
    (0.04, 0.24, 0.96, 0.86),
    (0.22, 0.28, 0.78, 0.72),
)


class Walls(NamedTuple):
    """Images of walls behind one another, BGRA read as uint32, and where each begins.

    Attributes:
      place (Q, LEVELS, 3): first texel, rows and columns of each static face's image in full, half
        and quarter size; row 0 is a wall's upper edge.
    """

    texels: Pixels
    place: Index


#: `Walls` in compiled code.
WALLS = named(Walls, u4[::1], i8[:, :, ::1])


class Facades:
    """Walls with windows under one light."""

    def __init__(self, statics: Statics, lit: Array, light: Light) -> None:
        self._statics, self._lit, self._light = statics, lit, light
        self._texels, self._used = np.empty(_ROOM, np.uint32), 0
        self._place = np.zeros((len(lit), LEVELS, 3), np.int64)
        self._made = np.zeros(len(lit), bool)

    def walls(self, faces: Index) -> Walls:
        """Images of at least these static faces."""
        if not self._made[faces].all():
            self._add(faces)
        return Walls(self._texels, self._place)

    def _add(self, faces: Index) -> None:
        images = {face: self._make(face) for face in faces[~self._made[faces]].tolist()}
        need = sum(level.size for levels in images.values() for level in levels)
        if self._used and self._used + need > len(self._texels):
            self._used, self._made[:] = 0, False
            self._add(faces)
            return
        if need > len(self._texels):
            self._texels = np.empty(need, np.uint32)
        for face, levels in images.items():
            for number, level in enumerate(levels):
                begin, self._used = self._used, self._used + level.size
                self._texels[begin : self._used] = level.ravel()
                self._place[face, number] = begin, *level.shape
            self._made[face] = True

    def _make(self, face: int) -> list[Pixels]:
        rng = np.random.default_rng(face)
        across, storeys = self._statics.cells[face].tolist()
        wall = np.empty((storeys * CELL, across * CELL, 4), np.uint8)
        colour = np.append(self._lit[face], 255.0)
        wall[:] = colour
        grain = rng.integers(-7, 8, wall.shape[:2])[..., None]
        wall[..., :3] = np.clip(wall[..., :3].astype(int) + grain, 0, 255)
        pattern = int(self._statics.facade[face])
        for storey in range(storeys):
            for window in range(across):
                self._window(wall, pattern, window, storeys - 1 - storey, storey == 0, rng)
            cv2.line(
                wall,
                (0, (storey + 1) * CELL - 1),
                (wall.shape[1], (storey + 1) * CELL - 1),
                (*(0.8 * colour[:3]), 255),
                1,
            )
        levels = [wall]
        for _ in range(LEVELS - 1):
            size = (levels[-1].shape[1] // 2, levels[-1].shape[0] // 2)
            levels.append(cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA))
        return [pixels(level) for level in levels]

    def _window(
        self,
        wall: Image,
        pattern: int,
        column: int,
        row: int,
        ground_floor: bool,
        rng: np.random.Generator,
    ) -> None:
        left, top, right, bottom = _PATTERNS[pattern]
        bright = float(rng.random())
        frame = np.clip(wall[row * CELL, column * CELL, :3] * 1.25 + 8.0, 0, 255)
        glass = 0.35 * self._light.horizon * (0.5 + 0.6 * bright) + 12.0
        if self._light.night > 0.3 and bright < 0.42:
            glass = np.array([96.0, 176.0, 232.0]) * (0.55 + bright)
        if ground_floor and column % 4 == 1:
            left, top, right, bottom, glass = 0.3, 0.2, 0.7, 1.0, frame * 0.35
        x0, y0 = int((column + left) * CELL), int((row + top) * CELL)
        x1, y1 = int((column + right) * CELL) - 1, int((row + bottom) * CELL) - 1
        cv2.rectangle(wall, (x0 - 1, y0 - 1), (x1 + 1, y1 + 1), (*frame, 255), -1)
        cv2.rectangle(wall, (x0, y0), (x1, y1), (*np.clip(glass, 0, 255), 255), -1)
        if pattern in (0, 3):
            cv2.line(wall, ((x0 + x1) // 2, y0), ((x0 + x1) // 2, y1), (*frame, 255), 1)
