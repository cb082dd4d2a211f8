"""How the server is started: maps of one's own, and the command lines of CarlaUE4.sh."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envs.standin.__main__ import as_ours, main
from envs.standin.town import layouts, opendrive, streets


def test_a_command_line_of_the_real_server_is_understood():
    words = ["/Game/Carla/Maps/Town02", "-carla-rpc-port=2468", "-RenderOffScreen", "-ResX=8"]
    assert as_ours(words) == (["--town=Town02", "--port=2468"], ["-RenderOffScreen", "-ResX=8"])
    ours = ["--port", "2000", "--town=Town01", "--exit-with-parent", "7"]
    assert as_ours(ours) == (ours, [])


def test_a_map_of_ones_own_takes_the_name_of_its_file(
    tmp_path: Path, standin_start: Callable[..., Any]
):
    file = tmp_path / "Town05.xodr"
    text = opendrive.to_text(streets.build("Town02", layouts.town02()))
    file.write_text(text)
    client = standin_start("--opendrive", str(file), "-RenderOffScreen").client()
    world = client.get_world()
    assert world.get_map().name == "Carla/Maps/Town05"
    assert world.get_map().to_opendrive() == text
    assert client.load_world("Town01").get_map().to_opendrive() != text
    assert client.load_world("Town05").get_map().to_opendrive() == text


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot be read"), ("<html/>", "the map cannot be used")]
)
def test_a_map_that_cannot_be_used_is_told_in_one_line(
    tmp_path: Path,
    standin_port: int,
    capsys: pytest.CaptureFixture,
    content: str | None,
    message: str,
):
    file = tmp_path / "mine.xodr"
    if content is not None:
        file.write_text(content)
    assert main(["--opendrive", str(file), "--port", str(standin_port)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert message in err
