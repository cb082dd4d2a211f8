"""The reward: five pure terms of one tick and their weighted sum.

Weights are non-negative and every term carries its own sign, so no weight turns a crash into a
gain. All terms read the state after the tick whose action they reward.
"""

from __future__ import annotations

from envs.config import RewardConfig
from envs.task.ego_state import EgoState

PARTS = ("efficiency", "lane_keeping", "comfort", "safety", "progress")


def efficiency(ego: EgoState, config: RewardConfig, target_speed: float) -> float:
    """Speed along the route over the target, in [-1, 1]: 1 within the tolerance, 0 standing,
    negative backwards; above the tolerance it falls to -1 within another target speed, so that
    the progress of a speeding car does not pay. Standing for no reason is as bad as
    `standing_penalty`, which falls to 0 at `standing_speed`: doing nothing must not be safe."""
    low = max(target_speed - config.speed_tolerance, 0.1)
    high = target_speed + config.speed_tolerance
    value = ego.along / low
    if ego.along > high:
        value = 1.0 - 2.0 * (ego.along - high) / target_speed
    if not ego.waits:
        stands = _within(1.0 - abs(ego.speed) / config.standing_speed, 0.0, 1.0)
        value -= config.standing_penalty * stands
    return _within(value, -1.0, 1.0)


def lane_keeping(ego: EgoState, config: RewardConfig) -> float:
    """How well the ego holds the route's line, in [-1, 1], scaled by speed at low speed; -1 on
    a lane invasion at any speed."""
    if ego.lane_invasions:
        return -1.0
    lateral = 1.0 - abs(ego.position.lateral) / config.lateral_tolerance
    heading = 1.0 - abs(ego.position.heading) / config.heading_tolerance
    value = 0.5 * (_within(lateral, -1.0, 1.0) + _within(heading, -1.0, 1.0))
    return value * _within(abs(ego.speed) / config.lane_full_speed, 0.0, 1.0)


def comfort(ego: EgoState, config: RewardConfig) -> float:
    """Penalty in [-1, 0] for jerk beyond the tolerance, half each way, only while moving."""
    if abs(ego.speed) < config.comfort_least_speed:
        return 0.0
    excess = [max(abs(jerk) / config.jerk_tolerance - 1.0, 0.0) for jerk in ego.jerk]
    return -0.5 * sum(min(part, 1.0) for part in excess)


def safety(ego: EgoState, config: RewardConfig, seconds: float, off_road_seconds: float) -> float:
    """Penalties, never positive: the events of this tick plus smooth guidance by nearness.

    Off-road is spread evenly over the time it is tolerated, wrong way is charged by the second.
    """
    value = -config.collision_penalty if ego.collision else 0.0
    value -= config.lane_invasion_penalty * ego.lane_invasions
    if ego.off_road:
        value -= config.off_road_penalty * seconds / off_road_seconds
    if ego.wrong_way:
        value -= config.wrong_way_penalty * seconds
    return value - config.nearness_penalty * nearness(ego, config)


def nearness(ego: EgoState, config: RewardConfig) -> float:
    """How pressing the actor ahead is, in [0, 1]: the worse of gap and time to collision."""
    if ego.speed <= 0.1:
        return 0.0
    near = _within(1.0 - ego.gap / config.near_distance, 0.0, 1.0)
    if ego.closing > 0.1:
        until = ego.gap / ego.closing
        near = max(near, _within(1.0 - until / config.time_to_collision, 0.0, 1.0))
    return near * near


def progress(ego: EgoState, config: RewardConfig, goal: bool) -> float:
    """New metres and waypoints along the route, and the goal's bonus in the tick that ends the
    episode there, so that it is paid once."""
    value = config.progress_scale * ego.metres + config.waypoint_bonus * ego.waypoints
    return value + (config.goal_bonus if goal else 0.0)


def parts(
    ego: EgoState,
    config: RewardConfig,
    *,
    goal: bool,
    seconds: float,
    target_speed: float,
    off_road_seconds: float,
) -> dict[str, float]:
    """Each weighted part by name; the reward is their sum."""
    return {
        "efficiency": config.efficiency_weight * efficiency(ego, config, target_speed),
        "lane_keeping": config.lane_keeping_weight * lane_keeping(ego, config),
        "comfort": config.comfort_weight * comfort(ego, config),
        "safety": config.safety_weight * safety(ego, config, seconds, off_road_seconds),
        "progress": config.progress_weight * progress(ego, config, goal),
    }


def _within(value: float, low: float, high: float) -> float:
    return max(low, min(value, high))
