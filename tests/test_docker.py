"""docker/ and docs/real_carla.md agree with our command line, our ports and the lock.

Nothing is built here: that needs docker, images of gigabytes and a GPU.
"""

from __future__ import annotations

import importlib
import itertools
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from envs.standin.__main__ import as_ours
from envs.supervised import TM_PORTS
from launch.command import MODULES
from launch.config.presets import DEFAULT, preset
from launch.config.run import resolve
from launch.config.run_flags import configuration
from launch.training.environments import _at_server

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
THEIRS = sorted(SERVICES.keys() - set(OURS))
PORTS_OF_A_SERVER = 3  # calls, streams, secondary servers
DOCS = ROOT / "docs" / "real_carla.md"


def locked(name: str) -> str:
    text = (ROOT / "requirements.lock").read_text()
    found = re.search(rf"^{name}==(\S+)$", text, re.MULTILINE)
    assert found is not None
    return found[1]


def parsed(words: list[str]) -> dict[str, Any]:
    """The flags of a command line of ours, by our own parser, which refuses wrong ones."""
    command = importlib.import_module(MODULES[words[0]]).COMMAND
    given: dict[str, Any] = command.parse(words[1:])
    return given


def port_of(service: str) -> int:
    """The port of a CARLA server's command line, as the stand-in understands it."""
    words, ignored = as_ours(SERVICES[service]["command"][2:])
    assert set(ignored) == {"-RenderOffScreen", "-nosound", "-quality-level=Low"}
    (flag,) = words
    return int(flag.removeprefix("--port="))


def test_the_services_are_those_that_the_documents_name():
    assert THEIRS == ["carla", "carla-two"]
    assert OURS == ["doctor", "trainer", "trainer-two"]
    profiles = {name: service.get("profiles", []) for name, service in SERVICES.items()}
    assert profiles["carla"] == []
    assert profiles["trainer"] == ["one"]
    assert profiles["trainer-two"] == profiles["carla-two"] == ["two"]


@pytest.mark.parametrize("name", THEIRS)
def test_a_server_is_of_the_clients_release_and_can_be_waited_for(name):
    service = SERVICES[name]
    assert service["image"] == f"carlasim/carla:{locked('carla')}"
    assert service["command"][:2] == ["bash", "CarlaUE4.sh"]
    assert service["healthcheck"]["test"][-1].endswith(f"/127.0.0.1/{port_of(name)}")


@pytest.mark.parametrize("name", OURS)
def test_our_flags_are_flags_and_their_servers_are_started_first(name):
    service = SERVICES[name]
    given = parsed(service["command"])
    asked = list(given.get("servers", ())) or [f"{given['host']}:{given['port']}"]
    waits_for = service["depends_on"]
    assert asked == [f"localhost:{port_of(server)}" for server in waits_for]
    assert {each["condition"] for each in waits_for.values()} == {"service_healthy"}
    mounted = [volume.split(":")[1] for volume in service["volumes"]]
    assert given["runs_dir"] in mounted
    assert SERVICES[name]["network_mode"] == "host"  # or localhost is not the server's


@pytest.mark.parametrize("name", ["trainer", "trainer-two"])
def test_a_trainer_is_configured_and_no_two_ports_meet(name):
    given = parsed(SERVICES[name]["command"])
    config, notes = resolve(configuration(given, preset(DEFAULT)))
    assert notes == []
    ports = [
        range(port_of(server), port_of(server) + PORTS_OF_A_SERVER)
        for server in SERVICES[name]["depends_on"]
    ]
    for index in range(config.loop.simulators):
        env = _at_server(config, index)
        first = env.server.port + env.traffic.tm_port_offset
        ports.append(range(first, first + TM_PORTS))
    for one, other in itertools.combinations(ports, 2):
        assert not set(one) & set(other)


def instructions() -> list[tuple[str, str]]:
    text = (ROOT / "docker" / "Dockerfile").read_text()
    lines = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def test_the_image_installs_by_our_script_from_the_lock_and_then_the_package():
    steps = [" ".join(step) for step in instructions()]
    base = next(step for step in steps if step.startswith("FROM"))
    assert re.search(r"linux/amd64 python:3\.1[12]-", base)
    version = re.search(r"python:(3\.\d+)", base)
    assert version is not None
    run = [step for step in steps if step.startswith("RUN")]
    script = next(step for step in run if ".ci/install" in step)
    assert f".ci/install python{version[1]} /opt/venv" in script
    assert "Usage: .ci/install PYTHON FOLDER" in (ROOT / ".ci" / "install").read_text()
    extra = next(step for step in run if "ACCELERATOR" in step)
    assert "--constraint requirements.lock" in extra
    assert "pip install --no-deps --no-build-isolation" in run[run.index(extra) + 1]
    assert steps.index(script) < steps.index(extra)
    assert any(step == 'ENTRYPOINT ["td3jax"]' for step in steps)
    users = [step for step in steps if step.startswith("USER")]
    assert users == ["USER driver"]


def test_the_accelerators_are_extras_of_ours():
    extras = (ROOT / "setup.py").read_text()
    for text in (ROOT / "docker" / "compose.yaml", DOCS, ROOT / "docker" / "Dockerfile"):
        named = re.findall(r"ACCELERATOR[=-](cuda\d+)", text.read_text())
        assert named
        for name in named:
            assert f'"{name}": ["jax[{name}]"]' in extras


def test_what_is_copied_is_there_and_not_ignored():
    sources = [
        source for name, rest in instructions() if name == "COPY" for source in rest.split()[:-1]
    ]
    assert {"td3jax", "envs", "launch", "requirements.lock", ".ci/install"} <= set(sources)
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"]
    assert sorted(sources) == sorted(kept)
    assert all((ROOT / source).exists() for source in sources)
    setup = (ROOT / "setup.py").read_text()
    for name in ("README.md", "LICENSE"):
        assert (name in setup) == (name in sources)


def commands(text: str) -> list[list[str]]:
    """The command lines of a document's sh blocks, as words."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.strip()]


def test_every_command_of_the_document_is_one():
    ours = compose = 0
    for words in commands(DOCS.read_text()):
        if "td3jax" in words:
            ours += 1
            given = parsed(words[words.index("td3jax") + 1 :])
            if words[words.index("td3jax") + 1] == "train":
                assert resolve(configuration(given, preset(DEFAULT)))[1] == []
        elif words[:2] == ["docker", "compose"]:
            compose += 1
            assert (ROOT / words[words.index("-f") + 1]).is_file()
            known = {profile for each in SERVICES.values() for profile in each.get("profiles", [])}
            asked = {words[i + 1] for i, word in enumerate(words) if word == "--profile"}
            assert asked <= known
            if "run" in words:
                assert words[-1] in SERVICES
    assert (ours, compose) == (5, 4)


def test_the_stop_commands_of_the_compose_file_are_those_of_the_document():
    text = (ROOT / "docker" / "compose.yaml").read_text()
    head = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    told = {line for line in head if line.startswith("docker compose")}
    assert told == {
        " ".join(w) for w in commands(DOCS.read_text()) if w[:2] == ["docker", "compose"]
    }
