"""What public client scripts rely on and the protocol alone does not promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import carla
import pytest

from envs.standin.town import load_town


def test_a_map_keeps_the_name_under_which_it_was_loaded(client: carla.Client) -> None:
    assert client.get_world().get_map().name == "Carla/Maps/Town01"
    client.load_world("Town03_Opt")
    assert client.get_world().get_map().name == "Carla/Maps/Town03_Opt"


@pytest.mark.parametrize("name", ["Town01", "Town03"])
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
