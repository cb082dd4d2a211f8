"""Parity with the TD3 paper: `python -m launch.parity --out_dir=runs/parity`.

Trains InvertedPendulum, InvertedDoublePendulum, Hopper and HalfCheetah through `launch.train`, one
run after another, and writes curves.csv, summary.csv and one PNG for each environment beside the
published curves. Finished runs are kept and interrupted ones resumed, so it can be run in parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from absl import app, flags

from launch.parity_results import TASKS, Task, write_results
from launch.study import train_run

_OUT = flags.DEFINE_string("out_dir", "runs/parity", "folder of runs and results")
_ENVS = flags.DEFINE_list("envs", [task.env for task in TASKS], "environments to train")
_SEEDS = flags.DEFINE_integer("seeds", 0, "seeds of each; 0 = 5 for the pendulums, else 3")
_ARGS = flags.DEFINE_list("train_args", [], "further flags of launch.train, e.g. --tau=0.005")


def flags_of(task: Task, seed: int) -> list[str]:
    """Those of launch.train for one seed."""
    words = [f"--env={task.env}", f"--seed={seed}", "--preset=td3_paper", "--final_episodes=0"]
    return [*words, f"--steps={task.steps}", f"--learning_starts={task.learning_starts}"]


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
            words = [*flags_of(task, seed), *_ARGS.value]
            code = train_run(out / f"{task.env}-seed{seed}", words)
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
