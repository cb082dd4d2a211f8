"""Results of the parity command from runs on disk."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from tensorboardX import SummaryWriter

from launch.studies.parity import TASKS, write_results

HOPPER = next(task for task in TASKS if task.env == "Hopper-v5")


def put_run(out: Path, seed: int, returns: dict[int, float], finished: bool) -> None:
    folder = out / f"{HOPPER.env}-seed{seed}"
    folder.mkdir()
    with SummaryWriter(str(folder)) as writer:
        for step, value in returns.items():
            writer.add_scalar("eval/return", value, step)
    if finished:
        (folder / "report.json").write_text("{}")


def test_results_are_of_finished_runs_alone(tmp_path):
    steps = np.arange(5_000, 305_000, 5_000)
    for seed, level in enumerate((2_400.0, 2_500.0)):
        put_run(tmp_path, seed, {int(s): level * s / 300_000 for s in steps}, finished=True)
    put_run(tmp_path, 2, {5_000: 12.0}, finished=False)
    (row,) = write_results(tmp_path, [HOPPER])
    assert row["seeds"] == 2
    assert row["best"] == "2400 2500"
    assert row["steps"] == 300_000
    assert row["holds"]
    with (tmp_path / "curves.csv").open() as file:
        points = list(csv.DictReader(file))
    assert {point["seed"] for point in points} == {"0", "1"}
    assert len(points) == 2 * len(steps)


def test_a_return_far_below_the_published_one_does_not_hold(tmp_path):
    for seed in range(3):
        put_run(tmp_path, seed, {300_000: 900.0 + seed}, finished=True)
    (row,) = write_results(tmp_path, [HOPPER])
    assert not row["holds"]
    assert row["last_ten_mean"] == "901"
