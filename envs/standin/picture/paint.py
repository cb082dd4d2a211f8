"""The town's ground seen from above, painted once: colours with their mipmaps, and classes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.picture.marks import mark_polygons, stop_lines
from envs.standin.picture.types import Image
from envs.standin.town.lanes import Strip
from envs.standin.town.model import Town
from envs.standin.town.plot import CELL, UNPAVED, WALKED, Plot

Array = NDArray[np.float64]

GRASS, PAVING, KERB, ASPHALT, TRACK, WHITE, YELLOW, YARD = range(8)
#: Semantic tag of each surface: Terrain, Sidewalks, Roads, RoadLines, Ground.
TAGS = np.array([10, 2, 2, 1, 1, 24, 24, 25], np.uint8)
COLOURS = np.array(
    [
        [62, 112, 92],
        [150, 156, 160],
        [192, 197, 200],
        [86, 84, 84],
        [80, 78, 78],
        [214, 216, 216],
        [70, 178, 222],
        [122, 132, 140],
    ],
    np.uint8,
)

_FINEST = 0.1
_LARGEST = 4800
LEVELS = 6
_SHIFT = 4
_BAND = 64  # rows coloured at a time


@dataclass(frozen=True, eq=False)
class GroundTexture:
    """Attributes:
    low: x, y of the texture's corner in metres.
    cell: metres per texel of the finest level; each further level is twice as coarse.
    levels: BGRA images, from fine to coarse; row index grows with y, column index with x. The
      first texel of each has the colour of what lies beyond the town.
    surface: class of each texel of the finest level, an index into TAGS.
    """

    low: Array
    cell: float
    levels: tuple[Image, ...]
    surface: Image

    def tags_at(self, points: Array) -> NDArray[np.uint8]:
        """Semantic tags (N,) of the ground at x, y (N, 2); grass beyond the town."""
        column, row = np.floor((points - self.low) / self.cell).astype(np.int64).T
        rows, columns = self.surface.shape
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        kinds = np.full(len(points), GRASS)
        kinds[inside] = self.surface[row[inside], column[inside]]
        return TAGS[kinds]


def paint(town: Town, seed: int = 0) -> GroundTexture:
    """Paints a town's ground."""
    plot = Plot(town.road_map)
    low, size = plot.low, plot.high - plot.low
    cell = max(_FINEST, float(size.max()) / _LARGEST)
    columns, rows = np.ceil(size / cell).astype(int)
    canvas = _Canvas(low, cell)
    surface = np.zeros((rows, columns), np.uint8)
    _paint_yards(canvas, surface, town)
    _paint_roads(canvas, surface, town.road_map.strips)
    _fill_gaps(canvas, surface, plot)
    _paint_tracks(canvas, surface, town.road_map.driving())
    colour = _coloured(surface, seed)
    lines = [(outline, False) for outline in stop_lines(town.signals)]
    for outline, yellow in [*mark_polygons(town.road_map), *lines]:
        polygon = [canvas.fixed(outline)]
        value = YELLOW if yellow else WHITE
        shade = (*(int(c) for c in COLOURS[value]), 255)
        cv2.fillPoly(colour, polygon, shade, cv2.LINE_AA, _SHIFT)
        cv2.fillPoly(surface, polygon, value, cv2.LINE_8, _SHIFT)
    return GroundTexture(low, cell, _pyramid(colour), surface)


class _Canvas:
    def __init__(self, low: Array, cell: float) -> None:
        self.low, self.cell = low, cell

    def fixed(self, points: Array) -> NDArray[np.int32]:
        """Places (N, 2) as texel coordinates with four fractional bits."""
        scaled = ((points - self.low) / self.cell - 0.5) * (1 << _SHIFT)
        return np.rint(scaled).astype(np.int32)

    def width(self, metres: float) -> int:
        """A line width in texels."""
        return max(1, round(metres / self.cell))


def _outline(strip: Strip) -> Array:
    return np.concatenate([strip.left[:, :2], strip.right[::-1, :2]])


def _paint_yards(canvas: _Canvas, surface: Image, town: Town) -> None:
    """Paved ground around houses."""
    for house in town.scenery.buildings:
        angle = np.radians(house["yaw"])
        along = np.array([np.cos(angle), np.sin(angle)]) * (house["half_x"] + 1.0)
        across = np.array([-np.sin(angle), np.cos(angle)]) * (house["half_y"] + 2.2)
        middle = np.array([house["x"], house["y"]])
        corners = [
            middle + along + across,
            middle + along - across,
            middle - along - across,
            middle - along + across,
        ]
        polygon = canvas.fixed(np.array(corners))
        cv2.fillConvexPoly(surface, polygon, YARD, cv2.LINE_8, _SHIFT)


