"""Tables that other programs write, each as it comes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from launch.diagnosis.read.columns import Unreadable
from launch.diagnosis.read.logs import read_run
from launch.diagnosis.read.tables import read_table

STEPS = (500, 1000, 1500)
Q = (1.5, 2.5, -3.5)


def lines(*rows: tuple[object, ...], delimiter: str = ",") -> str:
    return "".join(delimiter.join(map(str, row)) + "\n" for row in rows)


def wide(*names: str, delimiter: str = ",") -> str:
    """A header and rows whose first column is the step and whose others are all Q."""
    rows = [(step, *[q] * (len(names) - 1)) for step, q in zip(STEPS, Q, strict=True)]
    return lines(names, *rows, delimiter=delimiter)


DOWNLOAD = lines(
    ("Wall time", "Step", "Value"), *((1.7e9, s, q) for s, q in zip(STEPS, Q, strict=True))
)
TABLES = {
    "TensorBoard's download": (
        "run-.-tag-train_actor_loss.csv",
        lines(
            ("Wall time", "Step", "Value"), *((1.7e9, s, q) for s, q in zip(STEPS, Q, strict=True))
        ),
        "train/actor_loss",
    ),
    "TensorBoard's download, a foreign tag": (
        "run-td3_1-tag-losses_qf1_values.csv",
        lines(
            ("Wall time", "Step", "Value"), *((1.7e9, s, q) for s, q in zip(STEPS, Q, strict=True))
        ),
        "train/q1_value",
    ),
    "W&B's chart": (
        "wandb_export.csv",
        wide('"Step"', '"td3-1 - losses/actor_loss"', '"td3-1 - losses/actor_loss__MIN"'),
        "train/actor_loss",
    ),
    "W&B's history": ("history.csv", wide("_step", "losses/actor_loss"), "train/actor_loss"),
    "RLlib": (
        "progress.csv",
        wide("timesteps_total", "info/learner/default_policy/learner_stats/mean_q"),
        "train/q1_value",
    ),
    "DrQ-v2": ("train.csv", wide("step", "critic_target_q"), "debug/target_q_mean"),
    "a byte order mark": ("bom.csv", "\ufeff" + wide("step", "train/q1_value"), "train/q1_value"),
    "semicolons and decimal commas": (
        "excel.csv",
        wide("step", "train/q1_value", delimiter=";").replace(".", ","),
        "train/q1_value",
    ),
    "jaxrl": (
        "42.txt",
        lines(*zip(STEPS, Q, strict=True), delimiter=" "),
        "eval/return",
    ),
    "JSON lines": (
        "metrics.jsonl",
        "".join(
            json.dumps({"step": s, "train": {"actor_loss": q}, "note": "x"}) + "\n"
            for s, q in zip(STEPS, Q, strict=True)
        ),
        "train/actor_loss",
    ),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("as_folder", [False, True], ids=["file", "folder"])
def test_a_table_is_read_with_its_steps(tmp_path, name, as_folder):
    file, text, tag = TABLES[name]
    (tmp_path / file).write_text(text, encoding="utf-8")
    run = read_run(tmp_path if as_folder else tmp_path / file)
    values = run.series[tag]
    assert values.steps.tolist() == list(STEPS)
    np.testing.assert_allclose(values.values, Q)
    assert run.warnings == ()


def test_the_history_of_wandb_goes_by_environment_steps(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text(lines(("_step", "global_step", "losses/actor_loss"), (0, 900, 1), (1, 1800, 2)))
    assert read_run(path).series["train/actor_loss"].steps.tolist() == [900, 1800]


def test_a_chart_of_several_runs_is_refused_by_name(tmp_path):
    path = tmp_path / "chart.csv"
    path.write_text(wide("Step", "seed-1 - losses/actor_loss", "seed-2 - losses/actor_loss"))
    with pytest.raises(Unreadable, match=r"several runs in one chart \(seed-1, seed-2\)"):
        read_run(path)


def test_monitor_counts_steps_by_episode_lengths(tmp_path):
    path = tmp_path / "0.monitor.csv"
    path.write_text('#{"t_start": 1.0}\nr,l,t\n-10.5,200,1.0\n-9.5,150,2.0\n')
    series = read_run(path).series
    assert series["train/episode_reward"].steps.tolist() == [200, 350]
    assert series["train/episode_reward"].values.tolist() == [-10.5, -9.5]
    assert series["train/episode_length"].values.tolist() == [200, 150]


def test_training_and_evaluation_tables_of_one_folder_are_one_run(tmp_path):
    (tmp_path / "train.csv").write_text(wide("step", "episode_reward"))
    (tmp_path / "eval.csv").write_text(wide("step", "episode_reward"))
    assert {"train/episode_reward", "eval/return"} <= set(read_run(tmp_path).series)


def test_evaluations_of_sb3_are_means_over_episodes(tmp_path):
    path = tmp_path / "evaluations.npz"
    results, lengths = np.array([[1.0, 3.0], [5.0, 7.0]]), np.array([[10, 20], [30, 50]])
    np.savez(path, timesteps=[1000, 2000], results=results, ep_lengths=lengths)
    series = read_run(path).series
    assert series["eval/return"].values.tolist() == [2.0, 6.0]
    assert series["eval/length"].values.tolist() == [15.0, 40.0]
    assert series["eval/return"].steps.tolist() == [1000, 2000]


def test_damaged_json_lines_are_counted(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "train/actor_loss": 2}\n{"step": 2, "tr\n[1]\n')
    run = read_run(path)
    assert run.series["train/actor_loss"].values.tolist() == [2]
    assert run.warnings == ("metrics.jsonl: 2 lines are no JSON object, skipped",)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.npz", b"no archive"),
        ("a.jsonl", b'{"loss": 1}\n'),
        ("a.jsonl", b"\xff\xfe\x00"),
        ("a.csv", b"a,b\n1,2\n"),
        ("a.monitor.csv", b"#{}\nx,y\n1,2\n"),
        ("model.zip", b"PK\x03\x04 something else"),
    ],
)
def test_what_is_not_read_is_refused_with_the_formats_that_are(tmp_path: Path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(Unreadable, match="formats read: TensorBoard event files") as caught:
        read_run(path)
    assert "\n" not in str(caught.value)


def test_an_archive_of_other_arrays_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    with pytest.raises(Unreadable, match=r"evaluations\.npz"):
        read_table(tmp_path / "other.npz")
