"""A stand-in server in a process of its own, and real clients of it."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import carla
import msgpack
import pytest

#: How lines about machine code begin, of which numba prints one for all that it loads or makes.
COMPILER = "[cache]"
ROOT = Path(__file__).resolve().parents[3]


@dataclass
class ServerProcess:
    """A running server."""

    process: subprocess.Popen[str]
    port: int

    def client(self) -> carla.Client:
        """A new client of this server."""
        client = carla.Client("127.0.0.1", self.port)
        client.set_timeout(10.0)
        return client

    def stop(self) -> int:
        """Ends the server as a user would; returns its exit code.

        Whatever it was used for, it must not have compiled anything since it was ready, nor have
        looked on disk whether it has to.
        """
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10)
        if self.process.stdout is not None and not self.process.stdout.closed:
            lines = self.process.stdout.read().splitlines()
            self.process.stdout.close()
            assert [line for line in lines if line.startswith(COMPILER)] == []
        return code

    @property
    def descriptors(self) -> int:
        """Open file descriptors of the server."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def resident_bytes(self) -> int:
        """Resident memory of the server."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def free_port() -> int:
    """A port that is free together with the next one."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def start_server(*arguments: str) -> ServerProcess:
    """Starts a server on a free port and waits until it accepts clients."""
    port = free_port()
    command = [sys.executable, "-m", "envs.standin", "--port", str(port)]
    command += ["--exit-with-parent", str(os.getpid()), *arguments]
    environment = {**os.environ, "NUMBA_DEBUG_CACHE": "1"}
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("ready"):
            break
    assert lines[-1] == f"ready on port {port}\n"
    assert any(line.startswith(COMPILER) for line in lines)
    return ServerProcess(process, port)


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """One server for the tests of a module."""
    running = start_server()
    yield running
    assert running.stop() == 0


@pytest.fixture
def standin_port() -> int:
    """A free port."""
    return free_port()


@pytest.fixture
def standin_start() -> Iterator[Callable[..., ServerProcess]]:
    """Starts further servers, which end with the test."""
    started: list[ServerProcess] = []

    def start(*arguments: str) -> ServerProcess:
        started.append(start_server(*arguments))
        return started[-1]

    yield start
    for running in started:
        running.stop()


def fresh_world(port: int) -> None:
    """A new episode with default settings, asked for without the client.

    The client's own `reload_world` frees an episode that its stream threads may still read; in one
    of a few hundred calls that ends the process.
    """
    request = [0, 1, "load_new_episode", [[False], "", True, 65535]]
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(msgpack.packb(request))
        answer = msgpack.unpackb(connection.recv(4096))
    assert answer[1:] == [1, None, [[False]]], answer


@pytest.fixture
def client(server: ServerProcess) -> carla.Client:
    """A client of a new episode: no actors of earlier tests, default settings."""
    fresh_world(server.port)
    return server.client()


@pytest.fixture
def world(client: carla.Client) -> carla.World:
    """A synchronous world, 20 steps a second."""
    world = client.get_world()
    settings = world.get_settings()
    settings.synchronous_mode = True
    settings.fixed_delta_seconds = 0.05
    world.apply_settings(settings)
    return world


class Listener:
    """Listens to a sensor; hands out what it sent, in order."""

    def __init__(self, sensor: carla.Sensor) -> None:
        self.sensor = sensor
        self._queue: queue.Queue = queue.Queue()
        sensor.listen(self._queue.put)

    def get(self, frame: int | None = None, timeout: float = 5.0):  # type: ignore[no-untyped-def]
        """The next measurement, or the one of a frame."""
        while True:
            data = self._queue.get(timeout=timeout)
            if frame is None or data.frame == frame:
                return data

    def drain(self) -> list:  # type: ignore[type-arg]
        """Everything that has arrived."""
        items = []
        while not self._queue.empty():
            items.append(self._queue.get())
        return items

    def close(self) -> None:
        """Stops listening and destroys the sensor."""
        self.sensor.stop()
        self.sensor.destroy()


@pytest.fixture
def attach(world: carla.World) -> Iterator:  # type: ignore[type-arg]
    """Makes sensors by blueprint id and attributes, and takes them away after the test."""
    made: list[Listener] = []

    def make(
        name: str,
        parent: carla.Actor | None = None,
        at: carla.Transform | None = None,
        **values: object,
    ) -> Listener:
        blueprint = world.get_blueprint_library().find(name)
        for key, value in values.items():
            blueprint.set_attribute(key, str(value))
        sensor = world.spawn_actor(blueprint, at or carla.Transform(), attach_to=parent)
        made.append(Listener(sensor))
        return made[-1]

    yield make
    for listener in made:
        listener.close()


@pytest.fixture
def model3(world: carla.World) -> carla.Vehicle:
    """A Tesla Model 3 at rest on the first start place."""
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    vehicle = world.spawn_actor(blueprint, world.get_map().get_spawn_points()[0])
    for _ in range(10):
        world.tick()
    return vehicle
