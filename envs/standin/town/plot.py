"""A coarse raster of what is taken: roads, pavements, and what has been placed so far."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numba import f8, u1
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled
from envs.standin.town.lanes import RoadMap, Strip

Array = NDArray[np.float64]

FREE, ROAD, PAVEMENT, TAKEN = range(4)
CELL = 0.5
MARGIN = 40.0
_SHIFT = 4

#: OpenDRIVE lane types that people walk on.
WALKED = ("sidewalk", "walking")
#: Lane types that are no paved surface of the road.
UNPAVED = (
    "none",
    "border",
    "median",
    "restricted",
    "curb",
    "tram",
    "rail",
    "special1",
    "special2",
    "special3",
)


class Plot:
    """The raster, in CARLA's frame."""

    def __init__(self, road_map: RoadMap) -> None:
        low, high = road_map.bounds()
        self.low, self.high = low - MARGIN, high + MARGIN
        columns, rows = np.ceil((self.high - self.low) / CELL).astype(int)
        self.cells = np.zeros((rows, columns), np.uint8)
        for strip in road_map.strips:
            if strip.kind in WALKED:
                self._paint(strip, PAVEMENT)
        for strip in road_map.strips:
            if strip.kind not in WALKED and strip.kind not in UNPAVED:
                self._paint(strip, ROAD)
        self._fill_gaps()

    def corners(self, x: float, y: float, yaw: float, half_x: float, half_y: float) -> Array:
        """Corners (4, 2) of a rectangle; yaw in degrees."""
        return _corners(x, y, math.radians(yaw), half_x, half_y)

    def is_free(self, x: float, y: float, yaw: float, half_x: float, half_y: float) -> bool:
        """Tell whether nothing is under a rectangle and it lies inside the raster."""
        corners = self.corners(x, y, yaw, half_x, half_y)
        return _is_free(self.cells, self.low, self.high, corners, half_x, half_y)

    def at(self, points: Array) -> NDArray[np.uint8]:
        """Return the kind of ground at places (N, 2); outside counts as taken."""
        index = np.floor((points - self.low) / CELL).astype(int)
        rows, columns = self.cells.shape
        inside = (index >= 0).all(axis=1) & (index[:, 0] < columns) & (index[:, 1] < rows)
        index = np.clip(index, 0, [columns - 1, rows - 1])
        return np.where(inside, self.cells[index[:, 1], index[:, 0]], TAKEN)

    def take(self, x: float, y: float, yaw: float, half_x: float, half_y: float) -> None:
        """Mark a rectangle as taken."""
        corners = self.corners(x, y, yaw, half_x, half_y)
        cv2.fillConvexPoly(self.cells, self._fixed(corners), TAKEN, cv2.LINE_8, _SHIFT)

    def _fixed(self, points: Array) -> NDArray[np.int32]:
        scaled = ((points - self.low) / CELL - 0.5) * (1 << _SHIFT)
        return np.rint(scaled).astype(np.int32)

    def _paint(self, strip: Strip, value: int) -> None:
        outline = np.concatenate([strip.left[:, :2], strip.right[::-1, :2]])
        cv2.fillPoly(self.cells, [self._fixed(outline)], value, cv2.LINE_8, _SHIFT)

    def _fill_gaps(self) -> None:
        """Small islands between the paths of a crossing become road."""
        self.gaps: list[NDArray[np.int32]] = []
        road = (self.cells == ROAD).astype(np.uint8)
        contours, tree = cv2.findContours(road, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        for index, contour in enumerate(contours):
            if tree[0][index][3] >= 0 and cv2.contourArea(contour) * CELL * CELL < 120.0:
                cv2.drawContours(self.cells, contours, index, ROAD, cv2.FILLED)
                self.gaps.append(contour)


@called_with(f8, f8, f8, f8, f8)
@compiled
def _corners(x: float, y: float, yaw: float, half_x: float, half_y: float) -> Array:
    corners, cos, sin = np.empty((4, 2)), math.cos(yaw), math.sin(yaw)
    for corner in range(4):
        along = half_x if corner < 2 else -half_x
        across = half_y if corner in (0, 3) else -half_y
        corners[corner, 0] = x + along * cos - across * sin
        corners[corner, 1] = y + along * sin + across * cos
    return corners


@called_with(u1[:, ::1], f8[::1], f8[::1], f8[:, ::1], f8, f8)
@compiled
def _is_free(
    cells: NDArray[np.uint8], low: Array, high: Array, corners: Array, half_x: float, half_y: float
) -> bool:
    for corner in range(4):
        for axis in (0, 1):
            place = corners[corner, axis]
            if place < low[axis] + CELL or place > high[axis] - CELL:
                return False
    across = max(2, math.ceil(2 * half_x / CELL) + 1)
    along = max(2, math.ceil(2 * half_y / CELL) + 1)
    first, second, third, fourth = corners[0], corners[1], corners[2], corners[3]
    for i in range(across):
        u = i / (across - 1)
        for j in range(along):
            v = j / (along - 1)
            column = _between(first[0], second[0], third[0], fourth[0], u, v) - low[0]
            row = _between(first[1], second[1], third[1], fourth[1], u, v) - low[1]
            if cells[int(row / CELL), int(column / CELL)] != FREE:
                return False
    return True


@compiled
def _between(first: float, second: float, third: float, fourth: float, u: float, v: float) -> float:
    return (first * (1 - u) + fourth * u) * (1 - v) + (second * (1 - u) + third * u) * v
