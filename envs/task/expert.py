"""A driver that knows the map: pure pursuit and PID on the route, keeping distance.

It shows that the task can be done, and gives evaluation an upper reference. It reads the same
`EgoState` as the reward; never the picture.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from envs.task.allowed import allowed_speed
from envs.task.ego_state import EgoState
from envs.task.foresight import Crossing
from envs.task.route import Route, to_vehicle_frame


@dataclasses.dataclass(frozen=True)
class Car:
    """The ego's geometry for steering: metres, and the radians of a steering action of 1."""

    wheelbase: float = 2.9
    most_steering: float = math.radians(70.0)
    half_length: float = 2.4
    half_width: float = 1.1


@dataclasses.dataclass(frozen=True)
class ExpertConfig:
    """How the expert steers and uses its pedals; distances in m, times in s."""

    least_look: float = 3.5
    most_look: float = 12.0
    look_seconds: float = 0.55
    proportional: float = 0.45
    integral: float = 0.08


# What a driver does in a state, for batches that have enough of each.
ORDINARY, BRAKES, STARTS, LIGHT = 0, 1, 2, 3
MOVING = 1.0  # m/s
LIGHT_METRES = 25.0  # before a stop line, red or green
#: Pedal of a label that stands. At -1 the pupil's tanh saturates, and nothing makes it start again.
STANDING_LABEL = -0.1


@dataclasses.dataclass(frozen=True)
class Decision:
    """An action, float32 (2,), of an ego at `speed` m/s; stands: whether it only keeps the car
    from rolling; near_light: whether a light is just ahead."""

    action: np.ndarray
    speed: float
    stands: bool
    near_light: bool = False

    @property
    def label(self) -> np.ndarray:
        """The action for a pupil to learn, float32 (2,): where it stands, with `STANDING_LABEL`."""
        pedal = STANDING_LABEL if self.stands else self.action[1]
        return np.array([self.action[0], pedal], np.float32)

    @property
    def stratum(self) -> int:
        """`STARTS` from standing; while moving `LIGHT`, with one ahead, or `BRAKES`; or
        `ORDINARY`."""
        if abs(self.speed) < MOVING:
            return STARTS if self.action[1] > 0.0 else ORDINARY
        if self.near_light:
            return LIGHT
        return BRAKES if self.action[1] < 0.0 else ORDINARY


class Expert:
    """The driver of one episode: `decide` or `act` is called once per step."""

    def __init__(self, car: Car, target_speed: float, config: ExpertConfig | None = None) -> None:
        self.car = car
        self.target_speed = target_speed
        self.config = config or ExpertConfig()
        self._sum = 0.0

    def act(self, ego: EgoState, route: Route, seconds: float) -> np.ndarray:
        """Return float32 (2,): steering (positive right) and throttle (brake if negative)."""
        return self.decide(ego, route, seconds).action

    def decide(self, ego: EgoState, route: Route, seconds: float) -> Decision:
        """Return what to do for the next `seconds`."""
        steering = self.steer(ego, route)
        wanted = self.wanted_speed(ego, route)
        error = wanted - ego.speed
        self._sum = max(-3.0, min(self._sum + error * seconds, 6.0)) if wanted > 0.5 else 0.0
        pedal = self.config.proportional * error + self.config.integral * self._sum
        stands = wanted < 0.3 and ego.speed < 1.0
        pair = np.array([steering, -1.0 if stands else pedal], np.float32)
        near_light = ego.light < LIGHT_METRES and not ego.in_junction
        return Decision(np.clip(pair, -1.0, 1.0), ego.speed, stands, near_light)

    def act_blind(self, ego: EgoState, route: Route, seconds: float) -> np.ndarray:
        """Return the action of a driver who knows the route alone: no traffic and no lights."""
        alone = dataclasses.replace(
            ego,
            gap=math.inf,
            closing=0.0,
            foresee=Crossing,
            red_light=False,
            yellow_light=False,
            light=math.inf,
            light_closed=False,
        )
        return self.act(alone, route, seconds)

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

    def wanted_speed(self, ego: EgoState, route: Route) -> float:
        """Return the speed that limit, bends, the car ahead, lights and crossings allow."""
        return allowed_speed(ego, route, self.target_speed)
