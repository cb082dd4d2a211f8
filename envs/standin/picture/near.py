"""Sharp road marks, kerbs and grain right before the camera, where texels are large."""

from __future__ import annotations

import cv2
import numpy as np
from numba import f8
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled
from envs.standin.picture.camera import View
from envs.standin.picture.faces import SHIFT, Index, outlines
from envs.standin.picture.groundview import GroundView
from envs.standin.picture.hillview import HillView
from envs.standin.picture.marks import mark_polygons, ribbon, stop_lines
from envs.standin.picture.paint import ASPHALT, COLOURS, KERB, WHITE, YELLOW
from envs.standin.picture.runs import Runs, multiply
from envs.standin.picture.types import Image
from envs.standin.town.lanes import RoadMap
from envs.standin.town.model import Town
from envs.standin.town.plot import WALKED

Array = NDArray[np.float64]

#: Pictures with fewer rows are too coarse for it.
LEAST_ROWS = 200
_REACH, _GRAIN_REACH = 16.0, 5.5
#: The grain's tile in texels, how often it is repeated each way, and metres per texel.
_GRAIN_SIZE, _GRAIN_TILES, _GRAIN_CELL = 256, 5, 0.02
#: A byte that changes nothing.
_PLAIN = 128
_RIM = 0.13


class Near:
    """Marks and kerbs of a town as short pieces."""

    def __init__(self, town: Town) -> None:
        pieces: list[Array] = []
        colours: list[int] = []
        for outline, yellow in mark_polygons(town.road_map):
            for piece in _quads(outline):
                pieces += [_widened(piece), piece]
                colours += [ASPHALT, YELLOW if yellow else WHITE]
        for piece in stop_lines(town.signals):
            pieces.append(piece)
            colours.append(WHITE)
        for edge in _kerbs(town.road_map):
            for piece in _quads(ribbon(edge, 0.22)):
                pieces.append(piece)
                colours.append(KERB)
        corners = np.array(pieces).reshape(-1, 4, 2)
        heights = town.height(corners.reshape(-1, 2))[0].reshape(-1, 4, 1)
        self._corners = np.concatenate([corners, heights], axis=2)
        self._middle = corners.mean(axis=1)
        self._colours = [(*(int(c) for c in COLOURS[kind]), 255) for kind in colours]
        self._grain = _grain()

    def mark(self, view: View, out: Image) -> None:
        """Draw marks and kerbs onto unlit ground."""
        index = _ahead(view.eye.place, view.eye.axes, self._middle)
        if len(index):
            shapes = outlines(view.eye, self._corners[index])
            for row, polygon in zip(index[shapes.face].tolist(), shapes.polygons(), strict=True):
                cv2.fillConvexPoly(out, polygon, self._colours[row], cv2.LINE_AA, SHIFT)

    def roughen(
        self, ground: GroundView | HillView, view: View, runs: Runs, gain: Image, out: Image
    ) -> None:
        """Add grain to unlit ground; `gain` is a picture to work in."""
        rows = np.flatnonzero(ground.row_depth(view, *runs.rows) < _GRAIN_REACH)
        if len(rows):
            runs = runs.below(runs.top + int(rows[0]))
            tile = _GRAIN_SIZE * _GRAIN_CELL
            low = (np.floor(view.eye.place[:2] / tile) - _GRAIN_TILES // 2) * tile
            ground.look_down(self._grain, low, _GRAIN_CELL, view, runs, gain)
            multiply(out, gain, _PLAIN, runs)


@called_with(f8[::1], f8[:, ::1], f8[:, ::1])
@compiled
def _ahead(place: Array, axes: Array, middle: Array) -> Index:
    """Pieces within reach that are not behind the camera."""
    found, count = np.empty(len(middle), np.int64), 0
    for i in range(len(middle)):
        dx, dy = middle[i, 0] - place[0], middle[i, 1] - place[1]
        if dx * dx + dy * dy < _REACH**2 and dx * axes[0, 0] + dy * axes[1, 0] > -2.0:
            found[count] = i
            count += 1
    return found[:count]


def _kerbs(road_map: RoadMap) -> list[Array]:
    """Outer edges (n, 2) of lanes beside which people walk."""
    walked = {(s.road, s.section, s.lane) for s in road_map.strips if s.kind in WALKED}
    return [
        s.right[:, :2]
        for s in road_map.strips
        if s.kind not in WALKED
        and (s.road, s.section, s.lane + (1 if s.lane > 0 else -1)) in walked
    ]


def _quads(outline: Array) -> list[Array]:
    """Cut a ribbon (there and back) into quadrilaterals of one step each."""
    count = len(outline) // 2
    near, far = outline[:count], outline[count:][::-1]
    return [np.array([near[i], near[i + 1], far[i + 1], far[i]]) for i in range(count - 1)]


def _widened(piece: Array) -> Array:
    """The piece with a rim on its long sides, which covers the blurred mark of the texture."""
    across = piece[[3, 2]] - piece[[0, 1]]
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    wide = piece.copy()
    wide[:2] -= _RIM * across
    wide[[3, 2]] += _RIM * across
    return wide


def _grain(seed: int = 11) -> Image:
    """Gravel in asphalt: brightness around 128, the same tile over and over."""
    rng = np.random.default_rng(seed)
    field = rng.normal(0.0, 11.0, (_GRAIN_SIZE, _GRAIN_SIZE)).astype(np.float32)
    field = 1.6 * cv2.GaussianBlur(np.pad(field, 4, mode="wrap"), (0, 0), 0.8)[4:-4, 4:-4]
    tile = np.tile(np.clip(field + _PLAIN, 0, 255).astype(np.uint8), (_GRAIN_TILES, _GRAIN_TILES))
    return np.dstack([tile, tile, tile, np.full_like(tile, _PLAIN)])
