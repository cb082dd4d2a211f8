"""A client with a world, a car and sensors, for probes to call methods on."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

import carla

#: Tries one method; what it returns is true when the effect was seen.
Probe = Callable[["Rig"], Any]


class Rig:
    """A synchronous world with one car, a camera, an IMU and a walker."""

    def __init__(self, port: int) -> None:
        self.client = carla.Client("127.0.0.1", port)
        self.client.set_timeout(20.0)
        self.client.get_world()
        self.world = self.client.reload_world(True)
        settings = self.world.get_settings()
        settings.synchronous_mode = True
        settings.fixed_delta_seconds = 0.05
        self.world.apply_settings(settings)
        self.library = self.world.get_blueprint_library()
        self.map = self.world.get_map()
        self.points = self.map.get_spawn_points()
        self.car = self.spawn("vehicle.tesla.model3", self.points[0])
        self.camera = self.sensor("sensor.camera.rgb", image_size_x=32, image_size_y=24)
        self.ticks(8)

    def spawn(self, name: str, place: carla.Transform) -> carla.Actor:
        """A new actor on its own."""
        return self.world.spawn_actor(self.library.find(name), place)

    def sensor(self, name: str, **attributes: object) -> carla.Sensor:
        """A new sensor on the car."""
        blueprint = self.library.find(name)
        for key, value in attributes.items():
            blueprint.set_attribute(key, str(value))
        return self.world.spawn_actor(blueprint, carla.Transform(), attach_to=self.car)

    def ticks(self, count: int = 1) -> int:
        """Steps; the last frame."""
        frame = 0
        for _ in range(count):
            frame = self.world.tick()
        return frame

    def moved(self, call: Callable[[], Any], steps: int = 10) -> bool:
        """Tell whether the car moves after a call."""
        before = self.car.get_location()
        call()
        self.ticks(steps)
        return bool(before.distance(self.car.get_location()) > 0.05)

    def heard(self, sensor: carla.Sensor) -> bool:
        """Tell whether a sensor that is listened to sends the next tick's data."""
        inbox: queue.Queue[Any] = queue.Queue()
        sensor.listen(inbox.put)
        frame = self.ticks()
        data = inbox.get(timeout=5)
        sensor.stop()
        return bool(data.frame == frame)
