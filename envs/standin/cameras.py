"""Camera sensors: the picture of the town and the actors in it, from where the camera is."""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.standin.actors import Actor
from envs.standin.geometry import Pose
from envs.standin.sensors import MEASURES, Payload
from envs.standin.wire import IMAGE_HEADER
from envs.standin.world import World

MAX_PIXELS = 4096 * 4096


def image(world: World, sensor: Actor, pose: Pose) -> list[Payload]:
    """One image message: size, field of view and BGRA pixels."""
    width, height, fov = size_of(sensor)
    pixels: Any = np.full((height, width, 4), 128, np.uint8)
    return [[IMAGE_HEADER.pack(width, height, fov), memoryview(pixels)]]


def size_of(sensor: Actor) -> tuple[int, int, float]:
    """Width, height and horizontal field of view in degrees. Raises ValueError."""
    width = int(sensor.attributes.get("image_size_x", "800"))
    height = int(sensor.attributes.get("image_size_y", "600"))
    fov = float(sensor.attributes.get("fov", "90"))
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise ValueError(f"image size {width}x{height} is out of range")
    if not 1.0 <= fov <= 179.0:
        raise ValueError(f"field of view {fov} is out of range 1 to 179")
    return width, height, fov


for _name in ("rgb", "depth", "semantic_segmentation", "instance_segmentation"):
    MEASURES[f"sensor.camera.{_name}"] = image
