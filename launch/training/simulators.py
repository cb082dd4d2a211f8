"""The simulators of a run, stepped side by side in rounds, in the order of their index.

One takes its transitions straight into the replay buffer. Of several, each gathers its open episode
in a Sink, and the buffer gets whole episodes. The policy is asked once a round, for all of them.
With `overlap` there are no rounds (`overlap.py`), and one simulator has a Sink too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from launch.config.run import RunConfig
from launch.errors import NonFinite
from launch.training.collector import Collector, Tickets, random_steps
from launch.training.environments import Env
from launch.training.sink import Observation, Sink, Store
from launch.training.tallies import RewardTally
from td3jax.algorithm import Algorithm
from td3jax.batch import policy_view
from td3jax.replay.buffer import ReplayBuffer

Chosen = Sequence[np.ndarray] | jax.Array  # an action (A,) a row, perhaps not yet computed


class Simulators:
    """The collectors, and what they share: tickets of episodes and the reward's tally."""

    def __init__(
        self, config: RunConfig, algorithm: Algorithm, envs: Sequence[Env], buffer: ReplayBuffer
    ) -> None:
        self.algorithm = algorithm
        self.tickets, self.tally = Tickets(), RewardTally()
        direct = len(envs) == 1 and not config.loop.overlap
        stores: list[Store] = [buffer] if direct else [Sink(buffer) for _ in envs]
        self.collectors = [
            Collector(config, env, store, self.tickets, self.tally, index)
            for index, (env, store) in enumerate(zip(envs, stores, strict=True))
        ]
        self._random_steps = random_steps(config)

    @property
    def faults(self) -> int:
        """Simulator faults so far."""
        return sum(collector.faults for collector in self.collectors)

    def warming_up(self, step: int) -> bool:
        """Tell whether actions are not yet the policy's at a step."""
        return step < self._random_steps

    def acting(self, left: int) -> list[Collector]:
        """Those that take part in a round with so many steps left: all, but in the last round."""
        return self.collectors[:left]

    def choose(self, acting: Sequence[Collector], state: Any, step: int) -> Chosen:
        """The actions of the round that begins at `step`: the warm-up's at first, then the
        policy's, not yet waited for.

        An update dispatched before `actions` reads them runs while the environments step.
        """
        for collector in acting:
            collector.draw_noise()
        if self.warming_up(step):
            return [collector.warm_up_action() for collector in acting]
        seen = [collector.observation for collector in acting]
        batch = self._stacked([policy_view(row) for row in seen if row is not None])
        if self.algorithm.explore is None:
            return self.algorithm.act(state, batch)
        noise = self._stacked([{"noise": collector.noise} for collector in acting])["noise"]
        return self.algorithm.explore(state, batch, noise.astype(np.float32))  # type: ignore[arg-type]

    def _stacked(self, rows: Sequence[Observation]) -> Observation:
        """One row for each simulator, so that a short last round asks the same program."""
        full = [*rows, *[rows[0]] * (len(self.collectors) - len(rows))]
        return {name: np.stack([row[name] for row in full]) for name in full[0]}

    def actions(self, acting: Sequence[Collector], chosen: Chosen, step: int) -> list[np.ndarray]:
        """The chosen actions, the policy's with noise, float32 (A,) each; raises NonFinite."""
        actions = list(np.asarray(chosen)[: len(acting)])
        for action in actions:
            if not np.isfinite(action).all():
                raise NonFinite(f"the policy's action is {action.tolist()} at step {step:,}")
        if self.warming_up(step) or self.algorithm.explore is not None:
            return actions
        pairs = zip(acting, actions, strict=True)
        return [collector.explored(action) for collector, action in pairs]

    def cut(self) -> None:
        """End all episodes under way, as truncations."""
        for collector in self.collectors:
            collector.cut()

    def slowest(self) -> tuple[Collector, float]:
        """The one whose steps have taken longest since the last call, and their mean seconds."""
        means = [collector.times.drain() for collector in self.collectors]
        index = int(np.argmax(means))
        return self.collectors[index], means[index]

    def loose_state(self) -> dict[str, Any]:
        """What a checkpoint needs beside the courses of the episodes under way."""
        return {
            "tickets": self.tickets.next,
            "tally": self.tally.state(),
            "simulators": [collector.loose_state() for collector in self.collectors],
        }

    def restore(self, loose: Mapping[str, Any]) -> None:
        """Continue from a checkpoint, all between episodes."""
        self.tickets.next = int(loose["tickets"])
        self.tally.restore(loose["tally"])
        for collector, state in zip(self.collectors, loose["simulators"], strict=True):
            collector.restore(state)
