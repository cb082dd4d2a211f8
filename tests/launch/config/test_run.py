"""Configuration: unique names, strict JSON, presets."""

import dataclasses
import json

import pytest

from launch.config.presets import PRESETS, preset
from launch.config.run import LoopConfig, RunConfig, read_config_file, resolve, to_json
from launch.config.tree import get_leaf, leaves, replace_leaves, update_from_dict
from launch.errors import BadInput


def test_every_leaf_has_a_name_of_its_own_and_help() -> None:
    found = leaves(RunConfig)
    assert len(found) > 100
    assert [name for name, leaf in found.items() if len(leaf.help) < 8] == []
    assert found["hidden_sizes"].element is int
    assert found["town"].groups == ("env", "task")


def test_two_fields_of_one_name_are_refused() -> None:
    @dataclasses.dataclass(frozen=True)
    class Part:
        seed: int = 1

    @dataclasses.dataclass(frozen=True)
    class Whole:
        part: Part = dataclasses.field(default_factory=Part)
        seed: int = 2

    globals().update(Part=Part)
    with pytest.raises(ValueError, match="seed: a field of both"):
        leaves(Whole)


@pytest.mark.parametrize("name", PRESETS)
def test_json_round_trip_gives_the_same_configuration(name: str, tmp_path) -> None:
    path = tmp_path / "config.json"
    path.write_text(to_json(preset(name)))
    assert read_config_file(path, RunConfig()) == preset(name)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"loop": {"stepz": 1}}, "loop.stepz: no such option; did you mean steps?"),
        ({"lop": {}}, "lop: no such option; did you mean loop?"),
        ({"loop": {"steps": "many"}}, "loop.steps = 'many': expected a value of type int"),
        ({"loop": {"steps": True}}, "loop.steps = True"),
        ({"loop": {"steps": 1.5}}, "loop.steps = 1.5"),
        ({"agent": {"hidden_sizes": 3}}, "agent.hidden_sizes = 3: expected a list"),
        ({"agent": {"hidden_sizes": ["a"]}}, "agent.hidden_sizes = 'a'"),
        ({"env": {"server": {"server_command": "a\0b"}}}, "expected a text without zero bytes"),
        ({"env": {"task": 1}}, "env.task: expected an object"),
        ({"agent": {"discount": 2.0}}, "discount = 2.0: expected a value in"),
        ({"agent": {"critic_lr": 10**400}}, "agent.critic_lr = 1000"),
        ({"loop": {"gradient_steps": 10**400}}, "loop.gradient_steps: no such option"),
        ([], "expected an object"),
    ],
)
def test_wrong_json_names_the_option(table: object, words: str, tmp_path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(table))
    with pytest.raises(BadInput) as caught:
        read_config_file(path, RunConfig())
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_older_name_of_an_option_is_read(tmp_path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"loop": {"film": false}}')
    assert not read_config_file(path, RunConfig()).loop.record_video


def test_unreadable_files_are_named(tmp_path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_config_file(tmp_path / "none.json", RunConfig())
    (tmp_path / "half.json").write_text('{"loop": ')
    with pytest.raises(BadInput, match="not JSON"):
        read_config_file(tmp_path / "half.json", RunConfig())


def test_a_partial_file_keeps_the_rest() -> None:
    config = update_from_dict(preset("sb3"), {"loop": {"seed": 7}})
    assert config == replace_leaves(preset("sb3"), {"seed": 7})


def test_integers_serve_as_floats() -> None:
    config = update_from_dict(RunConfig(), {"agent": {"tau": 1}})
    assert isinstance(config.agent.tau, float)


def test_short_runs_learn_early() -> None:
    config, notes = resolve(replace_leaves(RunConfig(), {"steps": 300, "random_steps": 500}))
    assert (config.loop.learning_starts, config.loop.random_steps) == (60, 60)
    assert "learning_starts cut from 1,000 to 60" in notes[0]
    config, notes = resolve(RunConfig())
    assert (config, notes) == (RunConfig(), [])


def test_a_start_of_offline_updates_may_be_longer_than_a_fifth() -> None:
    long = {"steps": 1000, "learning_starts": 600, "random_steps": 600}
    config, notes = resolve(replace_leaves(RunConfig(), long))
    assert (config.loop.learning_starts, config.loop.random_steps, len(notes)) == (200, 200, 2)
    config, notes = resolve(replace_leaves(RunConfig(), long | {"pretrain_updates": 1}))
    assert (config.loop.learning_starts, config.loop.random_steps, notes) == (600, 600, [])


@pytest.mark.parametrize("field", dataclasses.fields(LoopConfig), ids=lambda f: f.name)
def test_senseless_loop_values_are_refused(field: dataclasses.Field) -> None:
    bad = {"env": "", "limits": ("foo=1",), "env_args": ("1x=2",)}.get(field.name, -2)
    if isinstance(field.default, bool):
        pytest.skip("every value of a switch makes sense")
    with pytest.raises(ValueError, match=field.name if field.name != "limits" else "foo"):
        LoopConfig(**{field.name: bad})


def test_presets_say_what_their_sources_say() -> None:
    def values(name: str, *options: str) -> list:
        known = leaves(RunConfig)
        return [get_leaf(preset(name), known[option]) for option in options]

    schedule = ("update_ratio", "random_steps", "learning_starts")
    assert values("spinning_up", *schedule) == [1.0, 10_000, 1_000]
    assert values("td3_paper", "hidden_sizes", "batch_size", "actor_lr") == [(400, 300), 100, 1e-3]
    assert values("sb3", "learning_starts", "batch_size", "exploration_noise") == [100, 256, 0.0]
    rates = ("actor_lr", "critic_lr", "actor_cnn_lr", "critic_cnn_lr")
    assert values("report_2", *rates) == [1e-4, 1e-4, 1e-5, 1e-4]
    assert values("report_3", *rates) == [1e-3, 1e-4, 1e-5, 1e-4]
    assert values("report_2", "actor_clip_norm", "critic_clip_norm", "update_ratio") == [0, 0, 1]
    assert values("report_3", "actor_clip_norm", "critic_clip_norm", "update_ratio") == [
        1,
        10,
        0.02,
    ]
    assert values("report_4", "discount", "tau", "lane_keeping_weight") == [0.9, 0.001, 5.0]
    assert values("carla", "env", "steps", "scenario") == ["carla", 5_000, 0]
    assert values("carla", "encoder", "batch_size", "random_shift") == ["shared", 128, 7]
    assert values("carla", "action_ticks", "reward_scale") == [4, 0.25]
    assert values("pixels", "env", "action_repeat", "random_shift") == ["CarRacing-v3", 4, 4]
    assert values("vector", "actor_lr", "reward_scale", "n_step") == [1e-3, 1.0, 1]
    with pytest.raises(BadInput, match="unknown preset 'td3_papers'; did you mean td3_paper"):
        preset("td3_papers")


@pytest.mark.parametrize(
    ("command", "stop", "notes"),
    [
        ("docker run carla", "", 1),
        ("/usr/bin/podman run carla", "", 1),
        ("docker run carla", "docker rm -f carla", 0),
        ("./CarlaUE4.sh -carla-rpc-port={port}", "", 0),
    ],
)
def test_a_container_without_its_end_is_noted(command: str, stop: str, notes: int) -> None:
    values = {"server_command": command, "server_stop_command": stop}
    said = resolve(replace_leaves(RunConfig(), values))[1]
    assert sum("--server_stop_command=" in line for line in said) == notes
