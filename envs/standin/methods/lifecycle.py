"""Calls about any actor: spawn, look up, move, destroy."""

from __future__ import annotations

import math
from typing import Any

from envs.standin import spawning
from envs.standin.actors import INVALID_BOX, Actor, Kind
from envs.standin.geometry import Pose, pose, vector, wire
from envs.standin.methods.registry import value, void
from envs.standin.simulation import Simulation

FASTEST = 200.0
STRONGEST = 1e8


@value("spawn_actor")
def spawn_actor(sim: Simulation, description: list[Any], transform: list[Any]) -> list[Any]:
    """A new actor in the world."""
    return spawning.spawn(sim.world, sim.hub, description, pose(transform)).wire()


@value("spawn_actor_with_parent")
def spawn_actor_with_parent(
    sim: Simulation,
    description: list[Any],
    transform: list[Any],
    parent: int,
    attachment: int = 0,
    socket_name: str = "",
) -> list[Any]:
    """A new actor fixed to another; both kinds of spring arm are rigid here.

    A client that starts the controller of a walker which no snapshot has shown it dies. Here calls
    are answered faster than asynchronous steps follow each other, so that a step is made at once.
    """
    actor = spawning.spawn(sim.world, sim.hub, description, pose(transform), int(parent))
    if actor.type_id == spawning.CONTROLLER and not sim.world.settings.synchronous:
        sim.tick()
    return actor.wire()


@value("destroy_actor")
def destroy_actor(sim: Simulation, actor_id: int) -> bool:
    """Tell whether there was such an actor to destroy."""
    return spawning.destroy(sim.world, actor_id)


@value("get_actors_by_id")
def get_actors_by_id(sim: Simulation, ids: list[int]) -> list[Any]:
    """Those of the actors that exist."""
    actors = sim.world.actors
    return [actors[actor_id].wire() for actor_id in ids if actor_id in actors]


@value("get_actor_bounding_box")
def get_actor_bounding_box(sim: Simulation, actor_id: int) -> list[Any]:
    """The box, or an empty one: a Traffic Manager asks for actors that are already gone."""
    actor = sim.world.actors.get(actor_id)
    return INVALID_BOX if actor is None else actor.bounding_box()


@void("set_actor_transform")
def set_actor_transform(sim: Simulation, actor_id: int, transform: list[Any]) -> None:
    """Teleports; an attached actor is moved relative to its parent."""
    move(sim, actor_id, pose(transform))


@void("set_actor_location")
def set_actor_location(sim: Simulation, actor_id: int, location: list[float]) -> None:
    """Teleports without turning."""
    actor = sim.world.actors.get(actor_id)
    if actor is not None:
        now = actor.relative if actor.parent else sim.world.pose_of(actor)
        move(sim, actor_id, (*vector(location), *now[3:]))


def move(sim: Simulation, actor_id: int, target: Pose) -> None:
    """Put an actor somewhere; unknown ids are ignored."""
    world = sim.world
    actor = world.actors.get(actor_id)
    if actor is None:
        return
    if actor.parent:
        actor.relative = target
    elif actor.kind is Kind.VEHICLE:
        world.fleet.set_pose(world.column(actor_id), target)
    elif actor.kind is Kind.WALKER:
        world.walkers.set_pose(actor_id, target)
    else:
        actor.pose = target
        if actor.type_id.startswith("static."):
            world.refresh_fixtures()


@void("set_actor_target_velocity")
def set_actor_target_velocity(sim: Simulation, actor_id: int, velocity: list[float]) -> None:
    """Give a vehicle a velocity in the world frame at once."""
    column = sim.world.fleet.columns.get(actor_id)
    if column is not None:
        sim.world.fleet.set_world_velocity(column, vector(velocity, FASTEST))


@void("set_actor_target_angular_velocity")
def set_actor_target_angular_velocity(sim: Simulation, actor_id: int, turn: list[float]) -> None:
    """Give a vehicle a turn rate (deg/s); only the part about the vertical counts."""
    column = sim.world.fleet.columns.get(actor_id)
    if column is not None:
        sim.world.fleet.yaw_rate[column] = math.radians(vector(turn, 3600.0)[2])


@void("enable_actor_constant_velocity")
def enable_actor_constant_velocity(sim: Simulation, actor_id: int, velocity: list[float]) -> None:
    """Hold a velocity, in the vehicle's own frame, against everything."""
    column = sim.world.fleet.columns.get(actor_id)
    if column is not None:
        fleet = sim.world.fleet
        fleet.hold[column] = 1.0
        x, y, z = vector(velocity, FASTEST)
        fleet.hold_x[column], fleet.hold_y[column], fleet.hold_z[column] = x, y, z


@void("disable_actor_constant_velocity")
def disable_actor_constant_velocity(sim: Simulation, actor_id: int) -> None:
    """Let the vehicle drive freely again."""
    column = sim.world.fleet.columns.get(actor_id)
    if column is not None:
        sim.world.fleet.hold[column] = 0.0


