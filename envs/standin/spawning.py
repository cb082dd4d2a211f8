"""Bringing actors into the world and taking them out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from envs.standin.actors import Actor, Kind
from envs.standin.blueprints import library
from envs.standin.box_table import half_of
from envs.standin.boxes import Boxes, overlap
from envs.standin.collisions import vehicle_boxes
from envs.standin.geometry import Pose, compose
from envs.standin.rpc import RpcFailure
from envs.standin.streams import StreamHub
from envs.standin.vehicle_fit import model_of
from envs.standin.vehicle_table import BY_NAME
from envs.standin.wire import SENSOR_INDEX
from envs.standin.world import World

#: Sensors that the library lists, as the real server does, but that this one cannot feed.
UNSUPPORTED_SENSORS = frozenset(
    {
        "sensor.camera.normals",
        "sensor.camera.optical_flow",
        "sensor.camera.dvs",
        "sensor.camera.cosmos_visualization",
    }
)
MAX_ACTORS = 5000
CONTROLLER = "controller.ai.walker"

_BLOCKED = "Spawn failed because of collision at spawn position"
_TOUCH = 0.01
_VEHICLE_TAGS = {
    "truck": bytes([15]),
    "bus": bytes([16]),
    "motorcycle": bytes([18, 13]),
    "bicycle": bytes([19, 13]),
}


def spawn(
    world: World,
    hub: StreamHub,
    description: Any,
    pose: Pose,
    parent_id: int = 0,
    anywhere: bool = False,
) -> Actor:
    """Make an actor; with a parent, `pose` is relative to it; `anywhere`: also on occupied places.

    Raises RpcFailure.
    """
    _, type_id, attributes = description
    if type_id not in library():
        raise RpcFailure(f"blueprint '{type_id}' is not in the library of this server")
    if type_id in UNSUPPORTED_SENSORS:
        raise RpcFailure(f"spawn_actor: '{type_id}' is not supported by this server")
    if len(world.actors) >= MAX_ACTORS:
        raise RpcFailure(f"spawn_actor: this server holds at most {MAX_ACTORS} actors")
    if parent_id and parent_id not in world.actors:
        raise RpcFailure(f"spawn_actor: parent actor {parent_id} not found")
    values = {str(name): str(value) for name, _, value in attributes}
    listed = [[str(name), int(kind), str(value)] for name, kind, value in attributes]
    definition = int(description[0])
    if not 0 <= definition < 2**32:
        raise RpcFailure(
            f"spawn_actor: '{type_id}' has the id {description[0]}, not one of 32 bits"
        )
    actor = Actor(0, type_id, _kind(type_id), [definition, type_id, listed], values)
    _place(world, actor, pose, parent_id)
    _shape(actor)
    if not parent_id and not anywhere and _blocked(world, actor):
        raise RpcFailure(_BLOCKED)
    actor.id = world.identity.actor()
    _enter(world, hub, actor)
    return actor


def destroy(world: World, actor_id: int) -> bool:
    """Take an actor out; False when there is none, or it belongs to the town."""
    actor = world.actors.get(actor_id)
    if actor is None or actor.kind in (Kind.LIGHT, Kind.SIGN) or actor is world.spectator:
        return False
    pose = world.pose_of(actor)
    for child_id in actor.children:
        child = world.actors.get(child_id)
        if child is not None:
            child.pose, child.parent = compose(pose, child.relative), 0
    parent = world.actors.get(actor.parent)
    if parent is not None:
        if actor.type_id == CONTROLLER:
            world.walkers.release(parent.id)
        parent.children.remove(actor_id)
    del world.actors[actor_id]
    if actor in world.sensors:
        world.sensors.remove(actor)
    world.controllers.pop(actor_id, None)
    world.ackermann_settings.pop(actor_id, None)
    if actor.kind is Kind.VEHICLE:
        world.fleet.remove(world.column(actor_id))
        world.light_flags.pop(actor_id, None)
    elif actor.kind is Kind.WALKER:
        world.walkers.remove(actor_id)
    world.layout_changed = True
    if actor.type_id.startswith("static."):
        world.refresh_fixtures()
    return True


def _kind(type_id: str) -> Kind:
    if type_id.startswith("vehicle."):
        return Kind.VEHICLE
    if type_id.startswith("walker."):
        return Kind.WALKER
    return Kind.SENSOR if type_id.startswith("sensor.") else Kind.OTHER


def _place(world: World, actor: Actor, pose: Pose, parent_id: int) -> None:
    parent = world.actors.get(parent_id)
    if parent is None:
        actor.pose = pose
        return
    actor.parent, actor.relative = parent_id, pose
    actor.pose = compose(world.pose_of(parent), pose)


def _shape(actor: Actor) -> None:
    half = half_of(actor.type_id)
    actor.box_half = half
    if actor.kind is Kind.VEHICLE:
        actor.box_centre = (0.0, 0.0, half[2])
        actor.tags = _VEHICLE_TAGS.get(BY_NAME[actor.type_id].kind, bytes([14]))
    elif actor.kind is Kind.WALKER:
        actor.tags = bytes([12])
    elif actor.type_id.startswith("static.prop."):
        actor.box_centre = (0.0, 0.0, half[2])
        actor.tags = bytes([20])


def _blocked(world: World, actor: Actor) -> bool:
    if not any(actor.box_half):
        return False
    x, y, z, _, yaw, _ = actor.pose
    middle = z + actor.box_centre[2]
    half = actor.box_half
    if actor.kind is Kind.VEHICLE:
        model = model_of(actor.type_id)
        half = (model.half_length, model.half_width, model.half_height)
    mine = Boxes.rows(np.array([[x, y, middle, math.radians(yaw), *half]]))
    reach = float(mine.radius[0])
    near = world.grid.within(x, y, reach)
    others = Boxes.join(
        [
            vehicle_boxes(world.fleet),
            world.walkers.boxes(),
            world.fixtures,
            world.grid.boxes.take(near),
        ]
    )
    if not len(others):
        return False
    depth, _ = overlap(
        mine.table, np.zeros(len(others), np.int64), others.table, np.arange(len(others))
    )
    return bool((depth > _TOUCH).any())


def _enter(world: World, hub: StreamHub, actor: Actor) -> None:
    if actor.kind is Kind.VEHICLE:
        world.fleet.add(actor.id, model_of(actor.type_id))
        world.fleet.set_pose(world.column(actor.id), actor.pose)
        world.light_flags[actor.id] = 0
    elif actor.kind is Kind.WALKER:
        world.walkers.add(actor.id, actor.pose, actor.box_half)
    elif actor.type_id in SENSOR_INDEX:
        actor.stream = hub.new_stream()
        actor.token = hub.token(actor.stream)
        world.sensors.append(actor)
    world.actors[actor.id] = actor
    parent = world.actors.get(actor.parent)
    if parent is not None:
        parent.children.append(actor.id)
    world.layout_changed = True
    if actor.type_id.startswith("static."):
        world.refresh_fixtures()
