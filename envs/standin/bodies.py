"""The moving things of the world as the renderer wants them: one box each."""

from __future__ import annotations

import numpy as np
from numba import f8
from numpy.typing import NDArray

from envs.standin.actors import Actor, Kind
from envs.standin.compiled import called_with, compiled
from envs.standin.fleet import POSE, ROW
from envs.standin.picture import BIKE, BOX, CAR, PROP, SIGNAL, TRUCK, WALKER
from envs.standin.picture.types import BOXES
from envs.standin.vehicle_table import BY_NAME
from envs.standin.world import World

_STYLES = {"truck": TRUCK, "bus": TRUCK, "van": TRUCK, "motorcycle": BIKE, "bicycle": BIKE}
_LANTERN = (0.2, 0.2, 0.5)
_PROP_COLOUR = (214, 96, 30)
_CLOTHES = ((60, 80, 140), (150, 60, 60), (70, 110, 70), (90, 90, 95), (170, 140, 60))
_DEGREES = 180.0 / np.pi
_X, _Y, _Z, _PITCH, _YAW, _ROLL = (ROW[name] for name in POSE)
_HALF_HEIGHT, _BRAKE, _REVERSE = ROW["half_height"], ROW["brake"], ROW["reverse"]


class Bodies:
    """Keeps the boxes between steps; what does not move is filled in when the actors change."""

    def __init__(self) -> None:
        self._boxes: NDArray[np.void] = np.zeros(0, BOX)
        self._key: tuple[object, ...] = ()
        self._frame = -1

    def of(self, world: World) -> NDArray[np.void]:
        """All boxes, dtype BOX: vehicles in the fleet's order, walkers, props, lights."""
        key = (world.episode, *world.fleet.ids, -1, *world.walkers.ids, -1, *world.fixture_ids)
        if key != self._key:
            self._key, self._frame = key, -1
            self._boxes = _unmoved(world)
        if world.frame != self._frame:
            self._frame = world.frame
            self._move(world)
        return self._boxes

    def _move(self, world: World) -> None:
        boxes, fleet, walkers = self._boxes, world.fleet, world.walkers
        count = len(fleet)
        _move_cars(fleet.data, boxes)
        for actor_id, flags in world.light_flags.items():
            if actor_id in fleet.columns:
                boxes["lights"][fleet.columns[actor_id]] |= flags
        if len(walkers):
            people = boxes[count : count + len(walkers)]
            people["x"], people["y"], people["z"] = walkers.data[:3]
            people["yaw"] = walkers.data[3] * _DEGREES
        if len(world.lights):
            boxes["lights"][len(boxes) - len(world.lights) :] = world.lights.state


@called_with(f8[:, ::1], BOXES)
@compiled
def _move_cars(f: NDArray[np.float64], boxes: NDArray[np.void]) -> None:
    """Places of vehicles, and the lights that come on by themselves."""
    for i in range(f.shape[1]):
        box = boxes[i]
        box.x, box.y, box.z = f[_X, i], f[_Y, i], f[_Z, i] + f[_HALF_HEIGHT, i]
        box.pitch, box.yaw = f[_PITCH, i] * _DEGREES, f[_YAW, i] * _DEGREES
        box.roll = f[_ROLL, i] * _DEGREES
        brake, reverse = f[_BRAKE, i] > 0.05, f[_REVERSE, i] > 0.0
        box.lights = (8 if brake else 0) + (64 if reverse else 0)


def _unmoved(world: World) -> NDArray[np.void]:
    """Fresh boxes with everything but the places of what moves."""
    actors = [
        *(world.actors[actor_id] for actor_id in world.fleet.ids),
        *(world.actors[actor_id] for actor_id in world.walkers.ids),
        *(world.actors[actor_id] for actor_id in world.fixture_ids),
        *(world.actors[actor_id] for actor_id in world.lights.ids),
    ]
    boxes = np.zeros(len(actors), BOX)
    for row, actor in enumerate(actors):
        box = boxes[row]
        box["id"], box["tag"] = actor.id, actor.tags[0] if actor.tags else 0
        box["style"] = _style(actor)
        lantern = actor.kind is Kind.LIGHT
        box["half_x"], box["half_y"], box["half_z"] = _LANTERN if lantern else actor.box_half
        box["r"], box["g"], box["b"] = _colour(actor)
        x, y, z, pitch, yaw, roll = world.pose_of(actor)
        lift = actor.box_centre[2] if actor.kind is Kind.OTHER else 0.0
        box["x"], box["y"], box["z"] = x, y, z + lift
        box["pitch"], box["yaw"], box["roll"] = pitch, yaw, roll
    return boxes


def _style(actor: Actor) -> int:
    if actor.kind is Kind.VEHICLE:
        return _STYLES.get(BY_NAME[actor.type_id].kind, CAR)
    return {Kind.WALKER: WALKER, Kind.LIGHT: SIGNAL}.get(actor.kind, PROP)


def _colour(actor: Actor) -> tuple[int, int, int]:
    if actor.kind is Kind.WALKER:
        return _CLOTHES[actor.id % len(_CLOTHES)]
    try:
        red, green, blue = (int(part) & 255 for part in actor.attributes["color"].split(","))
    except (KeyError, ValueError):
        return _PROP_COLOUR
    return red, green, blue
