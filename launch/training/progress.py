"""The live line: steps or episodes done, what they show so far, time left."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Never

from tqdm import tqdm

_STEPS = (
    "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} steps "
    "[{elapsed}<{remaining}, {rate_fmt}]{postfix}"
)
_EPISODES = "{desc}: {n_fmt}/{total_fmt} episodes [{elapsed}<{remaining}]{postfix}"


def say(text: str) -> None:
    """A line of its own, on stdout, above the live one."""
    tqdm.write(text, file=sys.stdout)
    sys.stdout.flush()


def _open(bar_format: str, total: int, initial: int = 0, desc: str = "") -> tqdm[Never]:
    terminal = sys.stderr.isatty()
    tqdm.monitor_interval = 0  # no thread that repeats the line
    return tqdm(
        desc=desc,
        initial=initial,
        total=total,
        unit="step",
        bar_format=bar_format,
        dynamic_ncols=terminal,
        ncols=None if terminal else 150,
        mininterval=0.3 if terminal else 15.0,
        miniters=1,  # learned from the fast first steps, it would hide the slower ones
        file=sys.stderr if terminal else _Lines(),
    )


@contextlib.contextmanager
def episodes(title: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """Yield what to call after each episode, with the number of those done and what they show."""
    line = _open(_EPISODES, total, desc=title)

    def tell(done: int, shown: str) -> None:
        line.set_postfix_str(shown, refresh=False)
        line.update(done - line.n)

    try:
        yield tell
    finally:
        line.close()


class Progress:
    """One line of steps on stderr, rewritten on a terminal and repeated every 15 s elsewhere."""

    def __init__(self, start: int, total: int) -> None:
        self._start, self._total = start, total
        self._bar: tqdm[Never] | None = None
        self._shown: dict[str, str] = {}

    def step(self) -> None:
        """One environment step; the line appears with the first."""
        self._bar = self._bar or _open(_STEPS, self._total, initial=self._start)
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
