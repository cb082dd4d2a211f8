"""Episodes without learning, and what they amount to."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar

import numpy as np

from envs.errors import SimulatorFault, SimulatorUnavailable
from envs.task.metrics import aggregate
from launch.statistics import wilson
from launch.training import seeds
from launch.training.environments import Env, begin_step, finish_step, start_episode
from launch.training.policies import Policy
from launch.training.recorder import Recorder
from launch.training.tallies import RewardTally
from launch.training.track import Track, outline

TRIES = 5  # of an episode that the simulator did not finish
Observation = dict[str, np.ndarray]
Watch = Callable[[Observation], None]
#: The recorder of the episode of a number, or none, for a block that drives it.
Record = Callable[[int], AbstractContextManager[Recorder | None]]
Done = TypeVar("Done")


@dataclasses.dataclass(frozen=True)
class EpisodeResult:
    """One finished episode; `metrics` are the driving metrics and `parts` the means of the
    reward's parts and their shares of its magnitude, empty elsewhere."""

    rewards: np.ndarray
    terminated: bool
    reason: str
    metrics: Mapping[str, float]
    last: Observation
    parts: Mapping[str, float] = dataclasses.field(default_factory=dict)
    track: Track = dataclasses.field(default_factory=Track)

    @property
    def total(self) -> float:
        """Undiscounted return."""
        return float(self.rewards.sum())


class Stopped(Exception):
    """The person asked to stop in the middle of an evaluation."""


def run_episode(
    env: Env,
    policy: Policy,
    seed: int,
    recorder: Recorder | None = None,
    watch: Watch | None = None,
    stop: Callable[[], bool] = lambda: False,
    steps: int = 0,
    roads: bool = False,
) -> EpisodeResult:
    """One episode; watch sees every observation that an action is chosen for.

    roads: whether the track has the town's lanes.
    """
    observation, info = start_episode(env, seed, recorder is not None, steps, roads, training=False)
    rewards: list[float] = []
    tally, track = RewardTally(), Track(roads=info.get("roads", ()))
    while True:
        if stop():
            raise Stopped
        if recorder is not None:
            recorder.before(observation)
        if watch is not None:
            watch(observation)
        action = policy(observation, info)
        begin_step(env, action)
        observation, reward, terminated, truncated, info = finish_step(env, action)
        rewards.append(float(reward))
        tally.add(reward, info.get("reward_parts"))
        track.add(info)
        if recorder is not None:
            recorder.after(action, info)
        if terminated or truncated:
            break
    reason = str(info.get("termination_reason", "terminated" if terminated else "truncated"))
    if recorder is not None:
        recorder.end(reason)
    metrics = info.get("episode_metrics", {})
    parts = {
        name.replace("/", "_"): value
        for name, value in tally.drain().items()
        if name != "reward/total"
    }
    return EpisodeResult(np.array(rewards), terminated, reason, metrics, observation, parts, track)


def unrecorded(number: int) -> AbstractContextManager[None]:
    """Return a block without a recorder."""
    return contextlib.nullcontext()


def run_episodes(
    env: Env,
    policy: Policy,
    count: int,
    root_seed: int,
    record: Record = unrecorded,
    check: ValueCheck | None = None,
    stop: Callable[[], bool] = lambda: False,
    steps: int = 0,
    only: Sequence[int] | None = None,
    each: Callable[[Sequence[EpisodeResult]], None] = lambda results: None,
) -> list[EpisodeResult]:
    """Episodes with the same seeds every time; faults are run again.

    steps: a simulator's time limit for them, 0 = as in training; only: numbers of those to run,
    by default all; each: told of all results after each episode.
    """

    def attempt(number: int) -> EpisodeResult:
        """The whole episode, of which an earlier attempt leaves nothing."""
        seed = seeds.derive(root_seed, "evaluation", number)
        watch = check.begin() if check else None
        with record(number) as recorder:
            return run_episode(env, policy, seed, recorder, watch, stop, steps, roads=number == 0)

    results: list[EpisodeResult] = []
    for number in range(count) if only is None else only:
        result = with_retries(partial(attempt, number))
        results.append(result)
        if check is not None:
            check.end(result)
        each(results)
    return results


def with_retries(episode: Callable[[], Done]) -> Done:
    """Run `episode`, at most TRIES times while the simulator fails."""
    for _ in range(TRIES):
        try:
            return episode()
        except SimulatorFault as error:
            last = error
    raise SimulatorUnavailable(f"an episode failed {TRIES} times, the last: {last}")


