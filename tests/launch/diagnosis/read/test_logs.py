"""Runs in several files and folders, and what was wrong with them."""

from __future__ import annotations

import json

import pytest
import synthetic_runs
from synthetic_runs import write_events

from launch.diagnose import examine, summary
from launch.diagnosis.read.columns import Unreadable
from launch.diagnosis.read.logs import read_run
from launch.diagnosis.report import run_warnings
from launch.diagnosis.series import curve
from launch.diagnosis.tags import nearest_names, read_tag_map, tag_map_skeleton


def one(tag: str, *values: float, wall: float = 0.0) -> dict:
    steps = [1000 * (i + 1) for i in range(len(values))]
    return {tag: curve(steps, values, [wall + step for step in steps])}


def test_lines_of_one_chart_of_torch_are_one_run(tmp_path):
    write_events(tmp_path, one("charts/episodic_return", 5, 6))
    write_events(tmp_path / "losses_actor_loss", one("losses", -3, -4))
    write_events(tmp_path / "losses_critic_loss", one("losses", 0.1, 0.2))
    series = read_run(tmp_path).series
    assert series["train/actor_loss"].values.tolist() == [-3, -4]
    assert series["train/critic_loss"].values.tolist() == pytest.approx([0.1, 0.2])
    assert series["train/episode_reward"].values.tolist() == [5, 6]


def test_hyperparameters_of_torch_repeat_nothing(tmp_path):
    write_events(tmp_path, one("eval/return", 5, 6))
    write_events(tmp_path / "1700000000.123", one("eval/return", 99))
    assert read_run(tmp_path).series["eval/return"].values.tolist() == [5, 6]


def test_training_and_evaluation_folders_are_one_run(tmp_path):
    write_events(tmp_path / "train", one("Metrics/AverageReturn", 5, 6))
    write_events(tmp_path / "eval", one("Metrics/AverageReturn", 7, 8))
    series = read_run(tmp_path).series
    assert series["train/episode_reward"].values.tolist() == [5, 6]
    assert series["eval/return"].values.tolist() == [7, 8]


def test_folders_of_seeds_stay_several_runs(tmp_path):
    for seed in ("seed-1", "seed-2"):
        write_events(tmp_path / seed, one("train/actor_loss", 1, 2))
    with pytest.raises(Unreadable, match="several runs beneath it"):
        read_run(tmp_path)


def beside(folder, series, name: str) -> None:
    """An event file of this name in a folder that may hold others."""
    source = write_events(folder / name, series)
    source.rename(folder / f"events.out.tfevents.{name}")
    (folder / name).rmdir()


def test_two_runs_written_at_once_into_one_folder_are_said(tmp_path):
    beside(tmp_path, one("train/actor_loss", 1, 2, 3, wall=10.0), "1.a")
    beside(tmp_path, one("train/actor_loss", 7, 8, 9, wall=500.0), "2.b")
    lines = run_warnings(read_run(tmp_path))
    assert any("written at the same time: two runs in one folder" in line for line in lines)
    assert any("1.a" in line and "2.b" in line for line in lines)


def test_a_resumed_run_is_no_second_one(tmp_path):
    beside(tmp_path, one("train/actor_loss", 1, 2, 3, wall=10.0), "1.a")
    beside(tmp_path, one("train/actor_loss", 7, 8, 9, wall=50_000.0), "2.b")
    assert run_warnings(read_run(tmp_path)) == ()


def test_damage_is_said_before_the_verdict(tmp_path):
    path = write_events(tmp_path, synthetic_runs.feature_leak())
    data = bytearray(path.read_bytes())
    data[int(0.4 * len(data)) :] = b"\x00" * (len(data) - int(0.4 * len(data)))
    path.write_bytes(bytes(data))
    lines = summary(examine(tmp_path))
    verdict = next(i for i, line in enumerate(lines) if line.startswith("NO-GO"))
    assert any("damaged" in line for line in lines[:verdict])


def test_ignored_scalars_are_said_before_the_verdict_with_a_map_to_correct(tmp_path):
    own = synthetic_runs.healthy()
    steps = own["debug/q1_mean"].steps
    series = {
        "train/actor_loss": own["train/actor_loss"],
        "my/critic_loss_total": curve(steps, own["train/critic_loss"].values),
        "my/meanQ1": curve(steps, own["train/q1_value"].values),
        "my/temperature": curve(steps, steps),
    }
    write_events(tmp_path / "log", series)
    lines = summary(examine(tmp_path / "log"))
    verdict = next(i for i, line in enumerate(lines) if line.startswith("UNDECIDED"))
    assert any("3 of 4 scalars are unknown" in line for line in lines[:verdict])
    line = next(line for line in lines[:verdict] if "--tag_map" in line)
    table = tmp_path / "map.json"
    table.write_text(line.partition("a file with ")[2])
    mapped = read_run(tmp_path / "log", read_tag_map(table))
    assert {"train/critic_loss", "train/q1_value"} <= set(mapped.series)
    assert mapped.foreign == ("my/temperature",)


def test_nearest_names():
    near = nearest_names(["agent1/policy_loss", "Loss/QF1", "qf1_value", "avg_episode_reward"])
    assert near["agent1/policy_loss"] == "train/actor_loss"
    assert near["qf1_value"] == "train/q1_value"
    assert near["avg_episode_reward"] == "train/episode_reward"
    own = {"qvals_pi": "debug/actor_q_mean", "c_loss": "train/critic_loss"}
    assert nearest_names(own) == own
    assert "xyzzy" not in nearest_names(["xyzzy"])
    assert json.loads(tag_map_skeleton(["xyzzy"])) == {"xyzzy": "train/actor_loss"}


def test_a_log_without_a_known_tag_names_a_map_to_correct(tmp_path):
    write_events(tmp_path, one("own/pi_loss", 1, 2))
    with pytest.raises(Unreadable) as caught:
        read_run(tmp_path)
    assert '{"own/pi_loss": "train/actor_loss"}' in str(caught.value)
