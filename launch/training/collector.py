"""Experience: one environment, its episodes, and the buffer that they go into."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from envs.errors import SimulatorFault, SimulatorUnavailable
from launch.config.run import EXPERT, RunConfig
from launch.errors import NonFinite
from launch.training import seeds
from launch.training.environments import Env, begin_step, finish_step, start_episode
from launch.training.tallies import RewardTally
from td3jax.algorithm import Algorithm
from td3jax.replay.buffer import ReplayBuffer

RESETS_IN_A_ROW = 20
LARGEST = float(np.finfo(np.float32).max)
#: Deviation of the noise on the expert's action, one episode after the other; all but random last.
EXPERT_NOISE = (0.1, 0.3, 0.6, 1.0, 3.0)
Observation = dict[str, np.ndarray]


def random_steps(config: RunConfig) -> int:
    """Steps with uniform random actions."""
    loop = config.loop
    return loop.learning_starts if loop.random_steps < 0 else loop.random_steps


def correlated(rng: np.random.Generator, last: np.ndarray, share: float) -> np.ndarray:
    """Standard normal noise that keeps `share` of the last: white at 0, slower towards 1.

    A car does not feel white noise at 20 Hz: it averages out before speed or lane change.
    """
    return share * last + math.sqrt(1.0 - share * share) * rng.standard_normal(len(last))


def perturbed(expert: np.ndarray, noise: np.ndarray, episode: int) -> np.ndarray:
    """The expert's action under noise of the episode's size, float32 in [-1, 1]."""
    size = EXPERT_NOISE[episode % len(EXPERT_NOISE)]
    return np.clip(expert + size * noise, -1.0, 1.0).astype(np.float32)


def uniform(noise: np.ndarray) -> np.ndarray:
    """Standard normal numbers as uniform ones in [-1, 1], float32."""
    return np.array([math.erf(value / math.sqrt(2.0)) for value in noise], np.float32)


Chosen = np.ndarray | jax.Array  # float32 (A,), or what the device will make of it: (1, A)


class Collector:
    """Steps the environment and feeds the buffer; `observation` is None between episodes.

    Every episode has a seed of its own, derived from the root seed and the episode's number, so
    that an interrupted episode can be repeated. A simulator fault is never a transition.
    """

    def __init__(
        self, config: RunConfig, algorithm: Algorithm, env: Env, buffer: ReplayBuffer
    ) -> None:
        self.config, self.algorithm, self.env, self.buffer = config, algorithm, env, buffer
        self.rng = seeds.generator(config.loop.seed, "exploration")
        self.noise = self.rng.standard_normal(buffer.spaces.action)
        self.tally = RewardTally()
        self.observation: Observation | None = None
        self.info: dict[str, Any] = {}
        self.episode = 0
        self.faults = 0
        self.rewards: list[float] = []
        self.actions: list[np.ndarray] = []
        self._random_steps = random_steps(config)

    def begin(self) -> None:
        """Reset the environment for the next episode, again where the simulator fails."""
        for _ in range(RESETS_IN_A_ROW):
            try:
                self.observation, self.info = start_episode(self.env, self._seed())
            except SimulatorFault:
                self._count_fault()
                continue
            self._check_finite(self.observation, 0.0)
            self.buffer.begin(self.observation)
            return
        raise SimulatorUnavailable(f"{RESETS_IN_A_ROW} resets in a row failed")

    def _seed(self) -> int:
        return seeds.derive(self.config.loop.seed, "env", self.episode)

    def choose(self, state: Any, step: int) -> Chosen:
        """The action at `step`: the warm-up's at first, then the policy's, not yet waited for.

        An update dispatched before `action` reads it runs while the environment steps.
        """
        assert self.observation is not None
        self.noise = correlated(self.rng, self.noise, self.config.loop.exploration_correlation)
        if step < self._random_steps:
            if self.config.loop.warm_up == EXPERT:
                return perturbed(self.info["expert_action"], self.noise, self.episode)
            return uniform(self.noise)
        batch = {name: value[None] for name, value in self.observation.items()}
        if self.algorithm.explore is not None:
            noise = self.noise[None].astype(np.float32)
            return self.algorithm.explore(state, batch, noise)  # type: ignore[arg-type]
        return self.algorithm.act(state, batch)

    def action(self, chosen: Chosen, step: int) -> np.ndarray:
        """The chosen action, the policy's with noise, float32 (A,); raises NonFinite."""
        action = np.asarray(chosen).reshape(-1)
        if not np.isfinite(action).all():
            raise NonFinite(f"the policy's action is {action.tolist()} at step {step:,}")
        if step < self._random_steps or self.algorithm.explore is not None:
            return action
        noise = self.config.loop.exploration_noise * self.noise
        return np.clip(action + noise, -1.0, 1.0).astype(np.float32)

    def send(self, action: np.ndarray) -> bool:
        """Hand the action to the environment; False after a simulator fault."""
        try:
            begin_step(self.env, action)
        except SimulatorFault:
            self._drop_episode()
            return False
        return True

    def receive(self, action: np.ndarray) -> dict[str, float] | None:
        """Store the transition. Returns the scalars of an episode that it ended, an empty
        dictionary where it goes on, and None after a simulator fault: no transition."""
        try:
            transition = finish_step(self.env, action)
        except SimulatorFault:
            self._drop_episode()
            return None
        observation, reward, terminated, truncated, self.info = transition
        self._check_finite(observation, reward)
        self.buffer.add(action, reward, observation, terminated, truncated)
        self.tally.add(reward, self.info.get("reward_parts"))
        self.observation = observation
        self.actions.append(action)
        self.rewards.append(reward)
        if not (terminated or truncated):
            return {}
        scalars = self._episode_scalars()
        self._next_episode()
        return scalars

    def cut(self) -> None:
        """End the episode under way here, as a truncation: what follows is of another policy."""
        if self.observation is None:
            return
        self.buffer.abandon()
        self._next_episode()

    def _check_finite(self, observation: Observation, reward: float) -> None:
        vector = observation.get("vector")
        if not abs(reward) <= LARGEST:  # nan compares false
            shown = f"{reward}, beyond float32," if math.isfinite(reward) else reward
            raise NonFinite(f"the environment's reward is {shown} in episode {self.episode}")
        if vector is not None and not np.isfinite(vector).all():
            index = int(np.flatnonzero(~np.isfinite(vector))[0])
            value = vector[index]
            raise NonFinite(
                f"the observation's vector[{index}] is {value} in episode {self.episode}"
            )

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

    def _next_episode(self) -> None:
        self.observation = None
        self.episode += 1
        self.rewards, self.actions = [], []

    def _count_fault(self) -> None:
        self.faults += 1
        self._next_episode()

    def _drop_episode(self) -> None:
        self.buffer.abandon()
        self._count_fault()

    def repeat_episode(self, actions: np.ndarray, rewards: np.ndarray, last: Observation) -> bool:
        """Bring the environment to where a checkpoint left it, by its seed and actions.

        False, and the episode is over, where it does not come out the same as before; real
        simulators do not.
        """
        try:
            if self._same_course(actions, rewards, last):
                self.observation = last
                self.actions, self.rewards = list(actions), [float(r) for r in rewards]
                return True
        except SimulatorFault:
            self.faults += 1
        self.buffer.abandon()
        self._next_episode()
        return False

    def _same_course(self, actions: np.ndarray, rewards: np.ndarray, last: Observation) -> bool:
        observation, self.info = start_episode(self.env, self._seed())
        for action, expected in zip(actions, rewards, strict=True):
            begin_step(self.env, action)
            observation, reward, terminated, truncated, self.info = finish_step(self.env, action)
            if reward != expected or terminated or truncated:
                return False
        return all(np.array_equal(observation[name], last[name]) for name in last)
