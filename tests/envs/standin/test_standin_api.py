"""The table of the client's methods: complete, and what it says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from envs.standin.api_table.__main__ import ABORTED, FAILED, TABLES, document, public_methods

TABLE = Path(__file__).resolve().parents[3] / "docs" / "standin_api.md"


@pytest.mark.parametrize("name", TABLES)
def test_every_public_method_has_a_probe_and_a_row(name):
    methods = set(public_methods(name))
    assert methods == set(TABLES[name])
    section = TABLE.read_text().split(f"## carla.{name}\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == methods


def test_no_row_tells_of_a_failure():
    text = TABLE.read_text()
    assert FAILED not in text
    assert ABORTED not in text
    assert "not tried" not in text.replace("not tried here", "")


@pytest.mark.slow
def test_table_is_what_the_calls_show_today():
    assert document() == TABLE.read_text()
