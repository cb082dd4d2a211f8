"""Calls about bones, components and sockets of actors: each actor is one rigid piece here."""

from __future__ import annotations

from typing import Any

from envs.standin.geometry import ORIGIN, wire
from envs.standin.methods.lifecycle import placed
from envs.standin.methods.registry import value, void
from envs.standin.simulation import Simulation

_ROOT = "root"


@value("get_actor_component_names", "get_actor_bone_names", "get_actor_socket_names")
def names(sim: Simulation, actor_id: int) -> list[str]:
    """Every actor has one piece, its root."""
    return [_ROOT] if actor_id in sim.world.actors else []


@value("get_actor_component_world_transform")
def component_world(sim: Simulation, actor_id: int, name: str) -> list[Any]:
    """Return the piece's transform."""
    return placed(sim, actor_id)


@value("get_actor_component_relative_transform")
def component_relative(sim: Simulation, actor_id: int, name: str) -> list[Any]:
    """The piece is at the actor's origin."""
    return wire(ORIGIN)


@value(
    "get_actor_bone_world_transforms",
    "get_vehicle_bone_world_transforms",
    "get_actor_socket_world_transforms",
)
def world_transforms(sim: Simulation, actor_id: int) -> list[Any]:
    """Return the pieces' transforms."""
    return [placed(sim, actor_id)] if actor_id in sim.world.actors else []


@value("get_actor_bone_relative_transforms", "get_actor_socket_relative_transforms")
def relative_transforms(sim: Simulation, actor_id: int) -> list[Any]:
    """The pieces are at the actor's origin."""
    return [wire(ORIGIN)] if actor_id in sim.world.actors else []


@value("get_bones_transform")
def get_bones_transform(sim: Simulation, actor_id: int) -> list[Any]:
    """One bone: the walker itself."""
    world = placed(sim, actor_id)
    return [[[_ROOT, world, wire(ORIGIN), wire(ORIGIN)]]]


@void("set_bones_transform", "blend_pose", "get_pose_from_animation")
def pose(sim: Simulation, actor_id: int, *rest: Any) -> None:
    """Accepted without effect: walkers have no skeleton."""
