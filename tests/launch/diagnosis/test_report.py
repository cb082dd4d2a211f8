"""report.md, report.json and the plots."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import synthetic_runs
from matplotlib.image import imread
from synthetic_runs import write_events

from launch.diagnosis.causes import rank_causes
from launch.diagnosis.criteria import Criterion
from launch.diagnosis.plots import plot_all, plot_q_values
from launch.diagnosis.read.columns import Unreadable
from launch.diagnosis.report import cause_section, criteria_table, report_run, write_report
from launch.diagnosis.series import curve
from launch.diagnosis.tags import reward_parts
from launch.diagnosis.verdict import NO_GO, judge

PICTURES = {"returns.png", "q_values.png", "gradient_norms.png", "reward_shares.png", "losses.png"}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    series = synthetic_runs.feature_leak()
    evaluation = {"route_completion": 0.25, "collisions_per_km": float("nan"), "policy": "final"}
    write_report(
        folder,
        judge(series),
        rank_causes(series),
        series,
        {"seed": 3},
        evaluation,
        notes=("a note",),
    )
    return folder


def test_files_are_whole_and_nothing_is_left_over(written):
    assert {path.name for path in written.iterdir()} == PICTURES | {"report.md", "report.json"}


def test_markdown_says_everything_once(written):
    text = (written / "report.md").read_text()
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings[0] == "# NO-GO"
    for title in ("## Likely cause", "## Criteria", "## Evaluation", "## Plots", "## Notes"):
        assert headings.count(title) == 1
    assert "| route_completion | 0.25 |" in text
    assert "![q_values](q_values.png)" in text
    assert "- Try first: Evaluate the critic in the actor's loss on observations" in text
    assert "- a note" in text


def test_json_is_strict_and_matches(written):
    def refuse(name):
        raise AssertionError(name)

    table = json.loads((written / "report.json").read_text(), parse_constant=refuse)
    assert table["decision"] == NO_GO
    assert table["likely_causes"] == ["feature_leak"]
    assert table["config"] == {"seed": 3}
    assert table["evaluation"]["collisions_per_km"] is None
    assert table["actor_q_growth"]["slope"] == pytest.approx(4.0, abs=0.01)
    assert set(table["plots"]) == PICTURES
    failed = [row for row in table["criteria"] if row["passed"] is False]
    assert len(failed) == len(table["reasons"])
    assert {cause["name"] for cause in table["causes"]} == set(synthetic_runs.FAULTS)


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_pictures_show_something(written, name):
    pixels = imread(written / name)
    assert pixels.shape[0] > 300
    assert pixels.shape[1] > 600
    colours = np.unique(pixels[..., :3].reshape(-1, 3).round(2), axis=0)
    assert len(colours) > 20


def test_actor_and_replay_q_are_told_apart_in_the_picture(tmp_path):
    series = synthetic_runs.feature_leak()
    both = imread(plot_q_values(series, tmp_path / "both.png"))
    alone = {tag: c for tag, c in series.items() if "actor_q" not in tag}
    replay = imread(plot_q_values(alone, tmp_path / "replay.png"))
    assert _red(both) > 200
    assert _red(replay) == 0


def _red(pixels: np.ndarray) -> int:
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    return int(((red > 0.7) & (green < 0.3) & (blue < 0.3)).sum())


def test_plots_without_scalars_are_left_out(tmp_path):
    assert plot_all({}, tmp_path) == ()
    some = {"train/critic_loss": curve([1, 2], [3, 4])}
    assert [path.name for path in plot_all(some, tmp_path)] == ["losses.png"]


def test_plots_take_nan_zero_and_single_points(tmp_path):
    series = {
        "debug/actor_q_mean": curve([1, 2, 3], [np.nan, 0.0, -5.0]),
        "train/episode_reward": curve([1], [2.0]),
        "train/actor_loss": curve([1, 2], [np.inf, 1.0]),
    }
    assert len(plot_all(series, tmp_path)) == 3


def test_report_run_reads_a_run_folder(tmp_path):
    write_events(tmp_path / "events", synthetic_runs.healthy())
    (tmp_path / "config.json").write_text('{"agent": {"discount": 0.99}, "preset": "carla"}')
    verdict = report_run(tmp_path, evaluation={"success": 1.0}).verdict
    text = (tmp_path / "report.md").read_text()
    assert verdict.decision == "GO"
    assert text.startswith("# GO\n")
    assert "No signature matches." in text
    assert json.loads((tmp_path / "report.json").read_text())["config"]["preset"] == "carla"
    elsewhere = report_run(tmp_path, out_dir=tmp_path / "again").verdict
    assert elsewhere.rows == verdict.rows
    assert (tmp_path / "again" / "report.md").is_file()


def test_report_run_without_scalars_writes_nothing(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(Unreadable):
        report_run(tmp_path / "run", out_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_reward_part_that_nobody_here_knows_is_drawn(tmp_path):
    steps = np.arange(10)
    series = {"reward/headway": curve(steps, steps), "reward/total": curve(steps, steps)}
    assert reward_parts(series) == ("headway",)
    assert [path.name for path in plot_all(series, tmp_path)] == ["reward_shares.png"]
    assert plot_all({"reward/total": series["reward/total"]}, tmp_path) == ()


def test_criteria_that_were_not_measured_are_one_line():
    known = Criterion("5K", "known", 1.0, 5.0, "<", passed=True)
    rows = [known, *(Criterion(stage, "|gap|", None, 5.0, "<") for stage in ("5K", "10K"))]
    lines = criteria_table(rows)
    assert len(lines) == 5
    assert lines[-1] == "Not measured, 2 of 3: |gap| (5K, 10K)."
    assert criteria_table(rows[1:]) == ["Not measured, 2 of 2: |gap| (5K, 10K)."]


def test_pipes_in_evidence_do_not_break_the_table():
    stale = next(c for c in rank_causes(synthetic_runs.healthy()) if c.name == "stale_targets")
    lines = cause_section([stale], bad=False)
    row = next(line for line in lines if line.startswith("| stale_targets"))
    assert "Q - target Q" in row
    assert row.replace("\\|", "").count("|") == 4


def test_pipes_in_criteria_do_not_break_the_table():
    rows = [Criterion("5K", "|Q1 - Q2|, mean", 1.0, 5.0, "<", "per scale", None, 0.2, True)]
    line = criteria_table(rows)[-1]
    assert line.replace("\\|", "").count("|") == 9
    assert line.endswith("| pass |")
