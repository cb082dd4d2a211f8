"""An ego that cruises, its reward, and a route with a right-angled bend."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from envs.config import RewardConfig, TaskConfig
from envs.task import reward, route
from envs.task.ego_state import EgoState
from envs.task.route import RoutePosition

TASK, REWARD = TaskConfig(), RewardConfig()
LINE = route.make_route(np.array([[0.0, 0.0, 0.0], [100.0, 0.0, 0.0], [100.0, 100.0, 0.0]]))


def parts(ego: EgoState, config: RewardConfig = REWARD, goal: bool = False) -> dict[str, float]:
    """Each weighted part of the reward of a tick of the default task."""
    return reward.parts(reward.Moment(ego, TASK, goal), config)


def cruising(**changes: Any) -> EgoState:
    """An ego at the target speed on its line, but for `changes`."""
    ego = EgoState(
        speed=8.33, along=8.33, metres=0.4165, position=RoutePosition(10.0, 10.0, 0.0, 0.0)
    )
    return dataclasses.replace(ego, **changes)
