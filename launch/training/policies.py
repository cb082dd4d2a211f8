"""The drivers of an evaluation: the trained policy, uniform random actions, or the expert."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from launch.errors import BadInput
from td3jax.algorithm import Algorithm

Policy = Callable[[dict[str, np.ndarray], Mapping[str, Any]], np.ndarray]


def greedy(algorithm: Algorithm, state: Any) -> Policy:
    """Return the agent without noise."""

    def policy(observation: dict[str, np.ndarray], info: Mapping[str, Any]) -> np.ndarray:
        batch = {name: value[None] for name, value in observation.items()}
        return np.asarray(algorithm.act(state, batch))[0]

    return policy


def uniform(size: int, rng: np.random.Generator) -> Policy:
    """Return a policy of uniform random actions."""
    return lambda observation, info: rng.uniform(-1.0, 1.0, size).astype(np.float32)


def expert(observation: dict[str, np.ndarray], info: Mapping[str, Any]) -> np.ndarray:
    """Return the action that the driving environment suggests (option expert_hints)."""
    if "expert_action" not in info:
        raise BadInput("policy 'expert': only the carla environment has one")
    return np.asarray(info["expert_action"], np.float32)
