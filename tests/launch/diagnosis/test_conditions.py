"""Verdicts and causes on kept logs of runs whose condition is known, ours and others'."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

import pytest

from launch.diagnosis.causes import NAMES
from launch.diagnosis.verdict import NO_GO
from launch.studies.conditions.judging import Judged, judge_all, score, split_report
from launch.studies.conditions.manifest import HELD_OUT, entry, read_manifest
from launch.studies.conditions.plan import HEALTHY, LATE, planned

FOLDER = Path(__file__).parents[1] / "data" / "conditions"
DOC = Path(__file__).parents[3] / "docs" / "diagnosis.md"
ENTRIES = read_manifest(FOLDER)


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    return judge_all(FOLDER, ENTRIES)


def test_the_runs_cover_every_condition_and_a_fifth_is_held_out():
    assert len(ENTRIES) >= 60
    assert {e.condition for e in ENTRIES} == {HEALTHY, LATE, *NAMES}
    held = [e for e in ENTRIES if e.split == HELD_OUT]
    assert len(held) >= len(ENTRIES) / 5
    assert all(e.seed % 5 == 0 for e in held)
    assert {e.source for e in ENTRIES} == {"ours", "sb3", "cleanrl", "predecessor", "ablation"}


def test_the_manifest_says_what_the_plan_says():
    kept = {e.path: e for e in ENTRIES if not e.path.startswith("..")}
    assert set(kept) == {path.name for path in FOLDER.iterdir() if path.is_dir()}
    plan = {run.name: entry(run) for run in planned()}
    assert kept == {name: plan[name] for name in kept}
    assert all(shlex.split(e.command) for e in kept.values())


def test_no_healthy_run_is_no_go(judged):
    wrong = [run for run in judged if run.entry.condition == HEALTHY and run.decision == NO_GO]
    assert not wrong


def test_verdicts_and_causes_are_right_often_enough(judged):
    shares = score(judged)
    assert shares.verdicts >= 0.95
    assert shares.causes >= 0.85
    assert score([run for run in judged if run.entry.split == HELD_OUT]).causes >= 0.85


def test_a_late_start_of_learning_is_judged_from_the_first_update(judged):
    (late,) = (run for run in judged if "learning_starts=5200" in run.entry.command)
    assert late.entry.condition == HEALTHY
    assert late.decision != NO_GO
    assert "counted from the first update" in late.reasons[0]


def test_a_right_score_can_be_lost(judged):
    healthy = next(run for run in judged if run.entry.condition == HEALTHY)
    assert healthy.verdict_right
    assert not healthy._replace(decision=NO_GO).verdict_right
    late = next(run for run in judged if run.entry.condition == LATE and run.cause_right)
    moved = dataclasses.replace(late.entry, onset=late.entry.onset + 5_000)
    assert not late._replace(entry=moved).cause_right


def test_the_document_has_the_table(judged):
    text = DOC.read_text()
    for line in split_report(judged):
        if line.startswith(("|", "- missed")):
            assert line in text