class ValueCheck:
    """Monte-Carlo check of the critic: Q at a few states of each episode, of the policy that drives
    it, against the discounted return that followed (rewards as in training).

    first: those states of the first episode.
    """

    STATES = 16

    def __init__(
        self,
        values: Callable[[Observation], np.ndarray],
        transform: Callable[[np.ndarray], np.ndarray],
        discount: float,
    ) -> None:
        self._values, self._transform, self._discount = values, transform, discount
        self._kept: list[tuple[int, Observation]] = []
        self.first: list[Observation] = []
        self.gaps: list[float] = []
        self.sizes: list[float] = []

    def begin(self) -> Watch:
        """A watch for the next episode."""
        self._kept, self._stride, self._seen = [], 1, 0
        return self._watch

    def _watch(self, observation: Observation) -> None:
        if self._seen % self._stride == 0:
            if len(self._kept) == self.STATES:
                self._kept = self._kept[::2]
                self._stride *= 2
            if self._seen % self._stride == 0:
                self._kept.append((self._seen, observation))
        self._seen += 1

    def end(self, result: EpisodeResult) -> None:
        """Take the episode's rewards; a truncated one goes on with Q at its end."""
        rows = [observation for _, observation in self._kept] + [result.last]
        self.first = self.first or rows
        rows = rows + [result.last] * (self.STATES + 1 - len(rows))
        stacked = {name: np.stack([row[name] for row in rows]) for name in result.last}
        q = np.asarray(self._values(stacked), np.float64)
        following = 0.0 if result.terminated else float(q[self.STATES])
        rewards = np.asarray(self._transform(result.rewards.astype(np.float32)), np.float64)
        returns = np.empty(len(rewards))
        for step in range(len(rewards) - 1, -1, -1):
            following = rewards[step] + self._discount * following
            returns[step] = following
        steps = [step for step, _ in self._kept[: len(rewards)]]
        self.gaps += [float(q[i] - returns[step]) for i, step in enumerate(steps)]
        self.sizes += [float(abs(returns[step])) for step in steps]

    def overestimation(self) -> float:
        """Mean of Q minus return, over the mean size of the return."""
        return sum(self.gaps) / (sum(self.sizes) + 1e-8) if self.gaps else math.nan


def summarise(results: Sequence[EpisodeResult]) -> dict[str, float]:
    """Means over the episodes; driving metrics where there are any, NaN where unknown."""
    totals = np.array([result.total for result in results])
    lengths = np.array([len(result.rewards) for result in results], float)
    summary = {
        "return": float(totals.mean()),
        "return_std": float(totals.std()),
        "length": float(lengths.mean()),
        "episodes": float(len(results)),
    }
    driven = [result.metrics for result in results if result.metrics]
    if driven:
        summary |= {k: float(v) for k, v in aggregate(driven).items() if k != "steps"}
        wins = sum(metrics["success"] > 0 for metrics in driven)
        _, summary["success_low"], summary["success_high"] = wilson(wins, len(driven))
    for name in results[0].parts:
        summary[name] = float(np.mean([result.parts[name] for result in results]))
    return summary


def rows_of(results: Sequence[EpisodeResult]) -> list[dict[str, Any]]:
    """Return the figures of each episode."""
    return [
        {"return": r.total, "length": len(r.rewards), "reason": r.reason, **r.metrics, **r.parts}
        for r in results
    ]


def table(results: Sequence[EpisodeResult]) -> dict[str, object]:
    """Everything about an evaluation, JSON-able: NaN becomes None.

    Of the driving task, "roads" are the town's lanes and an episode's "track" is where it drove.
    """
    rows = rows_of(results)
    names = {name for row in rows for name in row if name != "reason"}
    spread = {}
    for name in sorted(names):
        values = np.array([float(row[name]) for row in rows if name in row])
        known = values[np.isfinite(values)]
        spread[name] = float(known.std()) if known.size else None
    found = {"summary": summarise(results), "std": spread, "episodes": rows}
    for row, result in zip(rows, results, strict=True):
        if result.track.points:
            row["track"] = result.track.table()
        if result.track.roads:
            found["roads"] = outline(result.track.roads)
    return _known(found)


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _known(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_known(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
