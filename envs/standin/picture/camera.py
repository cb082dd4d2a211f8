"""The pinhole camera: rotation, focal length, and what a pixel sees on the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from envs.standin.compiled import compiled
from envs.standin.picture.types import Camera

Array = NDArray[np.float64]


def rotation(pitch: float, yaw: float, roll: float) -> Array:
    """Matrix from a body's axes (forward, right, up) to the world, CARLA's convention, degrees."""
    p, y, r = math.radians(pitch), math.radians(yaw), math.radians(roll)
    cp, sp, cy, sy, cr, sr = (
        math.cos(p), math.sin(p), math.cos(y), math.sin(y), math.cos(r), math.sin(r)
    )
    return np.array([
        [cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr],
        [cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr],
        [sp, -cp * sr, cp * cr],
    ])


@dataclass(frozen=True)
class View:
    """A camera with its matrices at hand. Pixel (i, j) has its centre at (i + 0.5, j + 0.5)."""

    camera: Camera

    @cached_property
    def focal(self) -> float:
        """Focal length in pixels."""
        return self.camera.width / (2.0 * math.tan(math.radians(self.camera.fov) / 2.0))

    @cached_property
    def place(self) -> Array:
        """Where the camera is."""
        return np.array([self.camera.x, self.camera.y, self.camera.z])

    @cached_property
    def axes(self) -> Array:
        """Columns: forward, right, up in the world."""
        return rotation(self.camera.pitch, self.camera.yaw, self.camera.roll)

    @cached_property
    def rays(self) -> Array:
        """(3, 3): homogeneous image coordinates to the ray's direction in the world, depth 1."""
        f, cx, cy = self.focal, self.camera.width / 2.0, self.camera.height / 2.0
        pinhole = np.array([[0.0, 0.0, 1.0], [1.0 / f, 0.0, -cx / f], [0.0, -1.0 / f, cy / f]])
        return self.axes @ pinhole

    def ground(self, level: float) -> Array:
        """(3, 3): homogeneous image coordinates to x, y on the plane z = level."""
        rays, drop = self.rays, level - self.camera.z
        return _on_plane(self.place, rays, drop)

    @cached_property
    def horizon(self) -> tuple[int, int]:
        """First row that shows any ground, and first row from which on all is ground."""
        height, width = self.camera.height, self.camera.width
        across, down, start = self.rays[2].tolist()
        if abs(down) < 1e-12:
            return (0, 0) if start < 0 else (height, height)
        if down > 0:
            # Upside down: ground above the horizon line.
            return 0, height
        edge = [-(across * u + start) / down for u in (0.5, width - 0.5)]
        first = math.ceil(min(edge) - 0.5 + 1e-6)
        last = math.ceil(max(edge) - 0.5 + 1e-6)
        return min(max(first, 0), height), min(max(last, 0), height)


@compiled
def _on_plane(place: Array, rays: Array, drop: float) -> Array:
    matrix = np.empty((3, 3))
    for column in range(3):
        for row in (0, 1):
            matrix[row, column] = place[row] * rays[2, column] + drop * rays[row, column]
        matrix[2, column] = rays[2, column]
    return matrix
