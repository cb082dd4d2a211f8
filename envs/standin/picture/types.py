"""Inputs of the renderer: cameras, boxes, weather."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numba import typeof
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: An array of uint8; OpenCV's stubs know no closer type.
Image = NDArray[Any]
#: BGRA read as one uint32.
Pixels = NDArray[np.uint32]
Kind = Literal["rgb", "semantic", "instance", "depth"]

#: A moving thing as an oriented box. Lengths in metres, angles in degrees, colour 0..255,
#: `tag` = semantic tag, `lights` = VehicleLightState flags (for a traffic light its state).
BOX = np.dtype(
    [
        ("id", "u4"),
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("pitch", "f8"),
        ("yaw", "f8"),
        ("roll", "f8"),
        ("half_x", "f8"),
        ("half_y", "f8"),
        ("half_z", "f8"),
        ("r", "u1"),
        ("g", "u1"),
        ("b", "u1"),
        ("tag", "u1"),
        ("style", "u1"),
        ("lights", "u4"),
    ]
)
#: An array of them in compiled code.
BOXES = typeof(np.zeros(0, BOX))

CAR, TRUCK, BIKE, WALKER, PROP, SIGNAL = range(6)


@dataclass(frozen=True)
class Camera:
    """A camera in the world: size in pixels, horizontal field of view and angles in degrees."""

    kind: Kind
    width: int
    height: int
    fov: float
    x: float
    y: float
    z: float
    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0


def pixels(image: Image) -> Pixels:
    """A picture, uint8 (H, W, 4), as uint32 (H, W) of the same memory."""
    return image.view(np.uint32)[..., 0]
