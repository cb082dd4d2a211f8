"""Contestants in processes of their own, taking turns: A B C A B C.

Each has its own environment (allocator settings, thread counts) and its own imports, and waits
on its standard input while another runs, so what the machine does meanwhile hits all alike.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from launch.benchmarks.rows import NOT_INSTALLED

MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "2147483647",
    "MALLOC_TOP_PAD_": "268435456",
    "MALLOC_ARENA_MAX": "1",
}
#: Most bars are the processor's, also on a machine with a GPU.
CPU = {"JAX_PLATFORMS": "cpu"}
#: Contestants share the card, so none may take most of its memory.
GPU = {"JAX_PLATFORMS": "cuda", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
_REST_S = 0.3  # torch's threads spin for 0.2 s after their work


@dataclasses.dataclass(frozen=True)
class Contestant:
    """`factory` called with `options` in a new process, "module:function" of the contestants.

    It returns a function of n that does the work n times; a turn's result is seconds per work.
    """

    name: str
    factory: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    work: int = 1  # pieces of work in a turn
    patience_s: float = 600.0  # for one answer


class Hung(RuntimeError):
    """A contestant gave no answer within its patience and was killed."""


class _Process:
    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        command = [sys.executable, "-m", "launch.benchmarks.contestant", contestant.factory]
        self._process = subprocess.Popen(
            [*command, json.dumps(dict(contestant.options))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **CPU, **contestant.environment},
            text=True,
        )
        self.ready = self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        asked, patience = time.monotonic(), self.contestant.patience_s
        deadline = threading.Timer(patience, self._process.kill)
        deadline.start()
        line = self._process.stdout.readline()
        deadline.cancel()
        if not line and time.monotonic() - asked >= patience:
            self.close()
            raise Hung(f"no answer within {patience:g} s: run the suite again")
        if not line:
            status = self.close()
            raise RuntimeError(
                f"benchmark contestant {self.contestant.name!r} ended with status {status}; "
                "its own output is above"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def turn(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{self.contestant.work}\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> int:
        """Let the process end; returns its exit status."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        return self._process.wait()


Answers = list[dict[str, Any]] | str


def run(contestants: Sequence[Contestant], rounds: int) -> dict[str, Answers]:
    """Per contestant one answer per round, or why there is none.

    An answer has "seconds" per piece of work, "cpu" (user + system seconds of it), "faults" (minor
    page faults of it) and "first" (seconds from the start of the first piece of work to its end).
    """
    processes: list[_Process] = []
    results: dict[str, Answers] = {}
    try:
        for contestant in contestants:
            try:
                process = _Process(contestant)
            except Hung as hung:
                results[contestant.name] = str(hung)
                continue
            processes.append(process)
            missing = process.ready.get("missing")
            results[contestant.name] = f"{missing} {NOT_INSTALLED}" if missing else []
        for _ in range(rounds):
            for process in processes:
                answers = results[process.contestant.name]
                if isinstance(answers, str):
                    continue
                try:
                    answers.append({**process.ready, **process.turn()})
                except Hung as hung:
                    results[process.contestant.name] = str(hung)
                time.sleep(_REST_S)
    finally:
        for process in processes:
            process.close()
    return results


def column(result: Answers, key: str = "seconds", factor: float = 1.0) -> list[float] | str:
    """One figure per round; the reason of absence as it is."""
    return result if isinstance(result, str) else [answer[key] * factor for answer in result]


def own(
    results: Mapping[str, Answers], name: str, key: str = "seconds", factor: float = 1.0
) -> list[float]:
    """One figure per round of a contestant that is ours. Raises RuntimeError if it did not run."""
    figures = column(results[name], key, factor)
    if isinstance(figures, str):
        raise RuntimeError(f"our own contestant did not run: {name}: {figures}")
    return figures
