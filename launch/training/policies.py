"""The drivers of an evaluation: the trained policy, uniform random actions, a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from envs.task.observation import SCALARS
from launch.config.run import CARLA, RunConfig
from launch.errors import BadInput
from td3jax.algorithm import Algorithm
from td3jax.batch import policy_view
from td3jax.config import Spaces

Policy = Callable[[dict[str, np.ndarray], Mapping[str, Any]], np.ndarray]


def greedy(algorithm: Algorithm, state: Any) -> Policy:
    """Return the agent without noise, given what a policy reads of an observation."""

    def policy(observation: dict[str, np.ndarray], info: Mapping[str, Any]) -> np.ndarray:
        batch = {name: value[None] for name, value in policy_view(observation).items()}
        return np.asarray(algorithm.act(state, batch))[0]

    return policy


def critics(algorithm: Algorithm, state: Any) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    """Return what tells each critic's Q, (K,), of the agent's own action in one observation."""

    def values(observation: dict[str, np.ndarray]) -> np.ndarray:
        batch = {name: value[None] for name, value in observation.items()}
        if algorithm.each_value is None:
            return np.asarray(algorithm.values(state, batch))
        return np.asarray(algorithm.each_value(state, batch))[:, 0]

    return values


def uniform(size: int, rng: np.random.Generator) -> Policy:
    """Return a policy of uniform random actions."""
    return lambda observation, info: rng.uniform(-1.0, 1.0, size).astype(np.float32)


def scripted(name: str) -> Policy:
    """Return a driver of the driving environment (option expert_hints).

    "expert" knows the map and the others; "blind" follows the route and sees nothing.
    """

    def policy(observation: dict[str, np.ndarray], info: Mapping[str, Any]) -> np.ndarray:
        return np.asarray(info[f"{name}_action"], np.float32)

    return policy


def hidden(name: str, policy: Policy, config: RunConfig, spaces: Spaces) -> Policy:
    """Return the policy with a part of its observation set to 0; BadInput where there is none.

    "black_picture" hides the picture, "no_waypoints" the driving task's route.
    """
    if name == "black_picture":
        if spaces.image is None:
            raise BadInput(f"--policy={name}: this policy sees no picture")
        part, shown = "image", 0
    else:
        if config.loop.env != CARLA:
            raise BadInput(f"--policy={name}: only env {CARLA} has waypoints")
        part, shown = "vector", len(SCALARS)

    def driver(observation: dict[str, np.ndarray], info: Mapping[str, Any]) -> np.ndarray:
        values = observation[part].copy()
        values.reshape(-1)[shown:] = 0
        return policy({**observation, part: values}, info)

    return driver
