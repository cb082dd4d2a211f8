"""Calls about the town's scenery: objects, layers, street lights and rays."""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.standin import rays
from envs.standin.actors import Kind
from envs.standin.cameras import renderer_of
from envs.standin.geometry import compose, vector
from envs.standin.methods.lights import get_light_boxes
from envs.standin.methods.registry import value, void
from envs.standin.simulation import Simulation

_ANY, _TRAFFIC_LIGHT = 255, 7
_SIGN_HALF = [0.05, 0.35, 0.35]  # m, a board of 0.7 m


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
    """Return boxes in the world of obstacles, vehicles, walkers, lights and signs with the label.

    The ground, which the real server cuts into pieces of road and pavement, has none here.
    """
    found = [entry[1] for entry in get_environment_objects(sim, label)]
    for actor in sim.world.actors.values():
        tag = actor.tags[0] if actor.tags else None
        if actor.kind in (Kind.VEHICLE, Kind.WALKER) and label in (_ANY, tag):
            inner = (*actor.box_centre, 0.0, actor.box_yaw, 0.0)
            x, y, z, *rotation = compose(sim.world.pose_of(actor), inner)
            found.append([[x, y, z], list(actor.box_half), rotation, actor.id])
        if actor.kind is Kind.SIGN and label in (_ANY, tag):
            found.append([list(actor.pose[:3]), _SIGN_HALF, list(actor.pose[3:]), actor.id])
    if label in (_ANY, _TRAFFIC_LIGHT):
        for actor_id in sim.world.lights.index:
            found += get_light_boxes(sim, actor_id)
    return found


@value("get_names_of_all_objects")
def get_names(sim: Simulation) -> list[str]:
    """Names of the static obstacles."""
    return [f"Object_{index + 1}" for index in range(len(sim.world.town.obstacles))]


@value("cast_ray")
def cast_ray(sim: Simulation, start: list[float], end: list[float]) -> list[Any]:
    """Return the first thing that a segment meets, with its label; empty without one."""
    begin, finish = np.array(vector(start)), np.array(vector(end))
    along = finish - begin
    length = float(np.linalg.norm(along))
    point = _first_hit(sim, begin, along / max(length, 1e-9), length)
    return [] if point is None else [point]


@value("project_point")
def project_point(
    sim: Simulation, location: list[float], direction: list[float], distance: float
) -> list[Any]:
    """Tell whether a ray meets something within the distance, and where."""
    begin, along = np.array(vector(location)), np.array(vector(direction))
    length = float(np.linalg.norm(along))
    reach = min(float(distance), 1e5)
    point = _first_hit(sim, begin, along / max(length, 1e-9), reach)
    return [point is not None, point or [[0.0, 0.0, 0.0], 0]]


def _first_hit(sim: Simulation, begin: Any, along: Any, reach: float) -> list[Any] | None:
    scene = rays.scene_near(sim.world, float(begin[0]), float(begin[1]), reach)
    hits = rays.cast(sim.world, scene, begin, along[None], reach)
    target = int(hits.target[0])
    if target == rays.NOTHING:
        return None
    place = begin + along * hits.distance[0]
    if target == rays.GROUND:
        label = int(renderer_of(sim.world.town).texture.tags_at(place[None, :2])[0])
    else:
        label = int(scene.tags[target])
    return [place.tolist(), label]
