"""Contestants that drive a simulator through the real carla client."""

from __future__ import annotations

import atexit
import queue
import time
from typing import Any

import carla

from envs.config import EnvConfig
from envs.process import server
from envs.world.waker import Waker
from launch.benchmarks.contestant import Work

_DELTA_S = 0.05
_SETTLE_TICKS = 40
_TIMEOUT_S = 30.0


def _connect() -> tuple[Any, Any, int]:
    """A server of our own in synchronous mode: client, world and a free Traffic Manager port."""
    config = EnvConfig()
    started = server.start(config)
    atexit.register(started.kill)
    client = carla.Client(started.host, started.port)
    client.set_timeout(_TIMEOUT_S)
    world = client.get_world()
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, _DELTA_S
    world.apply_settings(settings)
    return client, world, started.port + config.traffic.tm_port_offset


def _spawn_npcs(client: Any, world: Any, count: int, port: int) -> None:
    manager = client.get_trafficmanager(port)
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(0)
    atexit.register(manager.shut_down)
    cars = [b for b in world.get_blueprint_library().filter("vehicle.*") if _is_car(b)]
    points = world.get_map().get_spawn_points()[1:]
    if len(points) < count:
        raise RuntimeError(f"the map has {len(points)} places for {count} vehicles")
    spawn, autopilot = carla.command.SpawnActor, carla.command.SetAutopilot
    place = [points[i * len(points) // count] for i in range(count)]
    results = client.apply_batch_sync(
        [
            spawn(cars[i % len(cars)], at).then(
                autopilot(carla.command.FutureActor, True, manager.get_port())
            )
            for i, at in enumerate(place)
        ],
        False,
    )
    failed = [result.error for result in results if result.error]
    if failed:
        raise RuntimeError(f"{len(failed)} of {count} vehicles did not spawn: {failed[0]}")


def _is_car(blueprint: Any) -> bool:
    return bool(int(blueprint.get_attribute("number_of_wheels")) == 4)


def ticks(npcs: int, width: int, height: int) -> Work:
    """Closed loop: a control, a tick, the picture of that tick; NPCs on Traffic Manager."""
    client, world, port = _connect()
    library = world.get_blueprint_library()
    ego = world.spawn_actor(
        library.find("vehicle.tesla.model3"), world.get_map().get_spawn_points()[0]
    )
    _spawn_npcs(client, world, npcs, port)
    blueprint = library.find("sensor.camera.rgb")
    blueprint.set_attribute("image_size_x", str(width))
    blueprint.set_attribute("image_size_y", str(height))
    at = carla.Transform(carla.Location(x=1.5, z=2.4))
    camera = world.spawn_actor(blueprint, at, attach_to=ego)
    pictures: queue.Queue[Any] = queue.Queue()
    camera.listen(pictures.put)
    atexit.register(camera.stop)

    frame, waker = world.get_snapshot().frame, Waker(world, port)

    def work(count: int) -> None:
        nonlocal frame
        for _ in range(count):
            ego.apply_control(carla.VehicleControl(throttle=0.3))
            with waker.watching(frame):
                frame = world.tick()
            while pictures.get(timeout=_TIMEOUT_S).frame != frame:
                pass

    work(_SETTLE_TICKS)
    return work


def first_tick() -> float:
    """Seconds from the start of the server's process to its first tick for a client."""
    start = time.perf_counter()
    _, world, _ = _connect()
    world.tick()
    return time.perf_counter() - start
