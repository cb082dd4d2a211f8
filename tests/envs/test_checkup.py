"""A checkup finds what is wrong with a server, and leaves it as it was, whatever happens."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

import carla
import pytest

from envs import checkup
from envs.checkup import Finding, Place, differences, examine
from envs.config import EnvConfig
from envs.process import server as servers
from envs.process.child import Child


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Server]:
    running = servers.start(EnvConfig())
    yield running
    running.stop()


@pytest.fixture
def place(server: servers.Server) -> Place:
    tm_port = server.port + servers.TM_PORT_OFFSET
    return Place(server.host, server.port, tm_port, connect_timeout=5.0, tick_timeout=5.0)


@pytest.fixture
def client(server: servers.Server) -> carla.Client:
    made = carla.Client(server.host, server.port)
    made.set_timeout(10.0)
    return made


@pytest.fixture
def children(monkeypatch) -> list[Child]:
    """The client processes that a checkup starts."""
    made: list[Child] = []

    class Recorded(Child):
        def __init__(self, log: str) -> None:
            super().__init__(log)
            made.append(self)

    monkeypatch.setattr(checkup, "Child", Recorded)
    return made


def checks(place: Place, clean: bool = False) -> dict[str, Finding]:
    return {found.name: found for found in examine(place, clean, lambda: True)}


def moving(client: carla.Client) -> list[str]:
    """The types of all actors that a client could have left, and of nothing that the town has."""
    world = client.get_world()
    world.wait_for_tick(10.0)
    return sorted(
        a.type_id
        for a in world.get_actors()
        if a.type_id.startswith(("vehicle.", "walker.", "controller.", "sensor."))
    )


def spawn(client: carla.Client, role: str) -> None:
    """Leave a car with a camera and a walker on the server."""
    world = client.get_world()
    library, points = world.get_blueprint_library(), world.get_map().get_spawn_points()
    car = library.find("vehicle.tesla.model3")
    car.set_attribute("role_name", role)
    parent = world.spawn_actor(car, points[0])
    eye = library.find("sensor.camera.rgb")
    world.spawn_actor(eye, carla.Transform(), attach_to=parent)
    world.spawn_actor(library.find("walker.pedestrian.0001"), points[5])


def test_a_good_server_passes_and_is_left_as_it_was(place, client):
    before = client.get_world().get_settings()
    found = checks(place)
    assert [f"{f.name}: {f.text}" for f in found.values() if not f.ok] == []
    assert list(found) == [*checkup.CHECKS, "left as found"]
    assert "0.9.16" in found["server"].text
    assert "20 vehicles" in found["ticks"].text
    after = client.get_world().get_settings()
    assert after.synchronous_mode == before.synchronous_mode is False
    assert after.fixed_delta_seconds == before.fixed_delta_seconds
    assert after.max_substeps == before.max_substeps
    assert moving(client) == []


@pytest.mark.parametrize(
    ("role", "whose"),
    [("hero", "sensors: "), pytest.param("td3jax_ego", "1 of them of", marks=pytest.mark.slow)],
)
def test_actors_of_others_are_told_left_alone_and_removed_when_asked(place, client, role, whose):
    spawn(client, role)
    found = checks(place)
    told = found["other clients"]
    assert told.ok is False
    assert "1 vehicles, 1 walkers, 1 sensors" in told.text
    assert whose in told.text
    assert "--clean" in told.text
    assert found["ticks"].ok is None
    assert "not checked" in found["ticks"].text
    assert len(moving(client)) == 3
    found = checks(place, clean=True)
    assert found["other clients"].text == "removed 1 vehicles, 1 walkers, 1 sensors"
    assert all(f.ok for f in found.values())
    assert moving(client) == []


def set_synchronous(client: carla.Client, on: bool) -> None:
    world = client.get_world()
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = on, 0.05 if on else None
    world.apply_settings(settings)


def test_synchronous_mode_of_a_dead_client_is_told_and_ended_when_asked(place, client):
    set_synchronous(client, True)
    told = checks(place)["other clients"]
    assert told.ok is False
    assert "nobody ticks it" in told.text
    assert client.get_world().get_settings().synchronous_mode
    found = checks(place, clean=True)
    assert all(f.ok for f in found.values()), found
    assert not client.get_world().get_settings().synchronous_mode


def test_a_server_that_another_client_ticks_is_left_alone_even_with_clean(place, client):
    set_synchronous(client, True)
    world, done = client.get_world(), threading.Event()

    def ticks() -> None:
        while not done.is_set():
            world.tick(10.0)
            time.sleep(0.05)

    other = threading.Thread(target=ticks)
    other.start()
    try:
        found = checks(place, clean=True)
        assert found["other clients"].ok is False
        assert "another client ticks" in found["other clients"].text
        assert found["synchronous mode"].ok is None
        assert world.get_settings().synchronous_mode
    finally:
        done.set()
        other.join()
        set_synchronous(client, False)


def test_a_town_that_is_not_there_is_told_with_the_nearest(place):
    found = checks(Place(place.host, place.port, place.tm_port, town="Town1"))
    assert found["towns"].ok is False
    assert "did you mean Town10HD?" in found["towns"].text or "Town01?" in found["towns"].text
    assert found["clock"].ok


def test_a_port_without_a_server(place):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = Place("127.0.0.1", probe.getsockname()[1], place.tm_port, connect_timeout=1.0)
        found = checks(nobody)
    assert found["server"].ok is False
    assert "no CARLA server at" in found["server"].text
    assert {f.ok for name, f in found.items() if name != "server"} == {None}
    assert "left as found" not in found


def test_a_port_that_is_taken_by_something_silent(place):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        found = checks(Place("127.0.0.1", port, place.tm_port, connect_timeout=1.0))
    assert "does not answer as a CARLA server within 1 s" in found["server"].text


@pytest.mark.parametrize(
    "number", [signal.SIGSTOP, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)]
)
def test_what_a_client_leaves_that_dies_or_hangs_is_put_back(
    place, client, children, monkeypatch, number
):
    found = {}
    for finding in examine(place, False, lambda: True):
        found[finding.name] = finding
        if finding.name == "clock":  # the server is in synchronous mode now
            os.kill(children[0].pid, number)
            monkeypatch.setattr(checkup, "POPULATE_SECONDS", 1.0)
    assert found["ticks"].ok is False
    words = "died of SIGKILL" if number == signal.SIGKILL else "took longer than 1 s"
    assert words in found["ticks"].text
    assert "an ego with a camera and 20 vehicles" in found["ticks"].text
    assert found["Traffic Manager"].ok is None
    assert found["left as found"].ok, found["left as found"].text
    assert len(children) == 2
    assert not client.get_world().get_settings().synchronous_mode
    assert moving(client) == []


def test_actors_of_a_client_that_dies_are_removed(place, client, children):
    for finding in examine(place, False, lambda: True):
        if finding.name == "ticks":
            os.kill(children[0].pid, signal.SIGKILL)
        if finding.name == "left as found":
            assert finding.ok, finding.text
    assert not client.get_world().get_settings().synchronous_mode
    assert moving(client) == []


class Stop(Exception):
    """As a signal's handler has it raised."""


