"""Trainings by turns in one run, so that a shared machine's speed is the same for all of them.

    python tests/launch/training/paired_runs.py --run="--simulators=1" \\
      --run="--simulators=2 --update_ratio=0.1" --all="--steps=700 --learning_starts=300"

trains with the flags of each --run in turn and prints environment steps, updates and busy cores a
second after learning started, and medians of their ratios to the first's.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parents[1])]

from run_support import below, column, last_step, process  # noqa: E402

COLUMNS = ("environment steps/s", "updates/s", "busy cores")
OF_ALL = ("--eval_every=0", "--final_episodes=0", "--checkpoint_every=0", "--norecord_video")


def _cpu_seconds(pid: int) -> float:
    """CPU time of a process and of all that lives below it."""
    ticks = 0
    for number in (pid, *below(pid)):
        try:
            fields = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measured(words: list[str], starts: int) -> tuple[float, ...]:
    """Train once; the three columns between the first and the last log point that learned."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        child = process(*OF_ALL, *words, f"--run_dir={run}")
        samples: list[tuple[float, float]] = []
        while child.poll() is None:
            if last_step(run) > starts:
                samples.append((time.monotonic(), _cpu_seconds(child.pid)))
            time.sleep(0.5)
        _, err = child.communicate()
        if child.returncode or len(samples) < 3:
            raise SystemExit(f"{' '.join(words)}: too short, or failed: {err[-500:]}")
        updates = column(run, "time/updates_per_second")
        learned = [index for index, value in enumerate(updates) if value > 0.0][1:]
        means = [
            statistics.fmean(column(run, f"time/{name}_per_second")[index] for index in learned)
            for name in ("steps", "updates")
        ]
        began, before = samples[0]
        ended, after = max(samples, key=lambda sample: sample[1])  # before simulators were ended
        return *means, (after - before) / (ended - began)


def main() -> None:
    """Measure all by turns."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", action="append", required=True, help="flags of one training")
    parser.add_argument("--all", default="", help="flags of all of them")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--starts", type=int, default=300, help="steps before what is measured")
    options = parser.parse_args()
    rows: dict[str, list[tuple[float, ...]]] = {flags: [] for flags in options.run}
    for _ in range(options.rounds):
        for flags, found in rows.items():
            words = [*options.all.split(), *flags.split()]
            found.append(measured(words, options.starts))
            figures = ", ".join(f"{v:.3g} {c}" for v, c in zip(found[-1], COLUMNS, strict=True))
            print(f"{flags or 'plain'}: {figures}", flush=True)
    first = rows[options.run[0]]
    for flags, found in list(rows.items())[1:]:
        for at, name in enumerate(COLUMNS):
            ratios = [one[at] / base[at] for one, base in zip(found, first, strict=True)]
            print(f"{flags}: {name} {statistics.median(ratios):.2f} of the first's")


if __name__ == "__main__":
    main()
