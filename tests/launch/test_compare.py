"""Runs beside each other: groups, intervals, tests, the page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from launch.compare import main
from launch.comparison import compare, read_entry
from launch.files import write_csv
from launch.page.comparing import outcomes, sentence
from launch.page.pairing import paired_table
from launch.statistics import difference, iqm, iqm_curve


def write_run(folder: Path, level: float, seed: int, **agent: float) -> Path:
    """A run whose returns rise to a level, known to the seed's hundredth."""
    folder.mkdir(parents=True)
    steps = np.arange(100, 2001, 100)
    returns = level * steps / 2000 + 0.01 * seed
    rows = [(int(s), "train/episode_reward", float(r)) for s, r in zip(steps, returns, strict=True)]
    write_csv(folder / "metrics.csv", ("step", "tag", "value"), rows)
    (folder / "config.json").write_text(json.dumps({"agent": agent, "loop": {"seed": seed}}))
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Four seeds with tau 0.005 that reach 100, four with tau 0.01 that reach 200."""
    return [
        write_run(tmp_path / f"tau{tau}-{seed}", level, seed, tau=tau, discount=0.99)
        for tau, level in ((0.005, 100.0), (0.01, 200.0))
        for seed in range(4)
    ]


def test_runs_are_grouped_by_all_but_their_seeds(runs):
    found = compare([read_entry(run) for run in runs])
    assert [group.name for group in found.groups] == ["tau=0.005", "tau=0.01"]
    assert [len(group.entries) for group in found.groups] == [4, 4]
    assert found.settings == [("tau", [0.005, 0.01])]
    assert found.tag == "train/episode_reward"
    np.testing.assert_allclose(found.groups[0].point, found.steps / 20.0, atol=0.1)
    gain = found.gains[1]
    assert gain.p == pytest.approx(2.0 / 70.0)  # of 8 choose 4 ways, the two that are as far apart
    assert gain.estimate.point == pytest.approx(95.0, abs=3.0)
    assert gain.estimate.low < gain.estimate.point < gain.estimate.high


def test_the_program_prints_tables_and_writes_the_page(runs, tmp_path, capsys):
    out = tmp_path / "both.html"
    assert main([*map(str, runs), f"--out={out}"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "| runs | seeds | return at the end | above tau=0.005 | p (Holm) |"
    assert printed[3].startswith("| tau=0.01 | 4 | ")
    assert "| tau | 0.005 | 0.01 |" in printed
    assert printed[-1] == f"page: {out}"
    text = out.read_text()
    assert "better than tau=0.005 (p 0.029)." in text
    assert str(runs[3]) in text


def test_single_runs_are_no_proof(tmp_path, capsys):
    names = ("<b>one</b>", "<b>two</b>")
    pair = [write_run(tmp_path / n, 10.0 * i, 0, tau=i, b=i, c=i) for i, n in enumerate(names, 1)]
    out = tmp_path / "pair.html"
    assert main([*map(str, pair), f"--out={out}"]) == 0
    text = out.read_text()
    assert "by too few runs to be sure" in text
    assert "<b>one" not in text
    assert "&lt;b&gt;one" in text


def test_three_groups_get_a_line_each(tmp_path):
    runs = [write_run(tmp_path / f"{i}", 10.0 * i, 0, tau=i) for i in (1, 2, 3)]
    found = compare([read_entry(run) for run in runs])
    assert sentence(found) == "3 runs in 3 groups, compared with tau=1."
    assert [line.split(" ends ")[0] for line in outcomes(found)] == ["tau=2", "tau=3"]


def evaluated(run: Path, scores: list[float], seed: int = 1000, east: float = 0.0) -> None:
    """An evaluation of a run whose drives start 100 m apart."""
    rows = [
        {
            "return": score,
            "driving_score": score,
            "track": {"x": [100.0 * i + east], "y": [0.0], "speed": [1.0], "infractions": []},
        }
        for i, score in enumerate(scores)
    ]
    table = {"env": "carla", "seed": seed, "summary": {}, "episodes": rows}
    (run / "evaluation-checkpoint.json").write_text(json.dumps(table))


def test_evaluations_on_the_same_routes_are_paired(runs, tmp_path, capsys):
    """Every route differs by 9 to 11, and the routes by 90: only pairs can tell."""
    scores = [0.0, 30.0, 60.0, 90.0]
    evaluated(runs[1], scores)
    evaluated(runs[5], [score + gain for score, gain in zip(scores, (9, 11, 9, 11), strict=True)])
    table = paired_table(compare([read_entry(run) for run in runs]))
    assert table.header == ("run", "episodes", "driving score", f"above {runs[1]}")
    assert [row[0] for row in table.rows] == [str(runs[1]), str(runs[5])]
    assert table.rows[0][1:] == ("4", "45.0 [15.0, 75.0]", "")
    gain = table.rows[1][3]
    assert gain.startswith("+10.0 [+9.")
    assert float(gain[:-1].split("+")[-1]) <= 11.0
    out = tmp_path / "both.html"
    assert main([*map(str, runs), f"--out={out}"]) == 0
    assert f"| {runs[5]} | 4 | " in capsys.readouterr().out
    assert "On the same routes" in out.read_text()


@pytest.mark.parametrize(
    "other", [{"seed": 7}, {"east": 20.0}, {"scores": [1.0, 2.0]}, {"scores": [1.0]}]
)
def test_other_routes_are_not_paired(runs, other):
    evaluated(runs[0], [0.0, 30.0, 60.0])
    evaluated(runs[1], **{"scores": [1.0, 2.0, 3.0], **other})
    assert paired_table(compare([read_entry(run) for run in runs])).rows == []


def test_logs_without_settings_stay_apart(runs):
    (runs[0] / "config.json").unlink()
    found = compare([read_entry(run) for run in runs])
    assert [len(group.entries) for group in found.groups] == [1, 3, 4]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{one}"], "name two runs or more"),
        (["{one}", "{one}/none"], "no such file or folder"),
        (["{one}", "{silent}"], "has no returns"),
        (["{one}", "{one}", "--out={one}/none/a.html"], "there is no folder"),
    ],
)
def test_bad_use_is_one_line_and_exit_2(tmp_path, capsys, words, told):
    one, silent = write_run(tmp_path / "one", 1.0, 0), tmp_path / "silent"
    silent.mkdir()
    write_csv(silent / "metrics.csv", ("step", "tag", "value"), [(1, "train/actor_loss", 1.0)])
    assert main([word.format(one=one, silent=silent) for word in words]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.strip().splitlines()) == 1


def test_intervals_are_those_of_rliable():
    values = np.random.default_rng(3).normal(5.0, 2.0, (12, 1))
    theirs = iqm(values)
    point, low, high = (float(part[0]) for part in iqm_curve(values))
    assert point == pytest.approx(theirs.point)
    width = theirs.high - theirs.low
    assert low == pytest.approx(theirs.low, abs=0.1 * width)
    assert high == pytest.approx(theirs.high, abs=0.1 * width)


def test_a_difference_has_an_exact_p():
    one, other = np.array([11.0, 12.0, 13.0, 14.0]), np.array([1.0, 2.0, 3.0, 4.0])
    gap, p = difference(one, other)
    assert (gap.point, p) == (10.0, pytest.approx(2.0 / 70.0))
    assert np.isnan(difference(one[:1], other)[1])
