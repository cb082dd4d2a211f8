"""Quick slices of the programs of this folder, and longer ones that are marked slow."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from envs.standin.methods import TABLE
from tests.torture import full_disk, kills, logs, simulators
from tests.torture.__main__ import PROGRAMS, round_of, table
from tests.torture.mutation import spoil_bytes, spoil_tree
from tests.torture.outcome import Outcome
from tests.torture.session import read


def test_the_recorded_session_has_most_methods_and_living_actors():
    session = read()
    assert {sent.method for sent in session} <= set(TABLE)
    assert len({sent.method for sent in session}) > 0.8 * len(TABLE)
    assert sum(sent.made is not None for sent in session) > 10


def test_the_same_seed_makes_the_same_damage():
    tree = {"a": [1, "two", 3.0], "b": {"c": b"four"}}
    for number in range(50):
        one, other = random.Random(number), random.Random(number)
        assert repr(spoil_tree(tree, one, 3)) == repr(spoil_tree(tree, other, 3))
        assert spoil_bytes(b"abcdef", one) == spoil_bytes(b"abcdef", other)
    assert tree == {"a": [1, "two", 3.0], "b": {"c": b"four"}}


def test_damaged_logs_are_judged_or_refused_in_one_line(tmp_path: Path):
    outcome = logs.fuzz(20, 0, tmp_path)
    assert (outcome.tried, outcome.lost) == (20, [])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_trainings_come_out_as_if_nobody_had_killed_them(tmp_path: Path):
    outcome = kills.fuzz(20, 0, tmp_path)
    assert (outcome.tried, outcome.lost) == (20, [])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_trainings_outlive_their_simulators(tmp_path: Path):
    outcome = simulators.fuzz(10, 0, tmp_path)
    assert (outcome.tried, outcome.lost) == (10, [])


# Event files of runs that ended on the full disk stay open until the process ends.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_full_disk_is_one_line_at_each_kind_of_write(tmp_path: Path):
    try:
        outcome = full_disk.fill(tmp_path)
    except full_disk.CannotMount as error:
        pytest.skip(str(error))
    assert (outcome.tried, outcome.lost) == (14, [])


def test_the_table_counts_what_was_tried_and_lost():
    rows = table({"logs": Outcome(1500, ["a", "b"])}).splitlines()
    assert rows[2].endswith("| 1,500 | 1,498 | 2 |")


def test_a_program_that_breaks_is_lost_and_the_others_go_on(tmp_path: Path, monkeypatch) -> None:
    def broken(seed: int, scratch: Path) -> Outcome:
        raise RuntimeError("no server")

    monkeypatch.setitem(PROGRAMS, "logs", ("", broken))
    totals = {"logs": Outcome(), "full_disk": Outcome()}
    monkeypatch.setitem(PROGRAMS, "full_disk", ("", lambda seed, scratch: Outcome(3)))
    round_of(list(totals), 5, float("inf"), totals)
    assert totals["logs"].lost[0].startswith("the program, seed 5: RuntimeError: no server")
    assert [outcome.tried for outcome in totals.values()] == [1, 3]


def test_an_attempt_that_raises_is_lost_and_the_next_goes_on():
    outcome = Outcome()
    for number in (1, 0):
        with outcome.attempt(f"1 / {number}"):
            assert 1 / number
    assert outcome.tried == 2
    assert len(outcome.lost) == 1
    assert outcome.lost[0].startswith("1 / 0: ZeroDivisionError")
