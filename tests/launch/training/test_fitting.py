"""The preset by the environment's observations, where none is asked for."""

from pathlib import Path

import pytest

from launch.config.presets import preset
from launch.config.run import to_json
from launch.errors import BadInput
from launch.training.fitting import fitting_preset


def test_the_driving_task_has_its_own() -> None:
    assert fitting_preset({}) == ("carla", [])
    assert fitting_preset({"env": "carla", "steps": 3}) == ("carla", [])


@pytest.mark.parametrize(("env", "name"), [("Pendulum-v1", "vector"), ("CarRacing-v3", "pixels")])
def test_others_get_one_by_their_observations_and_it_is_said(env: str, name: str) -> None:
    found, (said,) = fitting_preset({"env": env})
    assert found == name
    assert said.startswith(f"preset {name} fits {env}'s ")
    assert "--preset=" in said


def test_a_file_that_decides_everything_needs_none(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(to_json(preset("td3_paper")))
    assert fitting_preset({"config": str(file)}) == ("vector", [])
    file.write_text('{"loop": {"env": "Pendulum-v1"}}')
    assert fitting_preset({"config": str(file)})[0] == "vector"


def test_an_environment_that_cannot_be_made_is_told() -> None:
    with pytest.raises(BadInput, match="Nope-v3"):
        fitting_preset({"env": "Nope-v3"})
