"""Simulators and learner side by side, neither waiting for the other beyond a bound.

Each simulator's answers are awaited in a thread; everything that is shared stays in the loop's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from envs.errors import SimulatorFault
from launch.config.run import LoopConfig, piece_steps
from launch.training.collector import Collector
from launch.training.learner import Learner
from launch.training.pieces import Driver, Piece, Weights
from launch.training.publisher import Publisher
from launch.training.simulators import Simulators

Ended = dict[str, float] | None  # as Collector.receive returns it


class _Asked(NamedTuple):
    """Steps under way. version: the updates in the policy that chooses their actions."""

    collector: Collector
    version: int
    steps: int


class Overlap:
    """What the simulators have under way: steps, one by one or in pieces, and resets.

    No transition's policy is more than `max_lag` updates old when it is stored. Leaving the
    context waits for all that is under way. publisher: of the policy, where simulators drive
    pieces after the warm-up.
    """

    def __init__(
        self,
        simulators: Simulators,
        learner: Learner,
        loop: LoopConfig,
        publisher: Publisher | None = None,
    ) -> None:
        self._simulators, self._learner, self.max_lag = simulators, learner, loop.max_lag
        self._publisher, self._piece_steps = publisher, piece_steps(loop)
        # A client's process dies with the thread that started it, so threads stay until the end.
        self._threads = ThreadPoolExecutor(len(simulators.collectors), "simulator")
        self._steps: dict[Future[Piece], _Asked] = {}
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
        return sum(asked.steps for asked in self._steps.values())

    @property
    def busy(self) -> bool:
        """Tell whether anything is under way."""
        return bool(self._under_way())

    def _under_way(self) -> list[Future[Any]]:
        return [*self._steps, *self._resets]

    def idle(self) -> list[Collector]:
        """Those with nothing under way, in the order of their index."""
        taken = [*self._resets.values(), *(asked.collector for asked in self._steps.values())]
        return [c for c in self._simulators.collectors if c not in taken]

    def begin(self, collector: Collector) -> None:
        """Start an episode."""
        self._resets[self._threads.submit(collector.begin)] = collector

    def send(self, acting: Sequence[Collector], step: int, most: int) -> None:
        """Start a step of each by the newest policy that is whole, or a piece; `most` steps in all.

        step: the run's, in whose warm-up no simulator drives by itself.
        """
        if self._publisher is not None and not self._simulators.warming_up(step):
            weights = self._publisher.weights()
            for collector in acting:
                self._send_for(collector, weights, min(self._piece_steps, most // len(acting)))
            return
        version, state = self._learner.newest(self._learner.updates - self.max_lag)
        chosen = self._simulators.choose(acting, state, step)
        actions = self._simulators.actions(acting, chosen, step)
        for collector, action in zip(acting, actions, strict=True):
            if collector.send(action):
                future = self._threads.submit(_single, collector, action)
                self._steps[future] = _Asked(collector, version, 1)

    def _send_for(self, collector: Collector, weights: Weights, count: int) -> None:
        noise = np.stack([collector.draw_noise() for _ in range(count)])
        future = self._threads.submit(_driven, collector, weights, noise)
        self._steps[future] = _Asked(collector, weights.version, count)

    def may_update(self) -> int:
        """How many updates can be dispatched before an action under way is too old."""
        updates = self._learner.updates
        oldest = min((asked.version for asked in self._steps.values()), default=updates)
        return self.max_lag - (updates - oldest)

    def receive(self, seconds: float) -> list[Ended]:
        """Store the transitions that are there, after at most so long; their ends as of
        `Collector.receive`."""
        done, _ = wait(self._under_way(), seconds, FIRST_COMPLETED)
        for future in done & self._resets.keys():
            del self._resets[future]
            future.result()
        finished = [future for future in self._steps if future in done]
        return [ended for future in finished for ended in self._take(future)]

    def _take(self, future: Future[Piece]) -> list[Ended]:
        collector, version, _ = self._steps.pop(future)
        piece = future.result()
        ends = [collector.take(action, transition) for action, transition in piece.steps]
        self._lags += [self._learner.updates - version] * len(ends)
        if piece.fault:
            collector.lose_episode()
        return ends

    def drain(self) -> dict[str, float]:
        """The lag of the transitions since the last call, in updates."""
        lags, self._lags = self._lags, []
        if not lags:
            return {}
        return {
            "agent/policy_lag_mean": float(np.mean(lags)),
            "agent/policy_lag_max": float(max(lags)),
        }


def _single(collector: Collector, action: np.ndarray) -> Piece:
    """Wait for the step that was sent."""
    transition = collector.outcome(action)
    return Piece([], "no transition") if transition is None else Piece([(action, transition)])


def _driven(collector: Collector, weights: Weights, noise: np.ndarray) -> Piece:
    """Have the simulator drive a piece, and wait for it."""
    assert isinstance(collector.env, Driver)
    began = time.monotonic()
    try:
        piece = collector.env.drive(weights, noise)
    except SimulatorFault as error:
        piece = Piece([], str(error))
    collector.step_seconds = (time.monotonic() - began) / max(len(piece.steps), 1)
    return piece
