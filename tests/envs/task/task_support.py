"""An ego that cruises, its reward, and a route with a right-angled bend."""

from __future__ import annotations

import dataclasses

import numpy as np

from envs.config import RewardConfig, TaskConfig
from envs.task import reward, route
from envs.task.ego_state import EgoState
from envs.task.route import RoutePosition

TASK, REWARD = TaskConfig(), RewardConfig()
LINE = route.make_route(np.array([[0.0, 0.0, 0.0], [100.0, 0.0, 0.0], [100.0, 100.0, 0.0]]))


def parts(ego: EgoState, config: RewardConfig = REWARD, goal: bool = False) -> dict[str, float]:
    return reward.parts(
        ego,
        config,
        goal=goal,
        seconds=TASK.tick_seconds,
        target_speed=TASK.target_speed,
        off_road_seconds=TASK.off_road_seconds,
    )


def cruising(**changes) -> EgoState:
    ego = EgoState(
        speed=8.33, along=8.33, metres=0.4165, position=RoutePosition(10.0, 10.0, 0.0, 0.0)
    )
    return dataclasses.replace(ego, **changes)
