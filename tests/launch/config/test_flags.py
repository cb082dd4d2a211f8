"""Flags: one for each option, strict, and below them the config file and the preset."""

from pathlib import Path

import pytest
from run_support import finished, process

from launch.config.flags import Command, Extra
from launch.config.presets import preset
from launch.config.run import RunConfig, to_json
from launch.config.tree import Leaf, leaves, replace_leaves
from launch.errors import BadInput

COMMAND = Command("train", "Trains.", [Extra("name", str, "", "name of the run")])


def other(leaf: Leaf) -> tuple[str, object]:
    """A flag's text that differs from the default, and the value that it means."""
    value = leaf.default
    if isinstance(value, bool):
        return str(not value).lower(), not value
    if isinstance(value, int):
        return str(value + 1), value + 1
    if isinstance(value, float):
        return repr(value * 0.5 + 0.03), value * 0.5 + 0.03
    if isinstance(value, tuple):
        changed = tuple(value) + tuple(value[-1:])
        return ",".join(map(str, changed)), changed
    return "x", "x"


@pytest.mark.parametrize("leaf", leaves(RunConfig).values(), ids=lambda leaf: leaf.name)
def test_every_option_is_a_flag(leaf: Leaf) -> None:
    text, value = other(leaf)
    if leaf.name == "limits":
        text, value = "q_ratio=5,trend=2", ("q_ratio=5", "trend=2")
    assert COMMAND.parse([f"--{leaf.name}={text}"]) == {leaf.name: value}
    assert f"--{leaf.name}" in COMMAND.help() or f"--[no]{leaf.name}" in COMMAND.help()


def test_flags_beat_the_file_which_beats_the_preset(tmp_path: Path) -> None:
    file = tmp_path / "some.json"
    file.write_text('{"loop": {"batch_size": 7, "seed": 8}}')
    words = ["--preset=sb3", f"--config={file}", "--seed=9"]
    config = COMMAND.configuration(COMMAND.parse(words))
    assert config == replace_leaves(preset("sb3"), {"batch_size": 7, "seed": 9})


def test_without_flags_it_is_the_default_preset() -> None:
    assert COMMAND.configuration(COMMAND.parse([])) == preset("carla")


def test_a_stored_configuration_replaces_the_preset(tmp_path: Path) -> None:
    stored = preset("spinning_up")
    config = COMMAND.configuration(COMMAND.parse(["--preset=sb3", "--steps=9"]), stored)
    assert config == replace_leaves(stored, {"steps": 9})


def test_one_parse_leaves_nothing_to_the_next() -> None:
    COMMAND.parse(["--seed=3"])
    assert COMMAND.parse([]) == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--stepz=3"], "Unknown command line flag 'stepz'. Did you mean: steps ?"),
        (["--steps=many"], "--steps=many"),
        (["--steps"], "Missing value for flag --steps"),
        (["--steps=0"], "--steps = 0: expected at least 1"),
        (["--discount=1.5"], "--discount = 1.5"),
        (["--hidden_sizes=a,b"], "--hidden_sizes=a,b: expected int values"),
        (["--preset=report_9"], "unknown preset 'report_9'"),
        (["train"], "'train': not a flag"),
        (["--config=/no/such.json"], "/no/such.json: cannot be read"),
        (["--scenario=7"], "--scenario = 7: expected one of"),
    ],
)
def test_a_wrong_flag_is_one_line(words: list[str], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        COMMAND.configuration(COMMAND.parse(words))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_program_says_one_line_and_makes_no_folder(tmp_path: Path, cache: Path) -> None:
    code, out, err = finished(process(cache, "--preset=report_9", cwd=tmp_path))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("train: unknown preset 'report_9'")
    assert list(tmp_path.iterdir()) == []


def test_help_explains_groups_and_defaults() -> None:
    text = COMMAND.help()
    assert "env / reward:" in text
    assert "critic updates for each actor and target update [2]" in text
    assert to_json(preset("carla"))
