"""Experience: one environment, its episodes, and the store that they go into."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from envs.errors import SimulatorFault, SimulatorUnavailable
from launch.config.run import EXPERT, EXPERT_NOISE, RunConfig
from launch.errors import BadInput, NonFinite
from launch.training import seeds
from launch.training.environments import (
    Env,
    Transition,
    begin_step,
    finish_step,
    in_halves,
    start_episode,
)
from launch.training.sink import Observation, Sink, Store
from launch.training.tallies import RewardTally, StepTimes, waited_for
from td3jax.options import FLOAT32_MAX

RESETS_IN_A_ROW = 20


def random_steps(config: RunConfig) -> int:
    """Steps with uniform random actions."""
    loop = config.loop
    return loop.learning_starts if loop.random_steps < 0 else loop.random_steps


def correlated(rng: np.random.Generator, last: np.ndarray, share: float) -> np.ndarray:
    """Standard normal noise that keeps `share` of the last: white at 0, slower towards 1.

    A car does not feel white noise at 20 Hz: it averages out before speed or lane change.
    """
    return share * last + math.sqrt(1.0 - share * share) * rng.standard_normal(len(last))


def perturbed(
    expert: np.ndarray, noise: np.ndarray, episode: int, sizes: Sequence[float] = EXPERT_NOISE
) -> np.ndarray:
    """The expert's action under noise of the episode's size, float32 in [-1, 1]."""
    size = sizes[episode % len(sizes)]
    return np.clip(expert + size * noise, -1.0, 1.0).astype(np.float32)


def uniform(noise: np.ndarray) -> np.ndarray:
    """Standard normal numbers as uniform ones in [-1, 1], float32."""
    return np.array([math.erf(value / math.sqrt(2.0)) for value in noise], np.float32)


def explored(action: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """The policy's action under noise, float32 in [-1, 1]."""
    return np.clip(action + noise, -1.0, 1.0).astype(np.float32)


def stratum_of(info: Mapping[str, Any]) -> int:
    """The stratum of the observation that an info came with."""
    return int(info.get("stratum", 0))


class Tickets:
    """The numbers of a run's episodes, each handed out once, whichever simulator asks."""

    def __init__(self) -> None:
        self.next = 0
        self._lock = threading.Lock()

    def take(self) -> int:
        """The next number."""
        with self._lock:
            self.next += 1
            return self.next - 1


