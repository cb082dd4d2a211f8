"""World snapshots: the actor records that clients get with every step."""

from __future__ import annotations

import time

import numpy as np
from numba import f8, i8, u1
from numpy.typing import NDArray

from envs.standin import dynamics
from envs.standin.actors import ACTIVE, Actor, Kind
from envs.standin.compiled import called_with, compiled
from envs.standin.lights import GREEN, RED
from envs.standin.wire import (
    ACTOR_RECORD,
    MAP_CHANGED,
    SENSOR_HEADER,
    SNAPSHOT_HEADER,
    WORLD_INDEX,
)
from envs.standin.world import World

_DEGREES = 180.0 / np.pi


class Snapshots:
    """Builds snapshots; keeps the records between steps, in blocks by kind of actor."""

    def __init__(self) -> None:
        self._records: NDArray[np.void] = np.zeros(0, ACTOR_RECORD)
        self._bytes: NDArray[np.uint8] = np.zeros((0, ACTOR_RECORD.itemsize), np.uint8)
        self._light_ids = np.zeros(0, np.int64)
        self._vehicles = slice(0)
        self._lights = slice(0)
        self._walkers = slice(0)
        self._rest = slice(0)
        self._rest_actors: list[Actor] = []
        self._world: World | None = None

    def message(self, world: World) -> list[bytes]:
        """The snapshot of the last step as buffers to be sent one after the other."""
        if world.layout_changed or world is not self._world:
            self._arrange(world)
        self._fill(world)
        flags = MAP_CHANGED if world.frame <= world.map_changed_until else 0
        header = SENSOR_HEADER.pack(
            WORLD_INDEX, world.frame, world.elapsed, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        )
        detail = SNAPSHOT_HEADER.pack(world.episode, time.time(), world.delta, 0, 0, 0, flags)
        return [header + detail, self._records.tobytes()]

    def _arrange(self, world: World) -> None:
        """Lay the records out: vehicles in the fleet's order, lights, walkers, the rest."""
        ids = [*world.fleet.ids, *world.lights.ids, *world.walkers.ids]
        counts = (len(world.fleet), len(world.lights), len(world.walkers))
        placed = set(ids)
        self._rest_actors = [a for a in world.actors.values() if a.id not in placed]
        ids += [actor.id for actor in self._rest_actors]
        records = np.zeros(len(ids), ACTOR_RECORD)
        records["id"] = ids
        records["state"] = ACTIVE
        ends = np.cumsum(counts).tolist()
        self._vehicles = slice(0, ends[0])
        self._lights = slice(ends[0], ends[1])
        self._walkers = slice(ends[1], ends[2])
        self._rest = slice(ends[2], len(ids))
        self._records = records
        self._bytes = records.view(np.uint8).reshape(len(ids), -1)
        self._light_ids = np.array(world.lights.ids, np.int64)
        self._fixed_parts(world)
        self._world = world
        world.layout_changed = False

    def _fixed_parts(self, world: World) -> None:
        lights = self._records[self._lights]
        for record, signal in zip(lights, world.lights.signals, strict=True):
            record["sign"] = str(signal.id).encode()[:31]
            record["pole"] = 0
        if len(lights):
            lights["pose"] = [world.actors[actor_id].pose for actor_id in world.lights.ids]
        for row, actor in enumerate(self._rest_actors, self._rest.start):
            if actor.kind is Kind.SIGN:
                self._records["sign"][row] = str(actor.state).encode()[:31]
        vehicles = self._records[self._vehicles]
        vehicles["speed_limit"] = world.town.speed_limit_kmh
        vehicles["light_state"] = GREEN

    def _fill(self, world: World) -> None:
        if len(world.fleet):
            self._fill_vehicles(world)
        if len(world.lights):
            self._fill_lights(world)
        if len(world.walkers):
            self._fill_walkers(world)
        if self._rest_actors:
            poses = [world.pose_of(actor) for actor in self._rest_actors]
            self._records["pose"][self._rest] = poses
            for row, actor in enumerate(self._rest_actors, self._rest.start):
                if actor.parent in world.fleet.columns:
                    column = world.fleet.columns[actor.parent]
                    self._records["motion"][row, 6:15] = self._records["motion"][column, 6:15]

    def _fill_vehicles(self, world: World) -> None:
        fleet, lights = world.fleet, world.lights
        rows = self._bytes[self._vehicles]
        _write_vehicles(fleet.data, dynamics.reported_gear(fleet), rows)
        if len(world.at_light) == len(fleet):
            _write_lights(world.at_light, lights.state, self._light_ids, world.told_to_wait, rows)

    def _fill_lights(self, world: World) -> None:
        lights, block = world.lights, self._lights
        self._records["durations"][block] = lights.durations
        self._records["elapsed"][block] = lights.elapsed
        self._records["frozen"][block] = lights.frozen
        self._records["light"][block] = lights.state

    def _fill_walkers(self, world: World) -> None:
        walkers, block = world.walkers, self._walkers
        motion = np.zeros((15, len(walkers)), np.float32)
        motion[0:3] = walkers.data[0:3]
        motion[4] = walkers.data[3] * _DEGREES
        motion[6:9], motion[12:15] = walkers.velocity, walkers.acceleration
        self._records["motion"][block] = motion.T
        self._records["walk"][block] = walkers.data[4:8].T
        self._records["jump"][block] = walkers.data[8]


