"""Parity with the TD3 paper: `python -m launch.parity --out_dir=runs/parity`.

Trains InvertedPendulum, InvertedDoublePendulum, Hopper and HalfCheetah through `launch.train`, one
run after another, and writes curves.csv, summary.csv and one PNG for each environment beside the
published curves. Finished runs are kept and interrupted ones resumed, so it can be run in parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from absl import app, flags

from launch.studies.parity import TASKS, Task, write_results
from launch.studies.study import conduct

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
    tasks = [task for task in TASKS if task.env in _ENVS.value]
    runs = [
        (f"{task.env}-seed{seed}", [*flags_of(task, seed), *_ARGS.value])
        for task in tasks
        for seed in range(_SEEDS.value or task.seeds)
    ]
    code, rows = conduct("parity", Path(_OUT.value), runs, lambda out: write_results(out, tasks))
    return code or (0 if all(row["holds"] for row in rows) else 1)


if __name__ == "__main__":
    app.run(main)
