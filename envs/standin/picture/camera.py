"""The pinhole camera: rotation, focal length, and what a pixel sees on the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

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
        return np.stack([
            self.camera.x * rays[2] + drop * rays[0],
            self.camera.y * rays[2] + drop * rays[1],
            rays[2],
        ])
