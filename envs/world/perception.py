"""Turns one tick of the simulator into a `Drive`: the only place that reads the world."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import carla
import numpy as np

from envs.config import TaskConfig
from envs.errors import SimulatorFault
from envs.task.drive import Drive, Motion, move
from envs.task.expert import Car
from envs.task.metrics import CollisionCounter, Hit
from envs.task.route import Place, Route, locate, start_place, wrap_angle
from envs.task.surroundings import Others, gap_ahead

WRONG_WAY_ANGLE = math.radians(110.0)
RED = (carla.TrafficLightState.Red, carla.TrafficLightState.Yellow)


@dataclasses.dataclass
class Senses:
    """The ego's history that one tick needs: where it was on its route and how it moved."""

    task: TaskConfig
    map: Any
    car: Car
    route: Route
    place: Place = dataclasses.field(default_factory=start_place)
    motion: Motion = dataclasses.field(default_factory=Motion)
    last: Drive = dataclasses.field(default_factory=Drive)
    counter: CollisionCounter = dataclasses.field(default_factory=CollisionCounter)

    def feel(
        self,
        snapshot: Any,
        vehicle: Any,
        others: Others,
        hits: list[tuple[int, str, float]],
        crossings: int,
    ) -> Drive:
        """The tick's `Drive`; the state is brought up to date first, so nothing in it is stale."""
        actor = snapshot.find(vehicle.id)
        if actor is None:
            raise SimulatorFault("the ego is gone from the world")
        transform, velocity = actor.get_transform(), actor.get_velocity()
        x, y = transform.location.x, transform.location.y
        yaw = math.radians(transform.rotation.yaw)
        if not all(map(math.isfinite, (x, y, yaw, velocity.x, velocity.y))):
            raise SimulatorFault("the simulator sent a position that is not a number")
        self.motion = move(self.motion, velocity.x, velocity.y, yaw, self.task.tick_seconds)
        before = self.place
        self.place = locate(self.route, before, x, y, yaw)
        drive = self._drive(x, y, yaw, before, velocity)
        drive = self._look(drive, transform, vehicle, others)
        kind = self._collision(hits, snapshot.elapsed_seconds, drive)
        self.last = dataclasses.replace(
            drive, collision=bool(kind), collision_kind=kind, lane_invasions=crossings
        )
        return self.last

    def _drive(self, x: float, y: float, yaw: float, before: Place, velocity: Any) -> Drive:
        direction = yaw - self.place.heading
        spacing = self.task.waypoint_spacing
        passed = int(self.place.progress // spacing) - int(before.progress // spacing)
        return Drive(
            x=x,
            y=y,
            yaw=yaw,
            speed=self.motion.velocity[0],
            along=velocity.x * math.cos(direction) + velocity.y * math.sin(direction),
            jerk=self.motion.jerk,
            acceleration=self.motion.acceleration,
            yaw_rate=self.motion.yaw_rate,
            place=self.place,
            metres=self.place.progress - before.progress,
            waypoints=passed,
            remaining=self.route.length - self.place.progress,
        )

    def _look(self, drive: Drive, transform: Any, vehicle: Any, others: Others) -> Drive:
        pose, half = (drive.x, drive.y, drive.yaw), (self.car.half_length, self.car.half_width)
        gap, closing = gap_ahead(others, self.route, self.place, pose, drive.speed, half)
        lane = self.map.get_waypoint(transform.location, project_to_road=False)
        heading = abs(drive.place.heading)
        junction = lane is not None and lane.is_junction
        if lane is not None and not junction:
            heading = abs(wrap_angle(drive.yaw - math.radians(lane.transform.rotation.yaw)))
        red = vehicle.is_at_traffic_light() and vehicle.get_traffic_light_state() in RED
        return dataclasses.replace(
            drive,
            gap=gap,
            closing=closing,
            off_road=lane is None,
            corner_off_road=lane is None or self._corner_outside(drive, transform.location.z),
            wrong_way=heading > WRONG_WAY_ANGLE,
            in_junction=junction,
            red_light=red,
        )

    def _corner_outside(self, drive: Drive, z: float) -> bool:
        return any(
            self.map.get_waypoint(corner, project_to_road=False) is None
            for corner in _corners(drive, self.car, z)
        )

    def _collision(self, hits: list[tuple[int, str, float]], seconds: float, drive: Drive) -> str:
        """What was newly hit by the ego's fault, or an empty text."""
        found = ""
        for other, blueprint, _ in hits:
            hit = Hit(other, kind_of(blueprint), seconds, drive.x, drive.y, self.last.speed)
            if self.counter.is_new(hit) and self.counter.at_fault(hit):
                found = found or hit.kind
        return found


def kind_of(blueprint: str) -> str:
    """pedestrian, vehicle or static, for the infraction coefficients."""
    if blueprint.startswith("walker."):
        return "pedestrian"
    return "vehicle" if blueprint.startswith("vehicle.") else "static"


def ran_red(before: Drive, now: Drive) -> bool:
    """Whether the ego has just driven past a red light into a junction."""
    return before.red_light and not before.in_junction and now.in_junction and now.speed > 0.1


def _corners(drive: Drive, car: Car, z: float) -> list[Any]:
    cos, sin = math.cos(drive.yaw), math.sin(drive.yaw)
    signs = np.array([(1, 1), (1, -1), (-1, 1), (-1, -1)])
    local = signs * (car.half_length, car.half_width)
    xs = drive.x + local[:, 0] * cos - local[:, 1] * sin
    ys = drive.y + local[:, 0] * sin + local[:, 1] * cos
    return [carla.Location(float(x), float(y), z) for x, y in zip(xs, ys, strict=True)]
