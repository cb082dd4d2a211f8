"""`python -m launch.benchmark`: our figures, the peers' and the bars, in one table."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

from launch.benchmarks.measurements import Measurement, explain_rest, table, write_json

SUITES = ("update", "replay", "act", "loop", "standin", "gpu", "scaling")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m launch.benchmark", description=__doc__)
    parser.add_argument(
        "--suite",
        action="append",
        choices=SUITES,
        help="what to measure; may be given several times; default: all but scaling",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as a JSON list")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each contestant (7)")
    parser.add_argument("--cores", type=int, default=2, help="CPU cores to use (2)")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="scaling: where plots go")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the suites in turn; 0 unless an argument is wrong."""
    options = _parser().parse_args(arguments)
    if options.rounds < 1 or options.cores < 1:
        print("benchmark: --rounds and --cores must be at least 1", file=sys.stderr)
        return 2
    if options.json is not None and not options.json.resolve().parent.is_dir():
        print(f"benchmark: no folder {options.json.resolve().parent} for --json", file=sys.stderr)
        return 2
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    rows: list[Measurement] = []
    for suite in options.suite or SUITES[:-1]:
        module = importlib.import_module(f"launch.benchmarks.suites.{suite}")
        extra = {"plots": options.plots} if suite == "scaling" else {}
        rows += explain_rest(module.run(options.rounds, **extra))
        if options.json is not None:  # after each suite: a long run keeps what it has
            write_json(options.json, rows)
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
