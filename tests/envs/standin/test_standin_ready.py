"""Ready means ready: nothing is compiled once clients are taken, and none are taken before."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import carla
import pytest

import envs.standin.starting  # noqa: F401  declares all that is compiled
from envs.standin import warming
from tests.envs.standin.conftest import ROOT, Listener

CAMERAS = ("rgb", "depth", "semantic_segmentation", "instance_segmentation")
OTHERS = (
    "sensor.lidar.ray_cast",
    "sensor.lidar.ray_cast_semantic",
    "sensor.other.radar",
    "sensor.other.imu",
    "sensor.other.gnss",
)
NIGHT = carla.WeatherParameters(sun_altitude_angle=-60.0)
STORM = carla.WeatherParameters(
    sun_altitude_angle=20.0, cloudiness=90.0, precipitation=80.0, wetness=90.0, fog_density=40.0
)
NO_FOLDER = """
from envs.standin.compiled import CALLS
from envs.standin.lights import facing
call = next(call for call in CALLS if call.function is facing)
print(call.folder, call.prepare(), call.prepare())
"""


def test_a_session_of_everything_compiles_nothing(
    standin_start: Callable[..., Any], tmp_path: Path
) -> None:
    running = standin_start("--town", "Town03")
    client = running.client()
    use_all_of(client.get_world(), client, tmp_path, hilly=True)
    use_all_of(client.load_world("Town01"), client, tmp_path, hilly=False)
    assert running.stop() == 0  # fails where anything was compiled


def use_all_of(world: carla.World, client: carla.Client, folder: Path, hilly: bool) -> None:
    """Crashes, walkers, props, every sensor, all lights and weathers, a recording."""
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    places = world.get_map().get_spawn_points()
    assert any(abs(place.rotation.pitch) > 1.0 for place in places) == hilly
    recording = str(folder / f"{hilly}.log")
    client.start_recorder(recording)
    cars = crowd(world, places)
    listeners = [Listener(sensor) for sensor in sensors(world, cars[0])]
    for weather in (carla.WeatherParameters.ClearNoon, NIGHT, STORM):
        world.set_weather(weather)
        control = carla.VehicleControl(throttle=0.6, steer=0.1)
        commands = [carla.command.ApplyVehicleControl(car.id, control) for car in cars]
        client.apply_batch_sync(commands)
        for _ in range(3):
            frame = world.tick()
        for listener in listeners[: len(CAMERAS) * 2]:
            assert listener.get(frame, timeout=30.0).frame == frame
    for listener in listeners:
        listener.close()
    client.stop_recorder()
    client.replay_file(recording, 0.0, 0.0, 0)
    world.tick()
    client.stop_replayer(False)


def crowd(world: carla.World, places: list[carla.Transform]) -> list[carla.Actor]:
    """Cars, of which two stand in each other, a motorcycle, a walker and a prop on the road."""
    library = world.get_blueprint_library()
    names = ["vehicle.tesla.model3", "vehicle.carlamotors.firetruck", "vehicle.yamaha.yzf"]
    cars = [world.spawn_actor(library.find(n), p) for n, p in zip(names, places, strict=False)]
    cars.append(world.spawn_actor(library.find(names[0]), places[10]))
    ahead = places[0].get_forward_vector()
    for metres, name in ((9.0, "walker.pedestrian.0001"), (14.0, "static.prop.streetbarrier")):
        place = carla.Transform(places[0].location + metres * ahead, places[0].rotation)
        world.spawn_actor(library.find(name), place)
    world.tick()
    cars[-1].set_transform(carla.Transform(places[0].location + 2.0 * ahead, places[0].rotation))
    for car in cars:
        car.set_light_state(carla.VehicleLightState.All)
    return cars


def sensors(world: carla.World, car: carla.Actor) -> list[carla.Actor]:
    """Every camera, small and large, and all other sensors on a car."""
    library, made = world.get_blueprint_library(), []
    place = carla.Transform(carla.Location(x=-6.0, z=3.0), carla.Rotation(pitch=-10.0))
    for kind in CAMERAS:
        for width, height in ((84, 84), (400, 240)):
            blueprint = library.find(f"sensor.camera.{kind}")
            blueprint.set_attribute("image_size_x", str(width))
            blueprint.set_attribute("image_size_y", str(height))
            made.append(world.spawn_actor(blueprint, place, attach_to=car))
    names = (*OTHERS, "sensor.other.collision", "sensor.other.lane_invasion")
    names = (*names, "sensor.other.obstacle")
    return made + [world.spawn_actor(library.find(n), place, attach_to=car) for n in names]


def test_clients_are_refused_while_another_server_compiles(standin_port: int) -> None:
    command = [sys.executable, "-m", "envs.standin", "--port", str(standin_port)]
    command += ["--exit-with-parent", str(os.getpid())]
    folder = warming.folder_to_lock()
    assert folder is not None
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)  # as a server that compiles does
    try:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == f"standin: starting on port {standin_port}\n"
        assert "waiting for another server, which compiles" in process.stdout.readline()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", standin_port), timeout=1)
    finally:
        os.close(lock)
    try:
        assert f"ready on port {standin_port}\n" in iter(process.stdout.readline, "")
        socket.create_connection(("127.0.0.1", standin_port), timeout=1).close()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_server_whose_parent_dies_while_it_starts_ends(standin_port: int) -> None:
    command = f"{sys.executable} -m envs.standin --port {standin_port} --exit-with-parent $$"
    script = f"{command} >/dev/null 2>&1 & echo $!; sleep 0.1"
    words = ["bash", "-c", script]
    shell = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    server = Path("/proc") / shell.stdout.strip()
    until = time.monotonic() + 30.0
    while server.exists() and b"envs.standin" in (server / "cmdline").read_bytes():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_without_a_folder_to_keep_it_in_code_is_compiled_all_the_same() -> None:
    environment = {
        **os.environ,
        "NUMBA_CACHE_LOCATOR_CLASSES": "numba.core.caching._UserProvidedCacheLocator",
        "NUMBA_CACHE_DIR": "/dev/null/none",
    }
    words = [sys.executable, "-c", NO_FOLDER]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout == "None True False\n", done.stderr
