"""From a camera frame and a tick to the observation: small, stacked frames; and the vector."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from envs.config import SensorConfig, TaskConfig
from envs.task.ego_state import EgoState
from envs.task.lens import through_lens
from envs.task.route import Route, to_vehicle_frame

Observation = dict[str, np.ndarray]

LATERAL_SCALE = 4.0  # m, about the width of a lane
HEADING_SCALE = math.pi / 2.0  # rad


def frame(bgra: np.ndarray, sensors: SensorConfig) -> np.ndarray:
    """Return uint8 (size, size, 1), grey, of a camera's uint8 (H, W, 4) in CARLA's order blue,
    green, red; with `red_green` (size, size, 2), red less green first: 128 where both are alike."""
    if bgra.ndim != 3 or bgra.shape[2] != 4 or bgra.dtype != np.uint8:
        raise ValueError(f"camera frame {bgra.dtype} {bgra.shape}: expected uint8 (H, W, 4)")
    channels = [cv2.cvtColor(bgra, cv2.COLOR_BGRA2GRAY)]
    if sensors.red_green:
        red, green = cv2.extractChannel(bgra, 2), cv2.extractChannel(bgra, 1)
        channels.insert(0, cv2.addWeighted(red, 0.5, green, -0.5, 128.0))
    return np.stack([_small(channel, sensors) for channel in channels], axis=-1)


def _small(picture: np.ndarray, sensors: SensorConfig) -> np.ndarray:
    size = sensors.image_size
    if sensors.lens > 1.0:
        return through_lens(picture, size, sensors.lens)
    if picture.shape != (size, size):
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    return picture


class FrameStack:
    """The newest frames of an episode; `image` is uint8 (H, W, count x C), newest last."""

    def __init__(self, frame: np.ndarray, count: int) -> None:
        """Fill the stack with an episode's first frame, (H, W, C)."""
        self.image = np.tile(frame, (1, 1, count))

    def push(self, frame: np.ndarray) -> None:
        """Drop the oldest frame; earlier observations keep their own array."""
        self.image = np.concatenate([self.image[..., frame.shape[-1] :], frame], axis=-1)


SCALARS: dict[str, Callable[[EgoState, TaskConfig], float]] = {
    "speed": lambda ego, task: ego.speed / (2.0 * task.target_speed),
    "lateral": lambda ego, task: ego.position.lateral / LATERAL_SCALE,
    "heading": lambda ego, task: ego.position.heading / HEADING_SCALE,
}


def vector(ego: EgoState, route: Route, task: TaskConfig) -> np.ndarray:
    """Return float32 (23,) in [-1, 1]: `SCALARS`, then (ahead, right) of each route waypoint.

    A waypoint's offsets are over its distance along the route: by one distance for all, the
    nearest ones, by which a car is steered, would hardly differ from 0.
    """
    reach = task.waypoint_spacing * np.arange(1, task.waypoint_count + 1)[:, None]
    points = route.ahead(ego.position.distance, task.waypoint_count, task.waypoint_spacing)
    ahead = to_vehicle_frame(points, ego.x, ego.y, ego.yaw) / reach
    values = np.concatenate([[scale(ego, task) for scale in SCALARS.values()], ahead.ravel()])
    return np.clip(values, -1.0, 1.0).astype(np.float32)


def waypoints(vector: np.ndarray, task: TaskConfig) -> np.ndarray:
    """Return the route waypoints of a `vector`, (waypoint_count, 2) m ahead and to the right."""
    reach = task.waypoint_spacing * np.arange(1, task.waypoint_count + 1)[:, None]
    return vector[len(SCALARS) :].reshape(-1, 2) * reach


def vector_size(task: TaskConfig) -> int:
    """Return the length of `vector`."""
    return len(SCALARS) + 2 * task.waypoint_count
