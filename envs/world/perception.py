"""Turn one tick of the simulator into an `EgoState`: the only module that reads the world."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import carla
import numpy as np

from envs.config import TaskConfig
from envs.errors import SimulatorFault
from envs.task.ego_state import EgoState, Motion, move
from envs.task.expert import Car
from envs.task.foresight import Foresight
from envs.task.metrics import CollisionCounter, Hit
from envs.task.route import (
    LaneKey,
    Route,
    RoutePosition,
    locate,
    start_position,
    wrap_angle,
)
from envs.task.stop_lines import StopLine, next_line
from envs.task.surroundings import NOBODY, NearbyActors, gap_ahead

WRONG_WAY_ANGLE = math.radians(110.0)


@dataclasses.dataclass
class Perception:
    """The ego's history that one tick needs: where it was on its route and how it moved."""

    task: TaskConfig
    map: Any
    car: Car
    route: Route
    foresight: Foresight
    lines: tuple[StopLine, ...] = ()
    others: NearbyActors = dataclasses.field(default_factory=lambda: NOBODY)  # of the last tick
    position: RoutePosition = dataclasses.field(default_factory=start_position)
    motion: Motion = dataclasses.field(default_factory=Motion)
    last: EgoState = dataclasses.field(default_factory=EgoState)
    counter: CollisionCounter = dataclasses.field(default_factory=CollisionCounter)

    def update(
        self,
        snapshot: Any,
        vehicle: Any,
        others: NearbyActors,
        closed: frozenset[LaneKey],
        hits: list[tuple[int, str, float]],
        crossings: int,
    ) -> EgoState:
        """Return the `EgoState` of this tick; all history is updated first, so nothing is stale.

        closed: lanes whose light is not green.
        """
        self.others = others
        actor = snapshot.find(vehicle.id)
        if actor is None:
            raise SimulatorFault("the ego is gone from the world")
        transform, velocity = actor.get_transform(), actor.get_velocity()
        x, y = transform.location.x, transform.location.y
        yaw = math.radians(transform.rotation.yaw)
        if not all(map(math.isfinite, (x, y, yaw, velocity.x, velocity.y))):
            raise SimulatorFault("the simulator sent a position that is not a number")
        self.motion = move(self.motion, velocity.x, velocity.y, yaw, self.task.tick_seconds)
        before = self.position
        self.position = locate(self.route, before, x, y, yaw)
        ego = self._motion_on_route(x, y, yaw, before, velocity)
        ego = self._look(ego, transform, vehicle, others)
        ego = self._read_light(ego, closed)
        ego = self._foresee(ego, others, closed)
        kind = self._collision(hits, snapshot.elapsed_seconds, ego)
        self.last = dataclasses.replace(
            ego, collision=bool(kind), collision_kind=kind, lane_invasions=crossings
        )
        return self.last

    def _motion_on_route(
        self, x: float, y: float, yaw: float, before: RoutePosition, velocity: Any
    ) -> EgoState:
        direction = yaw - self.position.heading
        spacing = self.task.waypoint_spacing
        passed = int(self.position.progress // spacing) - int(before.progress // spacing)
        return EgoState(
            x=x,
            y=y,
            yaw=yaw,
            speed=self.motion.velocity[0],
            along=velocity.x * math.cos(direction) + velocity.y * math.sin(direction),
            jerk=self.motion.jerk,
            acceleration=self.motion.acceleration,
            yaw_rate=self.motion.yaw_rate,
            position=self.position,
            metres=self.position.progress - before.progress,
            waypoints=passed,
            remaining=self.route.length - self.position.progress,
        )

    def _look(self, ego: EgoState, transform: Any, vehicle: Any, others: NearbyActors) -> EgoState:
        pose, half = (ego.x, ego.y, ego.yaw), (self.car.half_length, self.car.half_width)
        gap, closing = gap_ahead(others, self.route, self.position, pose, ego.speed, half)
        lane = self.map.get_waypoint(transform.location, project_to_road=False)
        heading = abs(ego.position.heading)
        junction = lane is not None and lane.is_junction
        if lane is not None and not junction:
            heading = abs(wrap_angle(ego.yaw - math.radians(lane.transform.rotation.yaw)))
        light = vehicle.get_traffic_light_state() if vehicle.is_at_traffic_light() else None
        return dataclasses.replace(
            ego,
            gap=gap,
            closing=closing,
            off_road=lane is None,
            corner_off_road=lane is None or self._corner_outside(ego, transform.location.z),
            wrong_way=heading > WRONG_WAY_ANGLE,
            in_junction=junction,
            red_light=light == carla.TrafficLightState.Red,
            yellow_light=light == carla.TrafficLightState.Yellow,
        )

    def _read_light(self, ego: EgoState, closed: frozenset[LaneKey]) -> EgoState:
        bonnet = self.position.distance + self.car.half_length
        line = next_line(self.lines, bonnet)
        if line is None:
            return ego
        metres = max(line.metre - bonnet, 0.0)
        return dataclasses.replace(ego, light=metres, light_closed=line.lane in closed)

    def _foresee(self, ego: EgoState, others: NearbyActors, closed: frozenset[LaneKey]) -> EgoState:
        half = (self.car.half_length, self.car.half_width)
        lead = (ego.gap, ego.speed - ego.closing)
        foresee = self.foresight.update(
            others, self.position, ego.speed, half, lead, closed, self.task.tick_seconds
        )
        return dataclasses.replace(ego, foresee=foresee)

    def _corner_outside(self, ego: EgoState, z: float) -> bool:
        return any(
            self.map.get_waypoint(corner, project_to_road=False) is None
            for corner in _corners(ego, self.car, z)
        )

    def _collision(self, hits: list[tuple[int, str, float]], seconds: float, ego: EgoState) -> str:
        """Return the kind of what was newly hit by the ego's fault, or an empty text."""
        found = ""
        for other, blueprint, _ in hits:
            hit = Hit(other, kind_of(blueprint), seconds, ego.x, ego.y, self.last.speed)
            if self.counter.is_new(hit) and self.counter.at_fault(hit):
                found = found or hit.kind
        return found


def kind_of(blueprint: str) -> str:
    """Return pedestrian, vehicle or static, for the infraction coefficients."""
    if blueprint.startswith("walker."):
        return "pedestrian"
    return "vehicle" if blueprint.startswith("vehicle.") else "static"


def ran_red(before: EgoState, now: EgoState) -> bool:
    """Return whether the ego has just driven past a red light into a junction."""
    return before.red_light and not before.in_junction and now.in_junction and now.speed > 0.1


def _corners(ego: EgoState, car: Car, z: float) -> list[Any]:
    cos, sin = math.cos(ego.yaw), math.sin(ego.yaw)
    signs = np.array([(1, 1), (1, -1), (-1, 1), (-1, -1)])
    local = signs * (car.half_length, car.half_width)
    xs = ego.x + local[:, 0] * cos - local[:, 1] * sin
    ys = ego.y + local[:, 0] * sin + local[:, 1] * cos
    return [carla.Location(float(x), float(y), z) for x, y in zip(xs, ys, strict=True)]
