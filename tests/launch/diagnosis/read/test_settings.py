"""CleanRL's hyperparameters: a text in the event file, which tells gamma, tau and the rate."""

from __future__ import annotations

from pathlib import Path

from tensorboardX import SummaryWriter

from launch.diagnosis.read.logs import read_run
from launch.diagnosis.read.settings import read_settings
from launch.diagnosis.verdict import NO_GO, judge


def write(folder: Path, table: str) -> Path:
    """An event file of a text and two scalars."""
    writer = SummaryWriter(str(folder))
    writer.add_text("hyperparameters", table)
    for step in (100, 2_000):
        writer.add_scalar("losses/actor_loss", -1.0, step)
        writer.add_scalar("losses/qf_loss", 0.1, step)
    writer.close()
    (path,) = folder.iterdir()
    return path


def test_numbers_of_the_table_are_settings(tmp_path):
    table = "|param|value|\n|-|-|\n|gamma|1.1|\n|env_id|Pendulum-v1|\n|tau|0.005|\n|cuda|True|"
    path = write(tmp_path / "log", table)
    assert read_settings(path) == {"gamma": 1.1, "tau": 0.005}
    run = read_run(tmp_path / "log")
    assert (run.facts.discount, run.facts.tau, run.facts.driving) == (1.1, 0.005, False)
    verdict = judge(run.series, None, run.facts)
    assert verdict.decision == NO_GO
    assert any("gamma is 1.1" in reason for reason in verdict.reasons)


def test_a_text_without_a_table_and_a_file_without_text_give_none(tmp_path):
    assert read_settings(write(tmp_path / "log", "no table")) == {}
    assert read_settings(tmp_path / "missing") == {}
    assert read_run(tmp_path / "log").config is None


def test_a_config_file_goes_before_the_text(tmp_path):
    write(tmp_path / "log", "|gamma|1.1|")
    (tmp_path / "log" / "config.json").write_text('{"gamma": 0.9}')
    assert read_run(tmp_path / "log").facts.discount == 0.9