def _offset(name: str) -> int:
    assert ACTOR_RECORD.fields is not None
    return ACTOR_RECORD.fields[name][1]


_MOTION, _SWITCHES, _GEAR = _offset("motion"), _offset("switches"), _offset("gear")
_LIGHT_STATE, _AT_LIGHT, _LIGHT_ID = (
    _offset("light_state"),
    _offset("at_light"),
    _offset("light_id"),
)


@called_with(f8[:, ::1], f8[::1], u1[:, ::1])
@compiled
def _write_vehicles(
    f: NDArray[np.float64], gears: NDArray[np.float64], out: NDArray[np.uint8]
) -> None:
    """Location, rotation, velocity, angular velocity, acceleration, and controls of vehicles."""
    row, gear = np.empty(18, np.float32), np.empty(1, np.int32)
    for i in range(f.shape[1]):
        row[0], row[1], row[2] = f[dynamics.X, i], f[dynamics.Y, i], f[dynamics.Z, i]
        row[3], row[5] = f[dynamics.PITCH, i] * _DEGREES, f[dynamics.ROLL, i] * _DEGREES
        # Half a turn is +180, as in spawn points.
        row[4] = 180.0 - (180.0 - np.float32(f[dynamics.YAW, i] * _DEGREES)) % 360.0
        row[6], row[7], row[8] = f[dynamics.WX, i], f[dynamics.WY, i], f[dynamics.WZ, i]
        row[9] = f[dynamics.ROLL_RATE, i] * _DEGREES
        row[10] = f[dynamics.PITCH_RATE, i] * _DEGREES
        row[11] = f[dynamics.YAW_RATE, i] * _DEGREES
        row[12], row[13], row[14] = f[dynamics.AX, i], f[dynamics.AY, i], f[dynamics.AZ, i]
        # The pedals lie right behind the motion.
        row[15], row[16] = f[dynamics.THROTTLE, i], f[dynamics.STEER, i]
        row[17] = f[dynamics.BRAKE, i]
        _copy(row.view(np.uint8), out[i, _MOTION:])
        out[i, _SWITCHES] = f[dynamics.HAND_BRAKE, i]
        out[i, _SWITCHES + 1] = f[dynamics.REVERSE, i]
        out[i, _SWITCHES + 2] = f[dynamics.MANUAL, i]
        gear[0] = gears[i]
        _copy(gear.view(np.uint8), out[i, _GEAR:])


@called_with(i8[::1], u1[::1], i8[::1], i8[::1], u1[:, ::1])
@compiled
def _write_lights(
    facing: NDArray[np.int64],
    state: NDArray[np.uint8],
    ids: NDArray[np.int64],
    told_to_wait: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> None:
    """Which light each vehicle faces; without one the protocol says green, or red where a sign
    tells it to wait, and not at a light."""
    number = np.empty(1, np.uint32)
    for i in range(len(facing)):
        at = facing[i] >= 0
        out[i, _AT_LIGHT] = at
        out[i, _LIGHT_STATE] = state[facing[i]] if at else (RED if told_to_wait[i] else GREEN)
        number[0] = ids[facing[i]] if at else 0
        _copy(number.view(np.uint8), out[i, _LIGHT_ID:])


@compiled
def _copy(data: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    for i in range(len(data)):
        out[i] = data[i]
