"""The reward: pure terms of one tick and their weighted sum.

A term `name` stands once, in `TERMS`; its weight is the option `{name}_weight` of RewardConfig.
Weights are non-negative and every term carries its own sign, so no weight turns a crash into a
gain. All terms read the state after the tick whose action they reward. Terms in `OPTIONAL` are off
by default, and where their weight is 0 they are no part of the reward.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

from envs.config import RewardConfig, TaskConfig
from envs.task.ego_state import EgoState


@dataclasses.dataclass(frozen=True)
class Moment:
    """All that a term may read: the ego, the task, whether this tick ended at the goal or ran a red
    light, and the speed that road and traffic allow (`allowed_speed`)."""

    ego: EgoState
    task: TaskConfig
    goal: bool = False
    ran_red: bool = False
    allowed: float = math.inf


def efficiency(now: Moment, config: RewardConfig) -> float:
    """Speed along the route over the target, in [-1, 1]: 1 within the tolerance, 0 standing,
    negative backwards; above the tolerance it falls to -1 within another target speed, so that
    the progress of a speeding car does not pay. Standing for no reason is as bad as
    `standing_penalty`, which falls to 0 at `standing_speed`: doing nothing must not be safe."""
    ego, target_speed = now.ego, now.task.target_speed
    low = max(target_speed - config.speed_tolerance, 0.1)
    high = target_speed + config.speed_tolerance
    value = ego.along / low
    if ego.along > high:
        value = 1.0 - 2.0 * (ego.along - high) / target_speed
    if not ego.waits:
        stands = _within(1.0 - abs(ego.speed) / config.standing_speed, 0.0, 1.0)
        value -= config.standing_penalty * stands
    return _within(value, -1.0, 1.0)


def lane_keeping(now: Moment, config: RewardConfig) -> float:
    """Closeness to the route's line, in [-1, 1], scaled by speed at low speed; -1 on a lane
    invasion at any speed."""
    ego = now.ego
    if ego.lane_invasions:
        return -1.0
    lateral = 1.0 - abs(ego.position.lateral) / config.lateral_tolerance
    heading = 1.0 - abs(ego.position.heading) / config.heading_tolerance
    value = 0.5 * (_within(lateral, -1.0, 1.0) + _within(heading, -1.0, 1.0))
    return value * _within(abs(ego.speed) / config.lane_full_speed, 0.0, 1.0)


def comfort(now: Moment, config: RewardConfig) -> float:
    """Penalty in [-1, 0] for jerk beyond the tolerance, half each way, only while moving."""
    ego = now.ego
    if abs(ego.speed) < config.comfort_least_speed:
        return 0.0
    excess = [max(abs(jerk) / config.jerk_tolerance - 1.0, 0.0) for jerk in ego.jerk]
    return -0.5 * sum(min(part, 1.0) for part in excess)


def safety(now: Moment, config: RewardConfig) -> float:
    """Penalties, never positive: the events of this tick plus smooth guidance by nearness.

    Off-road is spread evenly over the time it is tolerated, wrong way is charged by the second.
    """
    ego, seconds = now.ego, now.task.tick_seconds
    value = -config.collision_penalty if ego.collision else 0.0
    value -= config.lane_invasion_penalty * ego.lane_invasions
    if ego.off_road:
        value -= config.off_road_penalty * seconds / now.task.off_road_seconds
    if ego.wrong_way:
        value -= config.wrong_way_penalty * seconds
    return value - config.nearness_penalty * nearness(ego, config)


def nearness(ego: EgoState, config: RewardConfig) -> float:
    """Urgency of the actor ahead, in [0, 1]: the worse of gap and time to collision."""
    if ego.speed <= 0.1:
        return 0.0
    near = _within(1.0 - ego.gap / config.near_distance, 0.0, 1.0)
    if ego.closing > 0.1:
        until = ego.gap / ego.closing
        near = max(near, _within(1.0 - until / config.time_to_collision, 0.0, 1.0))
    return near * near


def progress(now: Moment, config: RewardConfig) -> float:
    """New metres and waypoints along the route, and the goal's bonus in the tick that ends the
    episode there, so that it is paid once."""
    ego = now.ego
    value = config.progress_scale * ego.metres + config.waypoint_bonus * ego.waypoints
    return value + (config.goal_bonus if now.goal else 0.0)


def speed(now: Moment, config: RewardConfig) -> float:
    """Closeness to the allowed speed, in [-1, 1]: 1 at it, 0 where missed by the target speed.

    The expert drives by the same speed: standing pays where something is to be waited for.
    """
    target = now.task.target_speed
    wanted = min(target, now.allowed)
    return _within(1.0 - abs(now.ego.along - wanted) / target, -1.0, 1.0)


def red_light(now: Moment, config: RewardConfig) -> float:
    """Penalty, never positive, in the tick that drives past a red light into a junction."""
    return -config.red_light_penalty if now.ran_red else 0.0


TERMS: dict[str, Callable[[Moment, RewardConfig], float]] = {
    "efficiency": efficiency,
    "lane_keeping": lane_keeping,
    "comfort": comfort,
    "safety": safety,
    "progress": progress,
    "speed": speed,
    "red_light": red_light,
}
PARTS = tuple(TERMS)
OPTIONAL = ("speed", "red_light")


def names(config: RewardConfig) -> tuple[str, ...]:
    """Return the parts of the reward: an optional one that weighs nothing is left out."""
    return tuple(name for name in PARTS if name not in OPTIONAL or _weight(name, config))


def parts(now: Moment, config: RewardConfig) -> dict[str, float]:
    """Return each weighted part by name; the reward is their sum."""
    return {name: _weight(name, config) * TERMS[name](now, config) for name in names(config)}


def _weight(name: str, config: RewardConfig) -> float:
    return float(getattr(config, f"{name}_weight"))


def _within(value: float, low: float, high: float) -> float:
    return max(low, min(value, high))
