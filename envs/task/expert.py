"""A driver that knows the map: pure pursuit and PID on the route, keeping distance.

It shows that the task can be done, and gives evaluation an upper reference. It reads the same
`EgoState` as the reward, plus the positions of the others; never the picture.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from envs.task.ego_state import EgoState
from envs.task.route import Route, to_vehicle_frame
from envs.task.surroundings import NearbyActors, conflict, within


@dataclasses.dataclass(frozen=True)
class Car:
    """The ego's geometry for steering: metres, and the radians of a steering action of 1."""

    wheelbase: float = 2.9
    most_steering: float = math.radians(70.0)
    half_length: float = 2.4
    half_width: float = 1.1


@dataclasses.dataclass(frozen=True)
class ExpertConfig:
    """Comfort and caution of the expert; accelerations in m/s^2, distances in m, times in s."""

    least_look: float = 3.5
    most_look: float = 12.0
    look_seconds: float = 0.55
    lateral_acceleration: float = 2.2
    slowing: float = 2.5
    standing_gap: float = 4.0
    preview: float = 40.0
    horizon: float = 4.0
    proportional: float = 0.45
    integral: float = 0.08
    least_turn_speed: float = 2.5


class Expert:
    """The driver of one episode: `act` is called once per step."""

    def __init__(self, car: Car, target_speed: float, config: ExpertConfig | None = None) -> None:
        self.car = car
        self.target_speed = target_speed
        self.config = config or ExpertConfig()
        self._sum = 0.0

    def act(self, ego: EgoState, route: Route, others: NearbyActors, seconds: float) -> np.ndarray:
        """Return float32 (2,): steering (positive right) and throttle (brake if negative)."""
        steering = self.steer(ego, route)
        wanted = self.wanted_speed(ego, route, others)
        error = wanted - ego.speed
        self._sum = max(-3.0, min(self._sum + error * seconds, 6.0)) if wanted > 0.5 else 0.0
        pedal = self.config.proportional * error + self.config.integral * self._sum
        if wanted < 0.3 and ego.speed < 1.0:
            pedal = -1.0
        return np.clip(np.array([steering, pedal], np.float32), -1.0, 1.0)

    def steer(self, ego: EgoState, route: Route) -> float:
        """Steer by pure pursuit: the arc from the rear axle to a point of the route ahead."""
        limits = self.config
        look = limits.look_seconds * abs(ego.speed)
        look = max(limits.least_look, min(look, limits.most_look))
        target = route.at(ego.position.distance + look)[None]
        ahead, right = to_vehicle_frame(target, ego.x, ego.y, ego.yaw)[0]
        ahead = ahead + 0.5 * self.car.wheelbase
        square = max(ahead * ahead + right * right, 1e-6)
        angle = math.atan(2.0 * self.car.wheelbase * right / square)
        return max(-1.0, min(angle / self.car.most_steering, 1.0))

    def wanted_speed(self, ego: EgoState, route: Route, others: NearbyActors) -> float:
        """Return the speed that limit, bends, the car ahead, red lights and crossings allow."""
        limits = self.config
        speed = min(self.target_speed, self._bends(ego, route))
        if math.isfinite(ego.gap):
            theirs = max(ego.speed - ego.closing, 0.0)
            free = max(ego.gap - limits.standing_gap, 0.0)
            speed = min(speed, math.sqrt(theirs**2 * 0.9 + 2.0 * limits.slowing * free))
        if ego.red_light and not ego.in_junction:
            return 0.0
        return min(speed, self._crossings(ego, route, others))

    def _bends(self, ego: EgoState, route: Route) -> float:
        limits = self.config
        metres = np.arange(0.0, limits.preview, 2.0)
        yaws = np.interp(ego.position.distance + metres, route.distances, route.yaws)
        bend = np.abs(np.gradient(yaws, 2.0))
        allowed = np.sqrt(limits.lateral_acceleration / np.maximum(bend, 1e-4))
        allowed = np.maximum(allowed, limits.least_turn_speed)
        reach = np.sqrt(allowed**2 + 2.0 * limits.slowing * metres)
        return float(reach.min())

    def _crossings(self, ego: EgoState, route: Route, others: NearbyActors) -> float:
        near = within(others, ego.x, ego.y, 45.0)
        half = (self.car.half_length, self.car.half_width)
        metres = conflict(near, route, ego.position, ego.speed, half, self.config.horizon)
        if not math.isfinite(metres):
            return math.inf
        return math.sqrt(2.0 * self.config.slowing * max(metres - 1.0, 0.0))
