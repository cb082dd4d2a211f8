"""Pieces of episodes: several steps by one policy, driven where the simulator is.

For simulators on other hosts, so that neither an observation nor an action waits for a message.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from envs.errors import SimulatorFault
from launch.config.run import LoopConfig
from launch.errors import NonFinite
from launch.training.collector import explored
from launch.training.environments import Env, Transition, begin_step, finish_step
from launch.training.sink import Observation
from td3jax.algorithm import find
from td3jax.batch import policy_view


class Piece(NamedTuple):
    """Steps by one policy, each an action and its transition.

    fault: why the simulator failed after them, if it did.
    """

    steps: list[tuple[np.ndarray, Transition]]
    fault: str = ""


class Weights(NamedTuple):
    """A policy on its way: the updates in it, and where it is found."""

    version: int
    place: Any


@runtime_checkable
class Driver(Protocol):
    """An environment that drives by itself; SimulatorFault where a whole piece is lost."""

    def drive(self, weights: Weights, noise: np.ndarray) -> Piece:
        """Return a piece by the policy: a step for each row of noise, (n, A), at most."""


class PolicyCopy:
    """The exploring policy of a run, by the weights that it was given last."""

    def __init__(self, loop: LoopConfig) -> None:
        self._algorithm = find(loop.algorithm, loop.rules)
        self._noise = loop.exploration_noise
        self._version, self._state = -1, None

    def take(self, version: int, state: Any) -> None:
        """Act by these weights from now on."""
        if version != self._version:
            self._version, self._state = version, jax.tree.map(jnp.asarray, state)

    def __call__(self, observation: Observation, noise: np.ndarray) -> np.ndarray:
        """Return the action for an observation, float32 (A,)."""
        explore, act = self._algorithm.explore, self._algorithm.act
        batch = {name: part[None] for name, part in policy_view(observation).items()}
        if explore is None:
            action = explored(np.asarray(act(self._state, batch))[0], self._noise * noise)
        else:
            row = jnp.asarray(noise[None], jnp.float32)
            action = np.asarray(explore(self._state, batch, row))[0]
        if not np.isfinite(action).all():
            updates = f"{self._version:,} updates"
            raise NonFinite(f"the policy's action is {action.tolist()} after {updates}")
        return action


def drive(
    env: Env, seen: Observation, policy: PolicyCopy, noise: np.ndarray, frame_channels: int
) -> Piece:
    """Drive from `seen` on, a step for each row of noise, to the episode's end at most.

    Of the pictures only the newest frames come with it, but for the last.
    """
    steps: list[tuple[np.ndarray, Transition]] = []
    for row in noise:
        action = policy(seen, row)
        try:
            begin_step(env, action)
            transition = finish_step(env, action)
        except SimulatorFault as error:
            return Piece(steps, str(error))
        if steps:
            steps[-1] = _newest_frames(steps[-1], frame_channels)
        steps.append((action, transition))
        seen, _, terminated, truncated, _ = transition
        if terminated or truncated:
            break
    return Piece(steps)


def _newest_frames(
    step: tuple[np.ndarray, Transition], frame_channels: int
) -> tuple[np.ndarray, Transition]:
    action, (observation, *rest) = step
    if "image" not in observation:
        return step
    newest = np.ascontiguousarray(observation["image"][..., -frame_channels:])
    return action, ({**observation, "image": newest}, *rest)  # type: ignore[return-value]
