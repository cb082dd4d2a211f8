"""Quick slices of the programs of this folder, and longer ones that are marked slow."""

from __future__ import annotations

import random
from pathlib import Path

from envs.standin.methods import TABLE
from tests.torture import logs
from tests.torture.mutation import spoil_bytes, spoil_tree
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
