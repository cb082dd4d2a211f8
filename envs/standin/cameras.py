"""Camera sensors: the picture of the town and the actors in it, from where the camera is."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from envs.standin.actors import Actor
from envs.standin.bodies import Bodies
from envs.standin.geometry import Pose
from envs.standin.picture import Camera, Renderer
from envs.standin.sensors import MEASURES, Payload
from envs.standin.wire import IMAGE_HEADER
from envs.standin.world import World

MAX_PIXELS = 4096 * 4096

Kind = Literal["rgb", "semantic", "instance", "depth"]
KINDS: dict[str, Kind] = {
    "sensor.camera.rgb": "rgb",
    "sensor.camera.depth": "depth",
    "sensor.camera.semantic_segmentation": "semantic",
    "sensor.camera.instance_segmentation": "instance",
}


@lru_cache(maxsize=1)
def _renderer(town: Any) -> Renderer:
    return Renderer(town)


@lru_cache(maxsize=1)
def _bodies(town: Any) -> Bodies:
    return Bodies()


def image(world: World, sensor: Actor, pose: Pose) -> list[Payload]:
    """One image message: size, field of view and BGRA pixels; black in no-rendering mode."""
    width, height, fov = size_of(sensor)
    start = IMAGE_HEADER.pack(width, height, fov)
    if world.settings.no_rendering:
        return [[start, bytes(4 * width * height)]]
    camera = Camera(KINDS[sensor.type_id], width, height, fov, *pose)
    boxes = _bodies(world.town).of(world)
    pixels = _renderer(world.town).render(camera, boxes, np.array(world.weather), world.elapsed)
    return [[start, np.ascontiguousarray(pixels).data]]


def size_of(sensor: Actor) -> tuple[int, int, float]:
    """Width, height and horizontal field of view in degrees. Raises ValueError."""
    width = int(sensor.attributes.get("image_size_x", "800"))
    height = int(sensor.attributes.get("image_size_y", "600"))
    fov = float(sensor.attributes.get("fov", "90"))
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise ValueError(f"image size {width}x{height} is out of range")
    if not math.isfinite(fov) or not 1.0 <= fov <= 179.0:
        raise ValueError(f"field of view {fov} is out of range 1 to 179")
    return width, height, fov


for _name in KINDS:
    MEASURES[_name] = image
