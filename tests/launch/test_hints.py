"""A name that is wrong by a letter is answered with the one that was meant, wherever it stands."""

from __future__ import annotations

import pytest

from envs.config import EnvConfig, with_options
from envs.errors import UnknownBlueprint, UnknownWeather
from envs.standin.starting import CannotStart, start
from envs.world.client import set_weather
from envs.world.sensors import blueprint
from launch.command import main
from launch.diagnosis.limits import parse_limits
from td3jax import checkpoint
from td3jax.errors import BadCheckpoint
from td3jax.options import suggestion


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("trian", "train"),
        ("train --stepz=3", "steps"),
        ("train --preset=carl", "carla"),
        ("train --encoder=Shared", "shared"),
        ("train --limits=gradient_critcal=3", "gradient_critical"),
        ("evaluate --policy=expart", "expert"),
        ("doctor --prot=3", "port"),
    ],
)
def test_a_flag_or_its_value_is_told_by_the_nearest(words, meant, capsys):
    assert main(words.split()) == 2
    said = capsys.readouterr().err.lower()
    assert f"did you mean {meant}?" in said or f"did you mean: {meant} ?" in said
    assert said.count("\n") == 1


def test_a_run_folder_is_told_by_its_neighbour(tmp_path):
    (tmp_path / "carla-001").mkdir()
    with pytest.raises(BadCheckpoint, match=r"no such folder; did you mean carla-001\?"):
        checkpoint.find(tmp_path / "carla-01")
    with pytest.raises(BadCheckpoint, match=r"no such folder$"):
        checkpoint.find(tmp_path / "nowhere" / "carla-001")


def test_a_log_is_told_by_its_neighbour(tmp_path, capsys):
    (tmp_path / "carla-001").mkdir()
    assert main(["diagnose", str(tmp_path / "carla-01")]) == 2
    assert "did you mean carla-001?" in capsys.readouterr().err


def test_a_flag_of_the_stand_in_is_told_by_the_nearest(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["standin", "--prot=3"])
    assert ended.value.code == 2
    assert "--prot: no such option; did you mean --port?" in capsys.readouterr().err


def test_a_weather_is_told_by_the_nearest():
    with pytest.raises(UnknownWeather, match=r"did you mean ClearNoon\?"):
        set_weather(None, "ClearNon")


class Library(list):
    """What the client's blueprint library does, without a server."""

    def find(self, name):
        raise IndexError(name)

    def filter(self, pattern):
        return Library(item for item in self if item.id.startswith(pattern[:-1]))


class Item:
    def __init__(self, name: str) -> None:
        self.id = name


def test_a_blueprint_is_told_by_the_nearest_of_all():
    library = Library([Item("vehicle.tesla.model3"), Item("vehicle.tesla.cybertruck")])
    with pytest.raises(UnknownBlueprint, match=r"did you mean vehicle.tesla.model3\?"):
        blueprint(library, "vehicle.tesla.modle3")


def test_a_town_of_the_stand_in_is_told_by_the_nearest():
    with pytest.raises(CannotStart, match=r"did you mean Town01\?"):
        start("127.0.0.1", 0, "Town1", 0, lambda line: None, [])


def test_a_limit_is_told_by_the_nearest():
    with pytest.raises(ValueError, match=r"did you mean gradient_critical\?"):
        parse_limits(["gradient_critcal=3"])


def test_an_option_of_the_environment_is_told_by_the_nearest():
    with pytest.raises(ValueError, match=r"did you mean npc_vehicles\?"):
        with_options(EnvConfig(), npc_vehicle=3)


def test_case_does_not_count_and_nothing_near_is_no_hint():
    assert suggestion("town01", ["Town01", "Town02"]) == "; did you mean Town01?"
    assert suggestion("xyz", ["Town01"]) == ""


def test_a_port_without_a_host_is_told(capsys):
    """It would start a stand-in on another port, and leave the server of that port alone."""
    assert main(["train", "--port=2000", "--steps=5"]) == 2
    assert "--port=2000: add --host=localhost" in capsys.readouterr().err
