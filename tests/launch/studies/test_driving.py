"""Results of the driving study from runs on disk, and of the process that makes a run."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tensorboardX import SummaryWriter

from launch.studies.driving import binned, write_results
from launch.studies.study import conduct

EVALUATED = {
    "route_completion": 0.5,
    "success": 0.0,
    "driving_score": 40.0,
    "collisions": 0.25,
    "speed_mean": 7.125,
}


def put_run(folder: Path, returns: dict[int, float], finished: bool = True) -> None:
    folder.mkdir()
    with SummaryWriter(str(folder)) as writer:
        for step, value in returns.items():
            writer.add_scalar("train/episode_reward", value, step)
    (folder / "evaluation.json").write_text(json.dumps({"summary": EVALUATED}))
    if finished:
        (folder / "report.json").write_text("{}")


def test_bins_average_the_episodes_that_ended_in_them():
    middles, means = binned((np.array([400, 1000, 1001, 3500]), np.array([1.0, 3.0, 7.0, -5.0])))
    np.testing.assert_array_equal(middles, [500, 1500, 3500])
    np.testing.assert_array_equal(means, [2.0, 7.0, -5.0])


def test_results_are_of_finished_runs_alone(tmp_path):
    put_run(tmp_path / "preset-seed0", {1000: -10.0, 2500: 100.0, 3000: 300.0})
    put_run(tmp_path / "preset-seed1", {1000: 5.0}, finished=False)
    put_run(tmp_path / "no_shift-seed0", {3000: 20.0})
    first, second = write_results(tmp_path)
    assert (first["arm"], first["seed"], first["steps"]) == ("preset", "0", 3000)
    assert first["late_return"] == "200"
    assert (first["route_completion"], first["speed_mean"]) == ("0.5", "7.12")
    assert (second["arm"], second["late_return"]) == ("no_shift", "20")
    with (tmp_path / "episodes.csv").open() as file:
        points = list(csv.DictReader(file))
    assert [float(point["return"]) for point in points] == [-10.0, 100.0, 300.0, 20.0]
    assert (tmp_path / "driving.png").stat().st_size > 5000


def test_a_finished_run_is_not_trained_again_and_a_failure_is_passed_on(tmp_path, capfd):
    put_run(tmp_path / "preset-seed0", {1: 1.0})
    done, new = ("preset-seed0", ["--no_such_flag"]), ("preset-seed1", ["--preset=carlo"])
    code, rows = conduct("study", tmp_path, [done], write_results)
    assert (code, len(rows)) == (0, 1)
    code, _ = conduct("study", tmp_path, [done, new], write_results)
    assert code == 2
    told = capfd.readouterr()
    assert "unknown preset 'carlo'" in told.err
    assert "study: preset-seed1 ended with exit code 2" in told.out


@pytest.mark.parametrize("words", [["--arms=presto"], ["--seeds=0"]], ids=str)
def test_a_wrong_flag_is_one_line(tmp_path, words):
    command = [sys.executable, "-m", "launch.driving", f"--out_dir={tmp_path}", *words]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode != 0
    assert words[0].split("=")[1] in result.stdout + result.stderr