@void("add_actor_impulse", "add_actor_impulse_at_location")
def add_actor_impulse(
    sim: Simulation, actor_id: int, impulse: list[float], place: list[float] | None = None
) -> None:
    """Changes the velocity by impulse (N*s) over mass."""
    column = sim.world.fleet.columns.get(actor_id)
    if column is None:
        return
    fleet = sim.world.fleet
    x, y, z = vector(impulse, STRONGEST)
    mass = float(fleet.mass[column])
    velocity = (
        float(fleet.wx[column]) + x / mass,
        float(fleet.wy[column]) + y / mass,
        float(fleet.vz[column]) + z / mass,
    )
    fleet.set_world_velocity(column, velocity)
    if place is not None:
        px, py, _ = vector(place)
        arm = (px - float(fleet.x[column])) * y - (py - float(fleet.y[column])) * x
        fleet.yaw_rate[column] += arm / float(fleet.inertia[column])


@void("add_actor_force", "add_actor_force_at_location")
def add_actor_force(
    sim: Simulation, actor_id: int, force: list[float], place: list[float] | None = None
) -> None:
    """A force (N) that acts during the next step."""
    column = sim.world.fleet.columns.get(actor_id)
    if column is None:
        return
    fleet = sim.world.fleet
    x, y, z = vector(force, STRONGEST)
    fleet.force_x[column] += x
    fleet.force_y[column] += y
    fleet.force_z[column] += z
    if place is not None:
        px, py, _ = vector(place)
        arm = (px - float(fleet.x[column])) * y - (py - float(fleet.y[column])) * x
        fleet.torque[column] += arm


@void("add_actor_angular_impulse")
def add_actor_angular_impulse(sim: Simulation, actor_id: int, impulse: list[float]) -> None:
    """Changes the turn rate by angular impulse over inertia, about the vertical."""
    column = sim.world.fleet.columns.get(actor_id)
    if column is not None:
        fleet = sim.world.fleet
        fleet.yaw_rate[column] += vector(impulse, STRONGEST)[2] / float(fleet.inertia[column])


@void("add_actor_torque")
def add_actor_torque(sim: Simulation, actor_id: int, torque: list[float]) -> None:
    """A torque (N*m) about the vertical that acts during the next step."""
    column = sim.world.fleet.columns.get(actor_id)
    if column is not None:
        sim.world.fleet.torque[column] += vector(torque, STRONGEST)[2]


@void("set_actor_simulate_physics")
def set_actor_simulate_physics(sim: Simulation, actor_id: int, enabled: bool) -> None:
    """Switches an actor's motion on or off."""
    world = sim.world
    column = world.fleet.columns.get(actor_id)
    if column is not None:
        world.fleet.physics[column] = float(bool(enabled))
    elif actor_id in world.walkers.physics:
        world.walkers.physics[actor_id] = bool(enabled)
        children = (world.actors.get(child) for child in world.actors[actor_id].children)
        if enabled:
            world.walkers.release(actor_id)
        elif any(child is not None and child.type_id == spawning.CONTROLLER for child in children):
            world.walkers.led.add(actor_id)


@void("set_actor_collisions")
def set_actor_collisions(sim: Simulation, actor_id: int, enabled: bool) -> None:
    """Switches an actor's collisions on or off."""
    world = sim.world
    column = world.fleet.columns.get(actor_id)
    if column is not None:
        world.fleet.collides[column] = float(bool(enabled))
    elif actor_id in world.walkers.collides:
        world.walkers.collides[actor_id] = bool(enabled)


@void("set_actor_enable_gravity")
def set_actor_enable_gravity(sim: Simulation, actor_id: int, enabled: bool) -> None:
    """Switches gravity for a vehicle."""
    column = sim.world.fleet.columns.get(actor_id)
    if column is not None:
        sim.world.fleet.gravity[column] = float(bool(enabled))


@void("set_actor_dead")
def set_actor_dead(sim: Simulation, actor_id: int) -> None:
    """Let a walker lie down, as the client's navigation asks when a vehicle hit one that it led."""
    sim.world.walkers.fall_down(actor_id)


@void("set_actor_autopilot")
def accepted(sim: Simulation, actor_id: int, *rest: Any) -> None:
    """Accepted without effect: driving is the business of the client's Traffic Manager."""


def vehicle_of(sim: Simulation, actor_id: int, call: str) -> Actor:
    """The vehicle with this id. Raises KeyError with a text for the user."""
    actor = sim.world.actors.get(actor_id)
    if actor is None or actor.kind is not Kind.VEHICLE:
        raise KeyError(f"{call}: actor {actor_id} is not a vehicle")
    return actor


def placed(sim: Simulation, actor_id: int) -> list[list[float]]:
    """The wire form of an actor's pose; the origin for an unknown one."""
    actor = sim.world.actors.get(actor_id)
    return wire((0.0,) * 6 if actor is None else sim.world.pose_of(actor))
