"""Calls about the town's scenery: objects, layers, street lights and rays."""

from __future__ import annotations

from typing import Any

from envs.standin.methods.registry import value, void
from envs.standin.simulation import Simulation

_ANY = 255


@value("query_lights_state")
def query_lights_state(sim: Simulation, endpoint: str) -> list[Any]:
    """There are no street lights."""
    return []


@void("load_map_layer", "unload_map_layer")
def map_layer(sim: Simulation, layers: int) -> None:
    """Accepted without effect: towns have one layer."""


@value("get_environment_objects")
def get_environment_objects(sim: Simulation, label: int = _ANY) -> list[Any]:
    """Static obstacles with the label; 255 means all."""
    objects = []
    for index, row in enumerate(sim.world.town.obstacles.tolist()):
        x, y, z, half_x, half_y, half_z, yaw, tag = row
        if label in (_ANY, int(tag)):
            place = [[x, y, z], [0.0, yaw, 0.0]]
            box = [[x, y, z], [half_x, half_y, half_z], [0.0, yaw, 0.0], 0]
            objects.append([place, box, index + 1, f"Object_{index + 1}", int(tag)])
    return objects


@void("enable_environment_objects")
def enable_environment_objects(sim: Simulation, ids: list[int], enabled: bool) -> None:
    """Accepted without effect."""


@value("get_all_level_BBs")
def get_level_boxes(sim: Simulation, label: int = _ANY) -> list[Any]:
    """Boxes of static obstacles and vehicles with the label."""
    return [entry[1] for entry in get_environment_objects(sim, label)]


@value("get_names_of_all_objects")
def get_names(sim: Simulation) -> list[str]:
    """Names of the static obstacles."""
    return [f"Object_{index + 1}" for index in range(len(sim.world.town.obstacles))]
