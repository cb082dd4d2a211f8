"""Who drives in an evaluation: the trained policy, uniform random actions, or the expert."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from launch.errors import BadInput
from td3jax import networks
from td3jax.agent import TrainState, act, greedy_action
from td3jax.batch import Observation
from td3jax.conv import compiler_options

Policy = Callable[[dict[str, np.ndarray], Mapping[str, Any]], np.ndarray]
_NO_KEY = np.zeros(2, np.uint32)


def greedy(state: TrainState) -> Policy:
    """The agent without noise."""

    def policy(observation: dict[str, np.ndarray], info: Mapping[str, Any]) -> np.ndarray:
        batch = {name: value[None] for name, value in observation.items()}
        return np.asarray(act(state, batch, _NO_KEY, 0.0))[0]  # type: ignore[arg-type]

    return policy


def uniform(size: int, rng: np.random.Generator) -> Policy:
    """Uniform random actions."""
    return lambda observation, info: rng.uniform(-1.0, 1.0, size).astype(np.float32)


def expert(observation: dict[str, np.ndarray], info: Mapping[str, Any]) -> np.ndarray:
    """The action that the driving environment suggests (option expert_hints)."""
    if "expert_action" not in info:
        raise BadInput("policy 'expert': only the carla environment has one")
    return np.asarray(info["expert_action"], np.float32)


def policy_values(state: TrainState, observation: Observation) -> jax.Array:
    """The smaller twin Q of the policy's own actions, (B,), jitted."""
    return _compiled_values()(state, observation)


@functools.cache
def _compiled_values() -> Callable[[TrainState, Observation], jax.Array]:
    return jax.jit(_policy_values, compiler_options=compiler_options())


def _policy_values(state: TrainState, observation: Observation) -> jax.Array:
    action = greedy_action(state, observation)
    return networks.critic(state.config, state.critic.params, observation, action).min(axis=0)
