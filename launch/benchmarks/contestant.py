"""The process of one contestant: reads how often to work, answers with what it took."""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

Work = Callable[[int], None]
_OPTIONAL = {"torch", "torch with CUDA", "stable_baselines3", "sbx"}


def repeated(function: Callable[[], object]) -> Work:
    """Work that calls a function n times."""

    def work(count: int) -> None:
        for _ in range(count):
            function()

    return work


def _usage() -> tuple[float, int]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, usage.ru_minflt


def turn(work: Work, count: int) -> dict[str, float]:
    """Do a piece of work `count` times; return its seconds, CPU seconds and page faults."""
    cpu, faults = _usage()
    start = time.perf_counter()
    work(count)
    seconds = time.perf_counter() - start
    cpu_after, faults_after = _usage()
    return {
        "seconds": seconds / count,
        "cpu": (cpu_after - cpu) / count,
        "faults": (faults_after - faults) / count,
    }


def _prepare(factory: str, options: dict[str, Any]) -> tuple[Work | None, dict[str, Any]]:
    module, function = factory.split(":")
    try:
        contestants = importlib.import_module(f"launch.benchmarks.contestants.{module}")
        work: Work = getattr(contestants, function)(**options)
    except ModuleNotFoundError as error:
        if error.name not in _OPTIONAL:
            raise
        return None, {"missing": error.name}
    start = time.perf_counter()
    work(1)
    first = time.perf_counter() - start
    work(2)
    return work, {"first": first}


def main() -> None:
    """`python -m launch.benchmarks.contestant module:function '{"option": 1}'`."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    work, ready = _prepare(sys.argv[1], json.loads(sys.argv[2]))
    print(json.dumps(ready), file=answers, flush=True)
    for line in sys.stdin:
        if work is not None:
            print(json.dumps(turn(work, int(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
