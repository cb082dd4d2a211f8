"""Parity with the TD3 paper: `python -m launch.parity --out_dir=runs/parity`.

Trains InvertedPendulum, InvertedDoublePendulum, Hopper and HalfCheetah through `launch.train`, one
run after another, and writes curves.csv, summary.csv and one PNG for each environment beside the
published curves. Finished runs are kept and interrupted ones resumed, so it can be run in parts.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import app, flags

from launch.parity_results import TASKS, Task, write_results

_OUT = flags.DEFINE_string("out_dir", "runs/parity", "folder of runs and results")
_ENVS = flags.DEFINE_list("envs", [task.env for task in TASKS], "environments to train")
_SEEDS = flags.DEFINE_integer("seeds", 0, "seeds of each; 0 = 5 for the pendulums, else 3")
_ARGS = flags.DEFINE_list("train_args", [], "further flags of launch.train, e.g. --tau=0.005")


def train_run(task: Task, seed: int, folder: Path, extra: Sequence[str]) -> int:
    """Train one seed unless it is finished, resuming where it stopped; the exit code."""
    if (folder / "report.json").exists():
        return 0
    where = f"--resume={folder}" if (folder / "checkpoints").exists() else f"--run_dir={folder}"
    command = [sys.executable, "-m", "launch.train", where, f"--env={task.env}", f"--seed={seed}"]
    command += ["--preset=td3_paper", f"--steps={task.steps}", "--final_episodes=0"]
    command.append(f"--learning_starts={task.learning_starts}")
    return subprocess.run([*command, *extra], check=False).returncode


def main(_: Sequence[str]) -> int:
    """Train what is missing, then write and print the results."""
    unknown = set(_ENVS.value) - {task.env for task in TASKS}
    if unknown:
        print(f"parity: --envs={','.join(sorted(unknown))}: no published curve here for it")
        return 2
    out = Path(_OUT.value)
    out.mkdir(parents=True, exist_ok=True)
    tasks = [task for task in TASKS if task.env in _ENVS.value]
    for task in tasks:
        for seed in range(_SEEDS.value or task.seeds):
            code = train_run(task, seed, out / f"{task.env}-seed{seed}", _ARGS.value)
            if code:
                print(f"parity: {task.env} seed {seed} ended with exit code {code}")
                return code
            write_results(out, tasks)
    rows = write_results(out, tasks)
    for row in rows:
        print("  ".join(f"{name}={value}" for name, value in row.items()))
    return 0 if all(row["holds"] for row in rows) else 1


if __name__ == "__main__":
    app.run(main)