class Collector:
    """Steps one environment and feeds the store; `observation` is None between episodes.

    Every episode has a seed of its own, derived from the root seed and the episode's ticket, so
    that an interrupted episode can be repeated. A simulator fault is never a transition.
    """

    def __init__(
        self,
        config: RunConfig,
        env: Env,
        store: Store,
        tickets: Tickets,
        tally: RewardTally,
        index: int,
    ) -> None:
        self.config, self.env, self.store = config, env, store
        self.tickets, self.tally, self.index = tickets, tally, index
        self.rng = seeds.generator(config.loop.seed, "exploration", index)
        self.noise = self.rng.standard_normal(store.spaces.action)
        self.observation: Observation | None = None
        self.info: dict[str, Any] = {}
        self.episode = -1  # ticket of the newest episode
        self.faults = 0
        self.rewards: list[float] = []
        self.actions: list[np.ndarray] = []
        self.times = StepTimes()
        self.step_seconds = 0.0  # of the newest answer, a step
        self._sent = 0.0

    @property
    def name(self) -> str:
        """What the simulator is called in messages."""
        return getattr(self.env, "name", f"simulator {self.index}")

    def begin(self) -> None:
        """Reset the environment for the next episode, again where the simulator fails."""
        for _ in range(RESETS_IN_A_ROW):
            self.episode = self.tickets.take()
            try:
                self.observation, self.info = start_episode(self.env, self._seed())
            except SimulatorFault as error:
                self.faults += 1
                last = error
                continue
            self._check_finite(self.observation, 0.0)
            self.store.begin(self.observation, stratum_of(self.info))
            return
        raise SimulatorUnavailable(f"{RESETS_IN_A_ROW} resets in a row failed, the last: {last}")

    def _seed(self) -> int:
        return seeds.derive(self.config.loop.seed, "env", self.episode)

    def draw_noise(self) -> np.ndarray:
        """The exploration's noise for the next step, (A,)."""
        self.noise = correlated(self.rng, self.noise, self.config.loop.exploration_correlation)
        return self.noise

    def warm_up_action(self) -> np.ndarray:
        """The next action before the policy's turn, float32 (A,)."""
        loop = self.config.loop
        if loop.warm_up == EXPERT:
            assert self.observation is not None
            seen = self.observation
            label = seen["expert"] if "expert" in seen else self.info["expert_action"]
            return perturbed(label, self.noise, self.episode, loop.warm_up_noise)
        return uniform(self.noise)

    def explored(self, action: np.ndarray) -> np.ndarray:
        """The policy's action with noise, float32 (A,)."""
        return explored(action, self.config.loop.exploration_noise * self.noise)

    def send(self, action: np.ndarray) -> bool:
        """Hand the action to the environment; False after a simulator fault."""
        self._sent = time.monotonic()
        try:
            begin_step(self.env, action)
        except SimulatorFault:
            self.lose_episode()
            return False
        return True

    def receive(self, action: np.ndarray) -> dict[str, float] | None:
        """Store the transition. Returns the scalars of an episode that it ended, an empty
        dictionary where it goes on, and None after a simulator fault: no transition."""
        return self.take(action, self.outcome(action))

    def outcome(self, action: np.ndarray) -> Transition | None:
        """Wait for the environment and change no more than `step_seconds` here; None after a
        simulator fault."""
        asked = time.monotonic()
        try:
            return finish_step(self.env, action)
        except SimulatorFault:
            return None
        finally:
            began = self._sent if in_halves(self.env) else asked
            self.step_seconds = waited_for(began, asked, time.monotonic())

    def take(self, action: np.ndarray, transition: Transition | None) -> dict[str, float] | None:
        """Store what `outcome` returned; returns what `receive` does."""
        if transition is None:
            self.lose_episode()
            return None
        self.times.add(self.step_seconds)
        observation, reward, terminated, truncated, self.info = transition
        self._check_finite(observation, reward)
        stratum = stratum_of(self.info)
        self.store.add(action, reward, observation, terminated, truncated, stratum)
        self.tally.add(reward, self.info.get("reward_parts"))
        self.observation = observation
        self.actions.append(action)
        self.rewards.append(reward)
        if not (terminated or truncated):
            return {}
        scalars = self._episode_scalars()
        self._end_episode()
        return scalars

    def cut(self) -> None:
        """End the episode under way here, as a truncation: what follows is of another policy."""
        if self.observation is None:
            return
        self.store.abandon()
        self._end_episode()

    def _check_finite(self, observation: Observation, reward: float) -> None:
        if not abs(reward) <= FLOAT32_MAX:  # nan compares false
            shown = f"{reward}, beyond float32," if math.isfinite(reward) else reward
            raise NonFinite(f"the environment's reward is {shown} in episode {self.episode}")
        for name in self.store.spaces.numbers:
            numbers = observation[name]
            if not np.isfinite(numbers).all():
                index = int(np.flatnonzero(~np.isfinite(numbers))[0])
                raise NonFinite(
                    f"the observation's {name}[{index}] is {numbers[index]} in episode "
                    f"{self.episode}"
                )
            if name == "expert" and np.abs(numbers).max() > 1.0:
                raise BadInput(f"the observation's expert is {numbers}: expected values in [-1, 1]")

    def _episode_scalars(self) -> dict[str, float]:
        scalars = {
            "train/episode_reward": math.fsum(self.rewards),
            "train/episode_length": float(len(self.rewards)),
        }
        metrics = self.info.get("episode_metrics", {})
        for name in ("collisions", "lane_invasions"):
            if name in metrics:
                scalars[f"train/{name}_per_episode"] = float(metrics[name])
        return scalars

    def _end_episode(self) -> None:
        self.observation = None
        self.rewards, self.actions = [], []

    def lose_episode(self) -> None:
        """Count a simulator fault; what the episode has so far is stored, as truncated."""
        self.faults += 1
        self.store.abandon()
        self._end_episode()

    def loose_state(self) -> dict[str, Any]:
        """What a checkpoint needs beside `course`."""
        return {
            "episode": self.episode,
            "faults": self.faults,
            "rng": self.rng.bit_generator.state,
            "noise": self.noise.tolist(),
        }

    def restore(self, loose: Mapping[str, Any]) -> None:
        """Continue from a checkpoint, between episodes; `repeat` goes into one."""
        self.episode, self.faults = int(loose["episode"]), int(loose["faults"])
        self.rng.bit_generator.state = loose["rng"]
        self.noise = np.array(loose["noise"])

    def course(self) -> dict[str, np.ndarray]:
        """Actions, rewards and last observation of the episode under way; empty without one."""
        if self.observation is None:
            return {}
        actions = np.array(self.actions, np.float32).reshape(-1, self.store.spaces.action)
        rewards = np.array(self.rewards, np.float64)
        return {"actions": actions, "rewards": rewards, **self.observation}

    def repeat(self, course: Mapping[str, np.ndarray]) -> bool:
        """Bring the environment to where a checkpoint left it, by its seed and actions.

        False, and the episode is over, where it does not come out the same as before; real
        simulators do not.
        """
        actions, rewards = course["actions"], course["rewards"]
        last = {name: course[name] for name in course if name not in ("actions", "rewards")}
        try:
            if self._same_course(actions, rewards, last):
                self.observation = last
                self.actions, self.rewards = list(actions), [float(r) for r in rewards]
                return True
        except SimulatorFault:
            self.faults += 1
        self.store.abandon()
        self._end_episode()
        return False

    def _same_course(self, actions: np.ndarray, rewards: np.ndarray, last: Observation) -> bool:
        # The buffer's own file has the episode under way; a sink gathers it anew.
        sink = self.store if isinstance(self.store, Sink) else None
        observation, self.info = start_episode(self.env, self._seed())
        if sink is not None:
            sink.begin(observation, stratum_of(self.info))
        for action, expected in zip(actions, rewards, strict=True):
            begin_step(self.env, action)
            observation, reward, terminated, truncated, self.info = finish_step(self.env, action)
            if reward != expected or terminated or truncated:
                return False
            if sink is not None:
                stratum = stratum_of(self.info)
                sink.add(action, reward, observation, terminated, truncated, stratum)
        return all(np.array_equal(observation[name], last[name]) for name in last)
