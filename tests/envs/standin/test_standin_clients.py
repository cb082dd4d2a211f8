"""What public client scripts rely on and the protocol alone does not promise."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import carla
import pytest

from envs.standin.town import load_town

WALKERS = """
import os, sys
import carla
client = carla.Client("127.0.0.1", int(sys.argv[1]))
client.set_timeout(10)
world = client.get_world()
library, walkers, controllers = world.get_blueprint_library(), [], []
for _ in range(5):
    place = carla.Transform(world.get_random_location_from_navigation())
    walkers.append(world.try_spawn_actor(library.find("walker.pedestrian.0001"), place))
    controllers.append(
        world.spawn_actor(library.find("controller.ai.walker"), carla.Transform(), walkers[-1])
    )
for controller in controllers:
    controller.start()
    controller.go_to_location(world.get_random_location_from_navigation())
    controller.set_max_speed(1.4)
for _ in range(60):
    world.wait_for_tick()
print("paces", sorted(round(walker.get_velocity().length(), 1) for walker in walkers), flush=True)
os._exit(0)
"""


def test_walkers_may_be_started_right_after_they_were_made(
    client: carla.Client, server: Any
) -> None:
    """In an asynchronous world, without a wait for the step that shows them."""
    command = [sys.executable, "-c", WALKERS, str(server.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    paces = [float(pace) for pace in done.stdout.strip()[len("paces [") : -1].split(",")]
    assert len(paces) == 5
    assert paces[2] == pytest.approx(1.4, abs=0.2)


def test_a_map_keeps_the_name_under_which_it_was_loaded(client: carla.Client) -> None:
    assert client.get_world().get_map().name == "Carla/Maps/Town01"
    client.load_world("Town03_Opt")
    assert client.get_world().get_map().name == "Carla/Maps/Town03_Opt"


@pytest.mark.parametrize("name", ["Town01", pytest.param("Town03", marks=pytest.mark.slow)])
def test_cars_stand_on_their_spawn_points_without_turning(
    standin_start: Callable[..., Any], name: str
) -> None:
    client = carla.Client("127.0.0.1", standin_start("--town", name).port)
    client.set_timeout(10.0)
    world = client.get_world()
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    car = world.get_blueprint_library().find("vehicle.tesla.model3")
    places = world.get_map().get_spawn_points()
    actors = [world.spawn_actor(car, place) for place in places]
    world.tick()
    for actor, place in zip(actors, places, strict=True):
        now = actor.get_transform().rotation
        for axis in ("pitch", "yaw", "roll"):
            assert getattr(now, axis) == pytest.approx(getattr(place.rotation, axis), abs=0.01)


def test_the_hilly_town_has_places_on_a_side_slope() -> None:
    assert abs(load_town("Town03").spawn_points[:, 5]).max() > 0.1
