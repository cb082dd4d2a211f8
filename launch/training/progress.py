"""The live line: step, steps/s, episode return and length, actor Q against replay Q, time left.

With several simulators also updates/s, the lag of their policies, and which of them is slowest.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Never

from tqdm import tqdm

_FORMAT = (
    "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} steps "
    "[{elapsed}<{remaining}, {rate_fmt}]{postfix}"
)
_EPISODES = "{desc}: {n_fmt}/{total_fmt} episodes [{elapsed}<{remaining}]{postfix}"


def say(text: str) -> None:
    """A line of its own, on stdout, above the live one."""
    tqdm.write(text, file=sys.stdout)
    sys.stdout.flush()


def _bar(**options: Any) -> tqdm[Never]:
    terminal = sys.stderr.isatty()
    tqdm.monitor_interval = 0  # no thread that repeats the line
    return tqdm(
        dynamic_ncols=terminal,
        ncols=None if terminal else 180,
        mininterval=0.3 if terminal else 15.0,
        miniters=1,  # learned from the fast first steps, it would hide the slower ones
        file=sys.stderr if terminal else _Lines(),
        **options,
    )


def episodes_line(name: str, total: int) -> tqdm[Never]:
    """Return a live line of episodes; it is shown at once, as the first of them takes a while."""
    return _bar(desc=name, total=total, bar_format=_EPISODES)


class Progress:
    """One line on stderr, rewritten on a terminal and repeated every 15 s elsewhere."""

    def __init__(self, start: int, total: int) -> None:
        self._start, self._total = start, total
        self._bar: tqdm[Never] | None = None
        self._shown: dict[str, str] = {}

    def _open(self) -> tqdm[Never]:
        return _bar(initial=self._start, total=self._total, unit="step", bar_format=_FORMAT)

    def step(self) -> None:
        """One environment step; the line appears with the first."""
        self._bar = self._bar or self._open()
        self._bar.update(1)

    def show(self, scalars: Mapping[str, float]) -> None:
        """Take over what the line shows of these scalars."""
        shown = self._shown
        if "train/episode_reward" in scalars:
            length = scalars["train/episode_length"]
            shown["episode"] = f"return {scalars['train/episode_reward']:.1f}, {length:.0f} steps"
        if "debug/actor_q_mean" in scalars:
            actor, replay = scalars["debug/actor_q_mean"], scalars["debug/q1_mean"]
            shown["q"] = f"actor Q {actor:.3g} / replay Q {replay:.3g}"
        if self._bar is not None:
            self._bar.set_postfix_str("; ".join(shown.values()), refresh=False)

    def pace(self, scalars: Mapping[str, float], slowest: str) -> None:
        """Take over how several simulators and the learner keep up; `slowest` has a name."""
        parts = [f"{scalars['time/updates_per_second']:.3g} updates/s"]
        if "agent/policy_lag_max" in scalars:
            mean, most = scalars["agent/policy_lag_mean"], scalars["agent/policy_lag_max"]
            parts.append(f"lag {mean:.0f}, at most {most:.0f}")
        parts.append(f"slowest {slowest}, {scalars['time/slowest_step_seconds']:.2g} s a step")
        self._shown["pace"] = ", ".join(parts)

    def say(self, text: str) -> None:
        """See the function."""
        say(text)

    def close(self) -> None:
        """Leave the line as it is."""
        if self._bar is not None:
            self._bar.close()


class _Lines:
    """A file that gets tqdm's line, rewritten in place, as lines."""

    def write(self, text: str) -> None:
        line = text.strip("\r\n ")
        if line:
            sys.stderr.write(line + "\n")

    def flush(self) -> None:
        sys.stderr.flush()
