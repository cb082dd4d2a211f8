"""A coarse raster of what is taken: roads, pavements, and what has been placed so far."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.town.lanes import RoadMap, Strip

Array = NDArray[np.float64]

FREE, ROAD, PAVEMENT, TAKEN = range(4)
CELL = 0.5
MARGIN = 40.0
_SHIFT = 4

#: OpenDRIVE lane types that people walk on.
WALKED = ("sidewalk", "walking")
#: Lane types that are no paved surface of the road.
UNPAVED = ("none", "border", "median", "restricted", "curb", "tram", "rail", "special1",
           "special2", "special3")


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
        angle = np.radians(yaw)
        along = np.array([np.cos(angle), np.sin(angle)])
        across = np.array([-along[1], along[0]])
        signs = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]])
        return np.array([x, y]) + signs[:, :1] * half_x * along + signs[:, 1:] * half_y * across

    def is_free(self, x: float, y: float, yaw: float, half_x: float, half_y: float) -> bool:
        """Whether nothing is under a rectangle and it lies inside the raster."""
        corners = self.corners(x, y, yaw, half_x, half_y)
        if (corners < self.low + CELL).any() or (corners > self.high - CELL).any():
            return False
        counts = np.maximum(2, np.ceil([2 * half_x / CELL, 2 * half_y / CELL]).astype(int) + 1)
        u = np.linspace(0.0, 1.0, counts[0])[:, None, None]
        v = np.linspace(0.0, 1.0, counts[1])[None, :, None]
        first, second, third, fourth = corners
        points = (first * (1 - u) + fourth * u) * (1 - v) + (second * (1 - u) + third * u) * v
        return not self.at(points.reshape(-1, 2)).any()

    def at(self, points: Array) -> NDArray[np.uint8]:
        """What is at places (N, 2); outside counts as taken."""
        index = np.floor((points - self.low) / CELL).astype(int)
        rows, columns = self.cells.shape
        inside = (index >= 0).all(axis=1) & (index[:, 0] < columns) & (index[:, 1] < rows)
        index = np.clip(index, 0, [columns - 1, rows - 1])
        return np.where(inside, self.cells[index[:, 1], index[:, 0]], TAKEN)

    def take(self, x: float, y: float, yaw: float, half_x: float, half_y: float) -> None:
        """Marks a rectangle as taken."""
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
