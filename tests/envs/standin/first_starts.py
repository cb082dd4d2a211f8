"""First starts of `launch.train` on a busy machine; prints a row for each as it ends.

`python tests/envs/standin/first_starts.py [--starts=10] [--busy=4] [--out=FILE.csv]`. Each start
finds no compiled code of any kind, and processes beside it that keep a core busy. Exit code 1
where one of them does not train to its end.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
COLUMNS = ("start", "first_line_s", "simulator_started_s", "training_s", "done_s", "exit_code")
#: A network of a few weights: what is tried here is the start, not the learning.
FLAGS = [
    "--steps=60",
    "--learning_starts=12",
    "--batch_size=8",
    "--capacity=1000",
    "--nofilm",
    "--npc_vehicles=3",
    "--conv_channels=4",
    "--conv_kernels=8",
    "--conv_strides=8",
    "--feature_size=16",
    "--hidden_sizes=8,8",
    "--final_episodes=1",
    "--eval_steps=40",
    "--episode_steps=40",
]


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Processes that do nothing but take time."""
    words = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(words) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def first_start(number: int, scratch: Path) -> dict[str, object]:
    """Trains with empty caches; seconds until each stage."""
    environment = {name: value for name, value in os.environ.items() if "CACHE" not in name}
    environment |= {"XDG_CACHE_HOME": str(scratch / "xdg"), "PYTHONPATH": str(ROOT)}
    environment |= {"NUMBA_CACHE_DIR": str(scratch / "numba")}
    words = [sys.executable, "-m", "launch.train", *FLAGS, f"--run_dir={scratch / 'run'}"]
    row: dict[str, object] = {"start": number}
    began = time.monotonic()
    with open(scratch / "stderr", "w+", encoding="utf-8") as errors:
        with subprocess.Popen(
            words, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=scratch
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                seconds = round(time.monotonic() - began, 1)
                row.setdefault("first_line_s", seconds)
                if "starting on port" in line:
                    row.setdefault("simulator_started_s", seconds)
                if "| buffer " in line:
                    row["training_s"] = seconds
        row |= {"done_s": round(time.monotonic() - began, 1), "exit_code": process.returncode}
        if process.returncode:
            errors.seek(0)
            print(errors.read()[-2000:], file=sys.stderr)
    return row


def main() -> int:
    """Runs them all; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=10, help="how many (%(default)s)")
    parser.add_argument("--busy", type=int, default=4, help="processes beside it (%(default)s)")
    parser.add_argument("--out", type=Path, help="CSV file to write the rows to as well")
    options = parser.parse_args()
    rows = []
    print(*COLUMNS, sep=",", flush=True)
    for number in range(1, options.starts + 1):
        with tempfile.TemporaryDirectory() as scratch, busy(options.busy):
            rows.append(first_start(number, Path(scratch)))
        print(*(rows[-1].get(name, "") for name in COLUMNS), sep=",", flush=True)
        if options.out:
            with open(options.out, "w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
    trained = sum(row["exit_code"] == 0 for row in rows)
    print(f"{trained} of {len(rows)} trained")
    return 0 if trained == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