def _paint_roads(canvas: _Canvas, surface: Image, strips: tuple[Strip, ...]) -> None:
    walked = [s for s in strips if s.kind in WALKED]
    paved = [s for s in strips if s.kind not in WALKED and s.kind not in UNPAVED]
    outlines = [canvas.fixed(_outline(strip)) for strip in paved]
    for strip in walked:
        cv2.fillPoly(surface, [canvas.fixed(_outline(strip))], PAVING, cv2.LINE_8, _SHIFT)
    cv2.polylines(surface, outlines, True, KERB, canvas.width(0.5), cv2.LINE_8, _SHIFT)
    for outline in outlines:
        cv2.fillPoly(surface, [outline], ASPHALT, cv2.LINE_8, _SHIFT)


def _fill_gaps(canvas: _Canvas, surface: Image, plot: Plot) -> None:
    """Islands between the paths of a crossing, which the plot has found, become road."""
    for gap in plot.gaps:
        places = plot.low + (gap.reshape(-1, 2) + 0.5) * CELL
        polygon = [canvas.fixed(places)]
        cv2.fillPoly(surface, polygon, ASPHALT, cv2.LINE_8, _SHIFT)
        cv2.polylines(surface, polygon, True, ASPHALT, canvas.width(1.5), cv2.LINE_8, _SHIFT)


def _paint_tracks(canvas: _Canvas, surface: Image, strips: list[Strip]) -> None:
    """Darken the road a little where tyres run."""
    for strip in strips:
        across = (strip.right - strip.left)[:, :2]
        across = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
        lines = [canvas.fixed(strip.centre[:, :2] + side * across) for side in (-0.8, 0.8)]
        cv2.polylines(surface, lines, False, TRACK, canvas.width(0.5), cv2.LINE_8, _SHIFT)


def _coloured(surface: Image, seed: int) -> Image:
    palette = np.full((256, 4), 255, np.uint8)
    palette[: len(COLOURS), :3] = COLOURS
    colour = np.empty((*surface.shape, 4), np.uint8)
    packed, codes = colour.view(np.uint32)[..., 0], palette.view(np.uint32)[:, 0]
    # In bands: `take` widens its indices to 64 bit, and new pages for all of them take a second.
    for band in range(0, len(surface), _BAND):
        rows = slice(band, band + _BAND)
        codes.take(surface[rows], out=packed[rows], mode="clip")
    cv2.blur(colour, (2, 2), dst=colour)
    grain = _grain(seed)
    rows, columns = surface.shape
    for row in range(0, rows, grain.shape[0]):
        for column in range(0, columns, grain.shape[1]):
            block = colour[row : row + grain.shape[0], column : column + grain.shape[1]]
            part = grain[: block.shape[0], : block.shape[1]]
            cv2.multiply(block, part, dst=block, scale=1.0 / 128.0)
    return colour


def _grain(seed: int, size: int = 1024) -> Image:
    """A tile of brightness around 128: fine gravel and broad stains."""
    rng = np.random.default_rng(seed)
    field = rng.normal(0.0, 7.0, (size, size)).astype(np.float32)
    for count, strength in ((size // 4, 4.0), (size // 32, 5.0), (size // 128, 6.0)):
        coarse = rng.normal(0.0, strength, (count, count)).astype(np.float32)
        ratio = size // count
        spread = cv2.resize(
            np.pad(coarse, 2, mode="wrap"), (size + 4 * ratio,) * 2, interpolation=cv2.INTER_LINEAR
        )
        field += spread[2 * ratio : -2 * ratio, 2 * ratio : -2 * ratio]
    tile = np.clip(field + 128.0, 0, 255).astype(np.uint8)
    return cv2.merge([tile, tile, tile, np.full_like(tile, 128)])


def _pyramid(finest: Image) -> tuple[Image, ...]:
    levels = [finest]
    for _ in range(LEVELS - 1):
        rows, columns = levels[-1].shape[:2]
        levels.append(
            cv2.resize(
                levels[-1], (max(1, columns // 2), max(1, rows // 2)), interpolation=cv2.INTER_AREA
            )
        )
    for level in levels:
        level[0, 0] = levels[-1][0, 0]
    return tuple(levels)


__all__ = ["COLOURS", "LEVELS", "TAGS", "GroundTexture", "paint"]
