"""An open episode kept aside: the replay buffer takes one at a time, several simulators have one
each."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from td3jax.config import Spaces
from td3jax.replay.buffer import ReplayBuffer

Observation = dict[str, np.ndarray]


class Store(Protocol):
    """Where a collector puts its transitions: the replay buffer, or a Sink before it."""

    spaces: Spaces

    def begin(self, observation: Observation, stratum: int = 0) -> None:
        """Start an episode at its first observation."""

    def add(
        self,
        action: np.ndarray,
        reward: float,
        next_observation: Observation,
        terminated: bool,
        truncated: bool,
        stratum: int = 0,
    ) -> None:
        """Store one transition."""

    def abandon(self) -> None:
        """Truncate the episode under way where it stands."""


class _Step(NamedTuple):
    action: np.ndarray
    reward: float
    frame: np.ndarray | None
    numbers: Observation
    terminated: bool
    truncated: bool
    stratum: int


class Sink:
    """Gathers an episode and passes it on as a whole when it ends or is abandoned.

    So frame stacks and n-step sums never reach from one simulator's episode into another's. Of a
    stack only the newest frame is kept, as in the buffer.
    """

    def __init__(self, buffer: ReplayBuffer) -> None:
        self.spaces = buffer.spaces
        self._buffer = buffer
        self._first: tuple[Observation, int] | None = None
        self._steps: list[_Step] = []

    def begin(self, observation: Observation, stratum: int = 0) -> None:
        """Start an episode; one still under way is abandoned."""
        self.abandon()
        self._first = {name: np.array(value) for name, value in observation.items()}, stratum

    def add(
        self,
        action: np.ndarray,
        reward: float,
        next_observation: Observation,
        terminated: bool,
        truncated: bool,
        stratum: int = 0,
    ) -> None:
        """Gather one transition; the last of an episode passes it on."""
        frame = None
        if self.spaces.image is not None:
            frame = np.array(next_observation["image"][..., -self.spaces.frame_channels :])
        numbers = {name: np.array(next_observation[name]) for name in self.spaces.numbers}
        step = _Step(np.array(action), reward, frame, numbers, terminated, truncated, stratum)
        self._steps.append(step)
        if terminated or truncated:
            self._pass_on()

    def abandon(self) -> None:
        """Pass the episode under way on, truncated where it stands."""
        if self._steps:
            self._pass_on()
            self._buffer.abandon()
        self._first = None

    def _pass_on(self) -> None:
        assert self._first is not None
        self._buffer.begin(*self._first)
        for step in self._steps:
            observation = dict(step.numbers)
            if step.frame is not None:
                observation["image"] = np.tile(step.frame, (1, 1, self.spaces.stack))
            ends = step.terminated, step.truncated
            self._buffer.add(step.action, step.reward, observation, *ends, step.stratum)
        self._first, self._steps = None, []
