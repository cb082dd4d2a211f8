"""Camera sensors: the picture of the town and the actors in it, from where the camera is."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.actors import Actor
from envs.standin.bodies import Bodies
from envs.standin.picture import Camera, Renderer
from envs.standin.sensors import Payload, header, is_due
from envs.standin.wire import IMAGE_HEADER
from envs.standin.world import World

MAX_PIXELS = 4096 * 4096
_ONE_THREAD_PIXELS = 40_000

Kind = Literal["rgb", "semantic", "instance", "depth"]
KINDS: dict[str, Kind] = {
    "sensor.camera.rgb": "rgb",
    "sensor.camera.depth": "depth",
    "sensor.camera.semantic_segmentation": "semantic",
    "sensor.camera.instance_segmentation": "instance",
}


@lru_cache(maxsize=1)
def renderer_of(town: Any) -> Renderer:
    """The town's renderer, made when first asked for."""
    return Renderer(town)


@lru_cache(maxsize=1)
def _bodies(town: Any) -> Bodies:
    return Bodies()


@dataclass(frozen=True)
class Shot:
    """All that a picture depends on, as it was when its step ended."""

    start: bytes
    camera: Camera
    renderer: Renderer | None
    boxes: NDArray[np.void]
    weather: NDArray[np.float64]
    time: float

    def develop(self) -> Generator[None, None, Payload]:
        """The message: headers and BGRA pixels, black where nothing is rendered. Pauses."""
        width, height = self.camera.width, self.camera.height
        start = self.start + IMAGE_HEADER.pack(width, height, self.camera.fov)
        if self.renderer is None:
            return [start, bytes(4 * width * height)]
        # Threads that wait for work in small pictures would take the client's core.
        cv2.setNumThreads(1 if width * height < _ONE_THREAD_PIXELS else -1)
        pixels = yield from self.renderer.stages(self.camera, self.boxes, self.weather, self.time)
        return [start, np.ascontiguousarray(pixels).data]


def shoot(world: World, sensor: Actor) -> Shot | None:
    """Return a camera's measurement of this step, or None. Raise ValueError."""
    if not is_due(world, sensor):
        return None
    width, height, fov = size_of(sensor)
    pose = world.pose_of(sensor)
    return Shot(
        start=header(world, sensor, pose),
        camera=Camera(KINDS[sensor.type_id], width, height, fov, *pose),
        renderer=None if world.settings.no_rendering else renderer_of(world.town),
        boxes=_bodies(world.town).of(world),
        weather=np.array(world.weather),
        time=world.elapsed,
    )


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
