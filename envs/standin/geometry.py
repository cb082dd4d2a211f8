"""Poses in CARLA's left-handed frame: x forward, y right, z up; metres and degrees."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: x, y, z in m; pitch, yaw, roll in degrees.
Pose = tuple[float, float, float, float, float, float]
Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]

ORIGIN: Pose = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
#: Positions beyond this are taken as a mistake; float32 has no centimetres left there.
FARTHEST = 1e6


def vector(value: Any, limit: float = FARTHEST) -> Vector:
    """Three finite numbers from a request, clipped to +-limit. Raises ValueError."""
    x, y, z = value
    numbers = (float(x), float(y), float(z))
    if not all(map(math.isfinite, numbers)):
        raise ValueError("vector is not finite")
    clipped = [max(-limit, min(limit, number)) for number in numbers]
    return clipped[0], clipped[1], clipped[2]


def pose(transform: Any) -> Pose:
    """A pose from a request's `[location, rotation]`. Raises ValueError."""
    location, rotation = transform
    return (*vector(location), *vector(rotation))


def wire(value: Pose) -> list[list[float]]:
    """The `[location, rotation]` of a reply."""
    return [list(value[:3]), list(value[3:])]


def axes(pitch: float, yaw: float, roll: float) -> Matrix:
    """Rotation matrix by rows; its columns are forward, right and up."""
    cp, sp = math.cos(math.radians(pitch)), math.sin(math.radians(pitch))
    cy, sy = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    cr, sr = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    return (
        (cp * cy, cy * sp * sr - sy * cr, -cy * sp * cr - sy * sr),
        (cp * sy, sy * sp * sr + cy * cr, -sy * sp * cr + cy * sr),
        (sp, -cp * sr, cp * cr),
    )


def compose(parent: Pose, relative: Pose) -> Pose:
    """The world pose of something fixed to `parent`."""
    outer = axes(*parent[3:])
    x, y, z = relative[:3]
    place = [row[0] * x + row[1] * y + row[2] * z for row in outer]
    location = (parent[0] + place[0], parent[1] + place[1], parent[2] + place[2])
    if relative[3:] == (0.0, 0.0, 0.0):
        return (*location, *parent[3:])
    inner = axes(*relative[3:])
    product = [
        [sum(outer[i][k] * inner[k][j] for k in range(3)) for j in range(3)] for i in range(3)
    ]
    pitch = math.asin(max(-1.0, min(1.0, product[2][0])))
    yaw = math.atan2(product[1][0], product[0][0])
    roll = math.atan2(-product[2][1], product[2][2])
    return (*location, math.degrees(pitch), math.degrees(yaw), math.degrees(roll))


def rotate_back(matrix: Matrix, value: Vector) -> Vector:
    """A world vector in the frame whose axes are given."""
    x, y, z = value
    a, b, c = matrix
    return (
        a[0] * x + b[0] * y + c[0] * z,
        a[1] * x + b[1] * y + c[1] * z,
        a[2] * x + b[2] * y + c[2] * z,
    )


def axes_array(pitch: float, yaw: float, roll: float) -> NDArray[np.float64]:
    """`axes` as an array (3, 3)."""
    return np.array(axes(pitch, yaw, roll))
