"""World snapshots: the actor records that clients get with every step."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from envs.standin import dynamics
from envs.standin.actors import ACTIVE, Actor
from envs.standin.compiled import compiled
from envs.standin.lights import GREEN
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
        """Lays the records out: vehicles in the fleet's order, lights, walkers, the rest."""
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
        fleet, block = world.fleet, self._vehicles
        records = self._records
        records["motion"][block] = _motion(fleet.data)
        # Controls in the fleet's order: throttle, steer, brake; hand brake, reverse, manual; gear.
        records["pedals"][block] = fleet.control[:3].T
        records["switches"][block] = fleet.control[3:6].T
        records["gear"][block] = dynamics.reported_gear(fleet)
        self._fill_light_flags(world)

    def _fill_light_flags(self, world: World) -> None:
        """Which light each vehicle faces; without one the protocol says green, not at a light."""
        records, block = self._records, self._vehicles
        facing = world.at_light
        if not len(world.lights) or len(facing) != len(world.fleet):
            return
        at = facing >= 0
        records["at_light"][block] = at
        records["light_state"][block] = np.where(at, world.lights.state[facing], GREEN)
        ids = np.array(world.lights.ids)
        records["light_id"][block] = np.where(at, ids[facing], 0)

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


@compiled
def _motion(f: NDArray[np.float64]) -> NDArray[np.float32]:
    """Location, rotation, velocity, angular velocity and acceleration of vehicles, (N, 15)."""
    motion = np.empty((f.shape[1], 15), np.float32)
    for i in range(f.shape[1]):
        row = motion[i]
        row[0], row[1], row[2] = f[dynamics.X, i], f[dynamics.Y, i], f[dynamics.Z, i]
        row[3], row[5] = f[dynamics.PITCH, i] * _DEGREES, f[dynamics.ROLL, i] * _DEGREES
        # Half a turn is +180, as in spawn points.
        row[4] = 180.0 - (180.0 - np.float32(f[dynamics.YAW, i] * _DEGREES)) % 360.0
        row[6], row[7], row[8] = f[dynamics.WX, i], f[dynamics.WY, i], f[dynamics.WZ, i]
        row[9] = f[dynamics.ROLL_RATE, i] * _DEGREES
        row[10] = f[dynamics.PITCH_RATE, i] * _DEGREES
        row[11] = f[dynamics.YAW_RATE, i] * _DEGREES
        row[12], row[13], row[14] = f[dynamics.AX, i], f[dynamics.AY, i], f[dynamics.AZ, i]
    return motion
