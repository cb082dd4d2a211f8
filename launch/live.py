"""The running loop's watch: feed scalars at each log step, ask whether to stop."""

from __future__ import annotations

from collections.abc import Mapping

from launch.facts import RunFacts
from launch.verdicts import VerdictLimits


class LiveChecker:
    """The NO-GO rules of `verdicts.no_go_rows` on a bounded window of a running series.

        watch = LiveChecker(limits, facts)
        watch.feed(step, {"debug/actor_q_mean": 12.0, ...})   # at each log step, any subset
        reason = watch.no_go()                                # one line, or None

    Costs well under a millisecond per log step; memory does not grow. Once a reason is found it
    stays. Values may be Python floats, numpy or jax scalars.
    """

    def __init__(
        self, limits: VerdictLimits | None = None, facts: RunFacts | None = None
    ) -> None:
        raise NotImplementedError

    def feed(self, step: int, scalars: Mapping[str, float]) -> None:
        """Add the scalars logged at environment step `step`."""
        raise NotImplementedError

    def no_go(self) -> str | None:
        """Why the run should stop, in one line; None while nothing speaks against it."""
        raise NotImplementedError
