"""Flags: one for each option, strict, and below them the config file and the preset."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from run_support import finished, process

from launch.config.flags import Command, Flag, split
from launch.config.presets import preset
from launch.config.run import RunConfig, to_json
from launch.config.run_flags import configuration, env_of, from_checkpoint, run_flags
from launch.config.tree import Leaf, leaves, replace_leaves
from launch.errors import BadInput

COMMAND = Command(
    "train",
    "Trains.\n\nMore of it.",
    "td3jax train --seed=1",
    (
        Flag("name", str, "", "name of the run", common=True),
        Flag("run_dir", str, "", "folder", also=("logdir",)),
        Flag("seats", int, 2, "seats", low=1),
        Flag("hours", float, 1.0, "hours", low=0),
        Flag("paint", str, "red", "colour", choices=("red", "blue")),
        Flag("stages", tuple, ("2K",), "gates", choices=("2K", "5K")),
        Flag("words", tuple, (), "further words"),
        *run_flags(common=("seed",)),
    ),
    positional="run_dir",
    rest="words",
)


def configured(words: list[str], base: str = "carla") -> RunConfig:
    """The configuration that a command makes of these words."""
    given = COMMAND.parse(words)
    return configuration(given, preset(given.get("preset", base)))


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
    if leaf.name == "env_args":
        text, value = 'a=1,b="x"', ("a=1", 'b="x"')
    assert COMMAND.parse([f"--{leaf.name}={text}"]) == {leaf.name: value}
    text = COMMAND.help(everything=True)
    assert f"--{leaf.name}=" in text or f"--[no]{leaf.name}\n" in text


def test_flags_beat_the_file_which_beats_the_preset(tmp_path: Path) -> None:
    file = tmp_path / "some.json"
    file.write_text('{"loop": {"batch_size": 7, "seed": 8}}')
    words = ["--preset=sb3", f"--config={file}", "--seed=9"]
    config = configured(words)
    assert config == replace_leaves(preset("sb3"), {"batch_size": 7, "seed": 9})


def test_without_flags_it_is_the_default_preset() -> None:
    assert configured([]) == preset("carla")


def test_a_stored_configuration_replaces_the_preset(tmp_path: Path) -> None:
    stored = preset("spinning_up")
    config = configuration(COMMAND.parse(["--preset=sb3", "--steps=9"]), stored)
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
        (["--policy_delay=1000000000000"], "expected a value below 2,147,483,648"),
        (["--steps=" + 400 * "9"], "expected a value below 2,147,483,648"),
        (["--discount=1.5"], "--discount = 1.5"),
        (["--critic_lr=1e39"], "--critic_lr = 1e+39: expected a finite float32 number"),
        (["--tick_timeout=3e6"], "--tick_timeout = 3000000.0: expected a value in (0, 1e+06]"),
        (["--hours=nan"], "--hours=nan: expected a finite number"),
        (["--hours=inf"], "--hours=inf: expected a finite number"),
        (["--hidden_sizes=a,b"], "--hidden_sizes=a,b: expected int values"),
        (["--preset=report_9"], "unknown preset 'report_9'"),
        (["a", "train"], "'train': not a flag"),
        (["--seats=0"], "--seats=0: expected at least 1"),
        (["--paint=bleu"], "--paint=bleu: expected one of red, blue; did you mean blue?"),
        (["--stages=2K,3K"], "--stages=3K: choose from 2K, 5K"),
        (["--config=/no/such.json"], "/no/such.json: cannot be read"),
        (["--scenario=7"], "--scenario = 7: expected one of 0, 1, 2"),
        (["--env_args=gravity"], "--env_args = 'gravity': expected name=value"),
        (["--env_args=x=1"], "--env_args = 'x=1': expected none for carla"),
    ],
)
def test_a_wrong_flag_is_one_line(words: list[str], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        configured(words)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_program_says_one_line_and_makes_no_folder(tmp_path: Path) -> None:
    code, out, err = finished(process("--preset=report_9", cwd=tmp_path))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("train: unknown preset 'report_9'")
    assert list(tmp_path.iterdir()) == []


def test_a_command_without_a_place_for_words_refuses_them() -> None:
    bare = Command("soak", "Soaks.", "td3jax soak", (Flag("episodes", int, 3, "episodes"),))
    for words in (["x"], ["--", "--seed=1"]):
        with pytest.raises(BadInput, match=f"{words[-1]}.: (not a flag|nothing may follow)"):
            bare.parse(words)
    assert bare.value(bare.parse([]), "episodes") == 3
    assert bare.value(bare.parse(["--episodes", "5"]), "episodes") == 5


def test_words_without_a_name_and_words_behind_the_dashes() -> None:
    assert COMMAND.parse(["runs/a", "--seed=1"]) == {"run_dir": "runs/a", "seed": 1}
    given = COMMAND.parse(["--words=--a=1", "runs/a", "--", "--steps=3", "--help"])
    assert given == {"run_dir": "runs/a", "words": ("--a=1", "--steps=3", "--help")}
    assert Command.wanted_help(["--", "--help"]) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("algorithm", "x.py:SAC"),
        ("rules", "x.py:RULES"),
        ("env", "x:Y-v0"),
        ("server_command", "touch x"),
        ("server_stop_command", "touch x"),
        ("server_log", "x.log"),
        ("replay_path", "x"),
        ("host", "there.example"),
        ("servers", ("localhost:2000", "there.example:2000")),
        ("ray_address", "there.example:6379"),
        ("env_args", ("length=7", "xml_file=../x.xml")),
        ("env_args", ('files=[["x"]]',)),
    ],
)
def test_what_a_checkpoint_would_run_write_or_reach_is_given_again(name: str, value: Any) -> None:
    other = {"env": "Ant-v5"} if name == "env_args" else {}
    stored = replace_leaves(preset("carla"), other | {name: value})
    assert from_checkpoint({"seed": 1}, preset("carla")).loop.seed == 1
    text = ",".join(value) if isinstance(value, tuple) else value
    with pytest.raises(
        BadInput, match=re.escape(f"to allow it: {shlex.quote(f'--{name}={text}')}")
    ):
        from_checkpoint({"seed": 1}, stored)
    assert from_checkpoint({name: value}, stored) == stored


@pytest.mark.parametrize(
    "options",
    [
        {"host": "localhost"},
        {"servers": ("127.0.0.1:2000", "localhost:2004")},
        {"env": "Ant-v5", "env_args": ("length=7", "weights=[0.5, 2]", "fast=true")},
    ],
)
def test_this_machine_and_numbers_need_no_second_word(options: dict[str, Any]) -> None:
    stored = replace_leaves(preset("carla"), options)
    assert from_checkpoint({}, stored) == stored


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (["--logdir=x"], {"run_dir": "x"}),
        (["--logdir", "x"], {"run_dir": "x"}),
        (["--nofilm"], {"record_video": False}),
        (["--film=false"], {"record_video": False}),
        (["--name=--film"], {"name": "--film"}),
    ],
)
def test_older_names_mean_the_same_and_are_not_shown(words: list[str], given: dict) -> None:
    assert COMMAND.parse(words) == given
    assert "logdir" not in COMMAND.help(everything=True)


def test_a_list_may_be_repeated_and_brackets_hold_its_commas_together() -> None:
    words = ["--limits=q_ratio=5,trend=2", "--limits=saturation=1"]
    assert COMMAND.parse(words)["limits"] == ("q_ratio=5", "trend=2", "saturation=1")
    assert COMMAND.parse(["--limits="])["limits"] == ()
    assert split('a=[1, [2, 3]],b={"x": 1, "y": 2}, c') == [
        "a=[1, [2, 3]]",
        'b={"x": 1, "y": 2}',
        "c",
    ]


def test_the_environment_of_flags_and_file(tmp_path: Path) -> None:
    file = tmp_path / "some.json"
    file.write_text('{"loop": {"env": "Pendulum-v1"}}')
    assert env_of({}) == "carla"
    assert env_of({"config": str(file)}) == "Pendulum-v1"
    assert env_of({"config": str(file), "env": "Hopper-v5"}) == "Hopper-v5"


def test_help_begins_with_an_example_and_shows_what_people_use() -> None:
    lines = COMMAND.help().splitlines()
    assert lines[:3] == ["example: td3jax train --seed=1", "", "Trains."]
    assert "usage: td3jax train [--flag=value ...] [RUN_DIR] [-- flags of td3jax train]" in lines
    shown = [line.strip() for line in lines if line.startswith("  --")]
    assert shown == ["--name=str", "--seed=int"]
    assert "exit codes: 0 done, or GO; 1 failed; 2 bad input" in COMMAND.help()
    assert lines[-1] == f"--helpfull lists all {len(COMMAND.flags)} flags."


def test_helpfull_explains_groups_and_defaults() -> None:
    text = COMMAND.help(everything=True)
    assert "env / reward:" in text
    assert "critic updates for each actor and target update [2]" in text
    assert to_json(preset("carla"))
