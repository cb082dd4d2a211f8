"""The pinhole camera: rotation, focal length, and what a pixel sees on the ground."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import b1, f8, i8
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled, named
from envs.standin.picture.types import Camera

Array = NDArray[np.float64]


class Eye(NamedTuple):
    """A camera with its matrices at hand. Pixel (i, j) has its centre at (i + 0.5, j + 0.5).

    Attributes:
      place (3,): where it is; axes (3, 3): columns forward, right, up in the world.
      rays (3, 3): homogeneous image coordinates to the ray's direction in the world, depth 1.
      focal: focal length in pixels; width, height: of the picture. yaw: in rad.
      level: whether it looks about straight ahead.
    """

    place: Array
    axes: Array
    rays: Array
    focal: float
    width: int
    height: int
    yaw: float
    level: bool


#: `Eye` in compiled code.
EYE = named(Eye, f8[::1], f8[:, ::1], f8[:, ::1], f8, i8, i8, f8, b1)


class View(NamedTuple):
    """A camera, and the same for compiled loops.

    Attributes:
      horizon: first row that shows any flat ground, and first row from which on all is ground.
    """

    camera: Camera
    eye: Eye
    horizon: tuple[int, int]

    @staticmethod
    def of(camera: Camera) -> View:
        """Return the camera's description."""
        return View(
            camera,
            *_looking(
                camera.width,
                camera.height,
                float(camera.fov),
                float(camera.x),
                float(camera.y),
                float(camera.z),
                float(camera.pitch),
                float(camera.yaw),
                float(camera.roll),
            ),
        )

    def ground(self, level: float) -> Array:
        """(3, 3): homogeneous image coordinates to x, y on the plane z = level."""
        return _on_plane(self.eye, level - self.camera.z)


@called_with(i8, i8, f8, f8, f8, f8, f8, f8, f8)
@compiled
def _looking(
    width: int,
    height: int,
    fov: float,
    x: float,
    y: float,
    z: float,
    pitch: float,
    yaw: float,
    roll: float,
) -> tuple[Eye, tuple[int, int]]:
    focal = width / (2.0 * math.tan(math.radians(fov) / 2.0))
    axes, rays = np.empty((3, 3)), np.empty((3, 3))
    rotate(pitch, yaw, roll, axes)
    for row in range(3):
        rays[row, 0] = axes[row, 1] / focal
        rays[row, 1] = -axes[row, 2] / focal
        rays[row, 2] = (
            axes[row, 0]
            - axes[row, 1] * width / (2.0 * focal)
            + axes[row, 2] * height / (2.0 * focal)
        )
    eye = Eye(
        np.array([x, y, z]),
        axes,
        rays,
        focal,
        width,
        height,
        math.radians(yaw),
        abs(pitch) < 30.0 and abs(roll) < 20.0,
    )
    return eye, _horizon(rays[2], width, height)


@compiled
def rotate(pitch: float, yaw: float, roll: float, out: Array) -> None:
    """From a body's axes (forward, right, up) to the world, CARLA's convention, degrees."""
    pitch, yaw, roll = math.radians(pitch), math.radians(yaw), math.radians(roll)
    cp, sp, cy, sy = math.cos(pitch), math.sin(pitch), math.cos(yaw), math.sin(yaw)
    cr, sr = math.cos(roll), math.sin(roll)
    out[0, 0], out[1, 0], out[2, 0] = cp * cy, cp * sy, sp
    out[0, 1], out[1, 1] = cy * sp * sr - sy * cr, sy * sp * sr + cy * cr
    out[0, 2], out[1, 2] = -cy * sp * cr - sy * sr, -sy * sp * cr + cy * sr
    out[2, 1], out[2, 2] = -cp * sr, cp * cr


@compiled
def descent(eye: Eye, row: int) -> float:
    """Return how far the middle of a row looks down at depth 1."""
    fall = eye.rays[2]
    return float(-(fall[0] * eye.width / 2.0 + fall[1] * (row + 0.5) + fall[2]))


@compiled
def _horizon(fall: Array, width: int, height: int) -> tuple[int, int]:
    across, down, start = fall[0], fall[1], fall[2]
    if abs(down) < 1e-12:
        return (0, 0) if start < 0.0 else (height, height)
    if down > 0.0:
        # Upside down: ground above the horizon line.
        return 0, height
    one, other = -(across * 0.5 + start) / down, -(across * (width - 0.5) + start) / down
    first = math.ceil(min(one, other) - 0.5 + 1e-6)
    last = math.ceil(max(one, other) - 0.5 + 1e-6)
    return min(max(first, 0), height), min(max(last, 0), height)


@called_with(EYE, f8)
@compiled
def _on_plane(eye: Eye, drop: float) -> Array:
    matrix = np.empty((3, 3))
    for column in range(3):
        for row in (0, 1):
            matrix[row, column] = (
                eye.place[row] * eye.rays[2, column] + drop * eye.rays[row, column]
            )
        matrix[2, column] = eye.rays[2, column]
    return matrix
