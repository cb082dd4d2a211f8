"""Sensors whose readings belong to a tick: a queue each, matched by frame number.

Callbacks run on the client's stream thread, before or after `tick` returns; they copy what they
need and put it in a queue, and nothing else.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Any

import carla
import numpy as np

from envs.errors import SimulatorFault, UnknownBlueprint
from td3jax.options import suggestion

Reading = tuple[int, Any]


def picture(image: Any) -> np.ndarray:
    """Return uint8 (H, W, 4) BGRA; a copy, since the client reuses its memory."""
    flat = np.frombuffer(image.raw_data, np.uint8)
    return flat.reshape(image.height, image.width, 4).copy()


def inertia(reading: Any) -> np.ndarray:
    """Return float32 (6,): acceleration x, y, z in m/s^2 and rotation rate x, y, z in rad/s."""
    a, g = reading.accelerometer, reading.gyroscope
    return np.array([a.x, a.y, a.z, g.x, g.y, g.z], np.float32)


def collision(event: Any) -> tuple[int, str, float]:
    """Return (id, blueprint id, impulse N s) of the actor hit."""
    impulse = event.normal_impulse
    size = (impulse.x**2 + impulse.y**2 + impulse.z**2) ** 0.5
    return event.other_actor.id, event.other_actor.type_id, size


def crossing(event: Any) -> int:
    """Return the number of lane marks crossed at once."""
    return len(event.crossed_lane_markings)


class Sensor:
    """A carla sensor with a queue of (frame, value); keeps the Python reference to it alive."""

    def __init__(self, actor: Any, name: str, read: Callable[[Any], Any]) -> None:
        self.actor = actor
        self.name = name
        self._read = read
        self._queue: queue.SimpleQueue[Reading] = queue.SimpleQueue()
        self._held: Reading | None = None
        self.listening = False

    def listen(self) -> None:
        """Start the stream; readings of an earlier time are forgotten."""
        self.clear()
        readings, read = self._queue, self._read
        self.actor.listen(lambda data: readings.put((data.frame, read(data))))
        self.listening = True

    def stop(self) -> None:
        """End the stream; the actor stays."""
        if self.listening:
            self.listening = False
            self.actor.stop()

    def clear(self) -> None:
        """Forget everything queued."""
        self._held = None
        while not self._queue.empty():
            self._queue.get_nowait()

    def wait(self, frame: int, timeout: float) -> Any:
        """Return the reading of exactly this frame; older ones are dropped.

        Raises SimulatorFault after `timeout` seconds, or when the sensor has skipped the frame.
        """
        deadline = time.monotonic() + timeout
        while True:
            reading = self._held or self._next(frame, timeout, deadline)
            self._held = None
            if reading[0] == frame:
                return reading[1]
            if reading[0] > frame:
                self._held = reading
                raise SimulatorFault(
                    f"{self.name} skipped frame {frame}: its next reading is of {reading[0]}"
                )

    def _next(self, frame: int, timeout: float, deadline: float) -> Reading:
        try:
            return self._queue.get(timeout=max(deadline - time.monotonic(), 0.0))
        except queue.Empty:
            raise SimulatorFault(
                f"{self.name} sent nothing for frame {frame} within {timeout:g} s: raise "
                "tick_timeout where the server is slow"
            ) from None

    def drain(self, frame: int) -> list[Any]:
        """Return all events up to this frame without waiting: not every frame has any."""
        found = []
        while self._held or not self._queue.empty():
            reading = self._held or self._queue.get_nowait()
            self._held = None
            if reading[0] > frame:
                self._held = reading
                break
            found.append(reading[1])
        return found


def blueprint(library: Any, name: str, **attributes: object) -> Any:
    """Return a blueprint by id with attributes set; UnknownBlueprint names the nearest ids."""
    try:
        found = library.find(name)
    except (IndexError, RuntimeError) as error:
        family = name.rsplit(".", 1)[0]
        near = sorted(item.id for item in library.filter(family + ".*"))[:8]
        hint = f"; there are {', '.join(near)}" if near else ""
        hint += suggestion(name, (item.id for item in library))
        raise UnknownBlueprint(f"the server has no blueprint {name!r}{hint}") from error
    for key, value in attributes.items():
        if not found.has_attribute(key):
            raise UnknownBlueprint(f"blueprint {name} has no attribute {key!r}")
        found.set_attribute(key, str(value))
    return found


def camera_pose(x: float, z: float, pitch: float = 0.0) -> Any:
    """Return a carla.Transform relative to the car, metres and degrees."""
    return carla.Transform(carla.Location(x=x, z=z), carla.Rotation(pitch=pitch))