@pytest.mark.parametrize("looks", [1, 2])
def test_a_stop_before_or_while_something_is_waited_for_puts_all_back(place, client, looks):
    """The second look falls into the half minute that spawning vehicles may take."""
    left = -1

    def look() -> bool:
        nonlocal left
        left -= 1
        if left == 0:
            raise Stop
        return True

    def run() -> None:
        nonlocal left
        for finding in examine(place, False, look):
            left = looks if finding.name == "clock" else left

    with pytest.raises(Stop):
        run()
    assert not client.get_world().get_settings().synchronous_mode
    assert moving(client) == []


def test_a_checkup_that_is_closed_in_the_middle_puts_all_back(place, client):
    made = examine(place, False, lambda: True)
    for finding in made:
        if finding.name == "ticks":
            break
    made.close()
    assert not client.get_world().get_settings().synchronous_mode
    assert moving(client) == []


def test_a_server_that_dies_is_told():
    mine = servers.start(EnvConfig())
    at = Place(mine.host, mine.port, mine.port + servers.TM_PORT_OFFSET, tick_timeout=5.0)
    found = {}
    try:
        for finding in examine(at, False, mine.alive):
            found[finding.name] = finding
            if finding.name == "clock":
                mine.kill()
    finally:
        mine.kill()
    assert "the simulator server died" in found["ticks"].text
    assert found["left as found"].ok is False
    assert "is gone: start it again" in found["left as found"].text


def test_settings_are_compared_as_they_travel():
    before = {"fixed_delta_seconds": 0.05, "max_substeps": 10, "synchronous_mode": False}
    assert differences(before, {**before, "fixed_delta_seconds": 0.05000000074505806}) == []
    assert differences(before, {**before, "max_substeps": 9}) == ["max_substeps: was 10, is 9"]
    assert differences({"fixed_delta_seconds": None}, {"fixed_delta_seconds": 0.05})
