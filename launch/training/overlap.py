"""Simulators and learner side by side, neither waiting for the other beyond a bound.

Each simulator's answers are awaited in a thread; everything that is shared stays in the loop's.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from launch.training.collector import Collector
from launch.training.environments import Transition
from launch.training.learner import Learner
from launch.training.simulators import Simulators

Ended = dict[str, float] | None  # as Collector.receive returns it


class _Step(NamedTuple):
    """An action under way. version: the updates in the policy that chose it."""

    collector: Collector
    action: np.ndarray
    version: int


class Overlap:
    """What the simulators have under way: steps, and resets.

    No transition's policy is more than `max_lag` updates old when it is stored. Leaving the
    context waits for all that is under way.
    """

    def __init__(self, simulators: Simulators, learner: Learner, max_lag: int) -> None:
        self._simulators, self._learner, self.max_lag = simulators, learner, max_lag
        # A client's process dies with the thread that started it, so threads stay until the end.
        self._threads = ThreadPoolExecutor(len(simulators.collectors), "simulator")
        self._steps: dict[Future[Transition | None], _Step] = {}
        self._resets: dict[Future[None], Collector] = {}
        self._lags: list[int] = []

    def __enter__(self) -> Overlap:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        wait(self._under_way())
        self._steps, self._resets = {}, {}

    @property
    def stepping(self) -> int:
        """Steps under way."""
        return len(self._steps)

    @property
    def busy(self) -> bool:
        """Tell whether anything is under way."""
        return bool(self._under_way())

    def _under_way(self) -> list[Future[Any]]:
        return [*self._steps, *self._resets]

    def idle(self) -> list[Collector]:
        """Those with nothing under way, in the order of their index."""
        taken = [*self._resets.values(), *(step.collector for step in self._steps.values())]
        return [c for c in self._simulators.collectors if c not in taken]

    def begin(self, collector: Collector) -> None:
        """Start an episode."""
        self._resets[self._threads.submit(collector.begin)] = collector

    def send(self, acting: Sequence[Collector], step: int) -> None:
        """Start a step of each by the newest policy that is whole."""
        version, state = self._learner.newest(self._learner.updates - self.max_lag)
        chosen = self._simulators.choose(acting, state, step)
        actions = self._simulators.actions(acting, chosen, step)
        for collector, action in zip(acting, actions, strict=True):
            if collector.send(action):
                future = self._threads.submit(collector.outcome, action)
                self._steps[future] = _Step(collector, action, version)

    def may_update(self) -> int:
        """How many updates can be dispatched before an action under way is too old."""
        updates = self._learner.updates
        oldest = min((step.version for step in self._steps.values()), default=updates)
        return self.max_lag - (updates - oldest)

    def receive(self, seconds: float) -> list[Ended]:
        """Store the transitions that are there, after at most so long; their ends as of
        `Collector.receive`."""
        done, _ = wait(self._under_way(), seconds, FIRST_COMPLETED)
        for future in done & self._resets.keys():
            del self._resets[future]
            future.result()
        return [self._take(future) for future in [f for f in self._steps if f in done]]

    def _take(self, future: Future[Transition | None]) -> Ended:
        collector, action, version = self._steps.pop(future)
        ended = collector.take(action, future.result())
        if ended is not None:
            self._lags.append(self._learner.updates - version)
        return ended

    def drain(self) -> dict[str, float]:
        """The lag of the transitions since the last call, in updates."""
        lags, self._lags = self._lags, []
        if not lags:
            return {}
        return {
            "agent/policy_lag_mean": float(np.mean(lags)),
            "agent/policy_lag_max": float(max(lags)),
        }
