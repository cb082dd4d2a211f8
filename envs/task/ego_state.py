"""The ego's state after one tick: the only input of reward, termination, metrics and expert."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

from envs.task.foresight import Crossing
from envs.task.route import RoutePosition, start_position, wrap_angle

QUEUE_GAP = 8.0  # m; standing behind another actor this near is waiting, not being stuck
LIGHT_GAP = 15.0  # m; and so is standing this near to the stop line of a closed light
SMOOTHING = 0.15  # s, time constant of the acceleration filter that jerk is taken from


@dataclasses.dataclass(frozen=True)
class EgoState:
    """One tick of the ego; metres, seconds, radians; plain Python numbers.

    speed: along the ego's own axis, negative backwards; along: along the route. jerk: pair of
    longitudinal and lateral m/s^3. metres, waypoints: new progress in this tick. gap: free
    metres to the nearest actor in the ego's path; closing: how fast that shrinks; infinity and
    zero when free. light: metres from the bonnet to the next stop line of the route, infinity
    without one; light_closed: whether its light is not green. foresee: tells what crossing traffic
    allows; read `crossing`, which asks it once. collision: the ego's fault; lane_invasions:
    crossings in this tick.
    """

    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0
    speed: float = 0.0
    along: float = 0.0
    jerk: tuple[float, float] = (0.0, 0.0)
    acceleration: tuple[float, float] = (0.0, 0.0)
    yaw_rate: float = 0.0
    position: RoutePosition = dataclasses.field(default_factory=start_position)
    metres: float = 0.0
    waypoints: int = 0
    remaining: float = math.inf
    collision: bool = False
    collision_kind: str = ""
    lane_invasions: int = 0
    off_road: bool = False
    corner_off_road: bool = False
    wrong_way: bool = False
    in_junction: bool = False
    red_light: bool = False
    yellow_light: bool = False
    gap: float = math.inf
    closing: float = 0.0
    light: float = math.inf
    light_closed: bool = False
    foresee: Callable[[], Crossing] = dataclasses.field(default=Crossing, compare=False, repr=False)

    @functools.cached_property
    def crossing(self) -> Crossing:
        """What crossing traffic allows; a millisecond's work, done when first read."""
        return self.foresee()

    @property
    def stop_light(self) -> bool:
        """True in the zone before a red or yellow light."""
        return self.red_light or self.yellow_light

    @property
    def waits(self) -> bool:
        """True where there is a reason to stand: a stop light, or another actor just ahead."""
        held = self.light_closed and self.light < LIGHT_GAP
        return self.stop_light or held or self.gap < QUEUE_GAP


@dataclasses.dataclass(frozen=True)
class Motion:
    """Filtered motion in the ego's frame: velocity m/s, acceleration m/s^2, jerk m/s^3; (ahead,
    right) each; yaw in rad and its rate in rad/s."""

    velocity: tuple[float, float] = (0.0, 0.0)
    acceleration: tuple[float, float] = (0.0, 0.0)
    jerk: tuple[float, float] = (0.0, 0.0)
    yaw: float = 0.0
    yaw_rate: float = 0.0
    ticks: int = 0


def move(last: Motion, vx: float, vy: float, yaw: float, seconds: float) -> Motion:
    """Return the motion after a tick, from the world velocity (vx, vy) and yaw.

    CARLA's own acceleration field is noisy, so acceleration is the difference of velocities over
    the fixed step, low-pass filtered; jerk is the difference of the filtered values.
    """
    cos, sin = math.cos(yaw), math.sin(yaw)
    velocity = (vx * cos + vy * sin, -vx * sin + vy * cos)
    rate = wrap_angle(yaw - last.yaw) / seconds if last.ticks else 0.0
    if not last.ticks:
        return Motion(velocity, yaw=yaw, ticks=1)
    raw = (
        (velocity[0] - last.velocity[0]) / seconds - rate * velocity[1],
        (velocity[1] - last.velocity[1]) / seconds + rate * velocity[0],
    )
    share = seconds / (SMOOTHING + seconds) if last.ticks > 1 else 1.0
    acceleration = (
        last.acceleration[0] + share * (raw[0] - last.acceleration[0]),
        last.acceleration[1] + share * (raw[1] - last.acceleration[1]),
    )
    jerk = (0.0, 0.0)
    if last.ticks > 1:
        jerk = (
            (acceleration[0] - last.acceleration[0]) / seconds,
            (acceleration[1] - last.acceleration[1]) / seconds,
        )
    return Motion(velocity, acceleration, jerk, yaw, rate, last.ticks + 1)
