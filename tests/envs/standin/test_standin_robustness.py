"""The server under fire: bytes that are no requests, calls that make no sense, clients that die."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time

import carla
import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envs.standin.methods import TABLE
from envs.standin.rpc import encode_response
from tests.torture import messages

#: Calls that end or replace the world; the fuzzer leaves them out so that it keeps its actors.
_WORLD_CHANGES = {"load_new_episode", "copy_opendrive_to_file"}

numbers = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.floats(width=64),
    st.booleans(),
    st.none(),
    st.integers(0, 400),
)
values = st.recursive(
    st.one_of(numbers, st.text(max_size=8), st.binary(max_size=30)),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=12,
)
vectors = st.lists(st.floats(width=32), min_size=3, max_size=3)
ids = st.integers(0, 400)
arguments = st.one_of(
    st.lists(values, max_size=5),
    st.tuples(ids, vectors).map(list),
    st.tuples(ids, st.tuples(vectors, vectors).map(list)).map(list),
    st.tuples(ids, st.lists(numbers, min_size=3, max_size=8)).map(list),
    st.tuples(
        st.lists(st.tuples(st.integers(0, 22), st.lists(values, max_size=4)), max_size=3).map(
            lambda commands: [[list(command)] for command in commands]
        ),
        st.booleans(),
    ).map(list),
)
methods = st.sampled_from(sorted(set(TABLE) - _WORLD_CHANGES))


class RawClient:
    """Speaks the bytes of the protocol without the client library."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self._unpacker = msgpack.Unpacker(raw=False, unicode_errors="replace")
        self._number = 0

    def call(self, method: str, arguments: list) -> list:  # type: ignore[type-arg]
        """The whole response message to one request."""
        self._number += 1
        request = [0, self._number, method, [[False], *arguments]]
        self._socket.sendall(msgpack.packb(request, use_bin_type=True))
        return self.receive()

    def receive(self) -> list:  # type: ignore[type-arg]
        """The next response message."""
        while True:
            for message in self._unpacker:
                return message
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionError("server closed the connection")
            self._unpacker.feed(data)

    def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self._socket.sendall(data)

    def close(self) -> None:
        """Hangs up."""
        self._socket.close()


def serves(server) -> bool:
    """Tell whether a fresh client can tick the world."""
    world = server.client().get_world()
    return world.tick() > 0


@pytest.fixture
def raw(server):
    client = RawClient(server.port)
    yield client
    client.close()


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" * 1000,
        b"\xc1",
        os.urandom(4096),
        msgpack.packb([1, 2, 3]),
        msgpack.packb([0, -1, "version", []]),
        msgpack.packb([0, 1, 5, []]),
        msgpack.packb({"a": 1}),
        b"\x91" * 5000,
        b"\xdd\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
    ],
)
def test_garbage_ends_only_its_own_connection(server, raw, data):
    with contextlib.suppress(ConnectionError):
        raw.send(data)
    assert serves(server)


def test_half_a_message_does_no_harm(server, raw):
    message = msgpack.packb([0, 1, "get_actors_by_id", [[False], list(range(50))]])
    for cut in range(1, len(message), 7):
        part = RawClient(server.port)
        part.send(message[:cut])
        part.close()
    raw.send(message[:20])
    assert serves(server)


def test_message_in_single_bytes_is_understood(raw):
    message = msgpack.packb([0, 1, "version", [[False]]])
    for byte in message[:-1]:
        raw.send(bytes([byte]))
        time.sleep(0.001)
    raw._number = 0
    raw.send(message[-1:])
    assert raw.call("version", [])[3] == [[1, "0.9.16"]]


def test_unknown_method_is_named(raw):
    answer = raw.call("make_coffee", [])
    assert answer[2] is None
    assert "make_coffee" in answer[3][0][1][0]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("get_sensor_token", [1028.67]),
        ("load_new_episode", [float("nan"), True, 65535]),
        ("load_new_episode", [["Town01"], True, 65535]),
    ],
)
def test_an_argument_of_a_strange_type_is_the_caller_s_fault(raw, method, arguments):
    text = str(raw.call(method, arguments)[3])
    assert "internal error" not in text
    assert "bad argument" in text or "not found" in text


def test_settings_wait_while_a_client_is_between_two_episodes(raw):
    """Its Traffic Manager reads the episode as soon as it has them, and would find none."""

    def asked(*calls):
        for number, (method, arguments) in enumerate(calls, start=100):
            raw.send(msgpack.packb([0, number, method, [[False], *arguments]]))

    change = ("load_new_episode", ["", True, 0])
    asked(change, ("get_episode_settings", []), ("version", []), ("get_episode_info", []))
    assert [raw.receive()[1] for _ in range(4)] == [100, 102, 103, 101]
    begin = time.monotonic()
    asked(change, ("get_episode_settings", []))  # and nothing else: it is answered all the same
    assert [raw.receive()[1] for _ in range(2)] == [100, 101]
    assert time.monotonic() - begin < 5.0
    asked(("get_episode_settings", []))
    assert raw.receive()[1] == 100


def test_garbage_on_the_stream_port_does_no_harm(server):
    for data in (b"", b"\x01", b"\xff" * 100, struct.pack("<I", 4_000_000_000)):
        with socket.create_connection(("127.0.0.1", server.port + 1)) as sock:
            sock.sendall(data)
    assert serves(server)


@pytest.fixture
def crowd(world, model3):
    """Ids of a car, a walker, sensors and a prop, so that fuzzed calls meet something."""
    library, points = world.get_blueprint_library(), world.get_map().get_spawn_points()
    names = ("vehicle.audi.tt", "walker.pedestrian.0001", "static.prop.constructioncone")
    actors = [
        world.spawn_actor(library.find(name), point)
        for name, point in zip(names, points[10:], strict=False)
    ]
    for name in ("sensor.other.imu", "sensor.camera.rgb", "sensor.lidar.ray_cast"):
        actors.append(world.spawn_actor(library.find(name), carla.Transform(), attach_to=model3))
    return [model3.id, *(actor.id for actor in actors), world.get_spectator().id]


def _check(server, raw, crowd, method, values):
    if values and isinstance(values[0], int) and method != "set_episode_settings":
        values = [crowd[values[0] % len(crowd)], *values[1:]]
    answer = raw.call(method, values)
    assert "internal error" not in str(answer[3])
    assert answer[0] == 1
    assert answer[2] is None
    assert server.process.poll() is None


@settings(
    max_examples=150,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(method=methods, values=arguments)
def test_any_call_is_answered(server, raw, crowd, method, values):
    _check(server, raw, crowd, method, values)


@pytest.mark.slow
@settings(
    max_examples=10_000,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(method=methods, values=arguments)
def test_ten_thousand_calls_are_answered(server, raw, crowd, method, values):
    _check(server, raw, crowd, method, values)


def test_server_still_drives_after_the_fuzzing(server, world, model3):
    model3.apply_control(carla.VehicleControl(throttle=1.0))
    for _ in range(20):
        world.tick()
    assert model3.get_velocity().length() > 2.0


def test_hundred_connections_leave_nothing_open(server):
    server.client().get_world()
    time.sleep(0.2)
    before = server.descriptors
    for _ in range(100):
        client = carla.Client("127.0.0.1", server.port, 1)
        client.get_server_version()
        del client
    for _ in range(50):
        if server.descriptors <= before:
            break
        time.sleep(0.1)
    assert server.descriptors <= before


def test_killed_client_leaves_a_world_for_the_next(server):
    script = (
        "import carla, sys\n"
        "c = carla.Client('127.0.0.1', int(sys.argv[1])); c.set_timeout(10)\n"
        "w = c.get_world(); s = w.get_settings(); s.synchronous_mode = True\n"
        "s.fixed_delta_seconds = 0.05; w.apply_settings(s)\n"
        "b = w.get_blueprint_library(); p = w.get_map().get_spawn_points()\n"
        "v = w.spawn_actor(b.find('vehicle.audi.tt'), p[5])\n"
        "k = w.spawn_actor(b.find('sensor.camera.rgb'), carla.Transform(), attach_to=v)\n"
        "k.listen(lambda i: None)\n"
        "t = c.get_trafficmanager(c_port := 19999)\n"
        "w.tick(); print(v.id, flush=True)\n"
        "while True: w.tick()\n"
    )
    victim = subprocess.Popen(
        [sys.executable, "-c", script, str(server.port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    left_behind = int(victim.stdout.readline())
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    victim.stdout.close()
    raw = RawClient(server.port)
    for _ in range(50):
        if raw.call("is_traffic_manager_running", [19999])[3] == [[1, False]]:
            break
        time.sleep(0.05)
    else:
        pytest.fail("the dead client's Traffic Manager is still registered")
    raw.close()
    client = server.client()
    world = client.get_world()
    assert world.get_settings().synchronous_mode
    world.tick()
    assert world.get_actor(left_behind).destroy()
    client.reload_world(True)


def test_slow_listener_does_not_hold_up_an_asynchronous_world(server, client):
    world = client.get_world()
    raw = RawClient(server.port)
    stream_port = server.port + 1
    deaf = socket.create_connection(("127.0.0.1", stream_port))
    deaf.sendall(struct.pack("<I", 1))
    first = world.wait_for_tick().frame
    for _ in range(10):
        last = world.wait_for_tick().frame
    assert last >= first + 10
    deaf.close()
    raw.close()


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_signals_end_the_server_cleanly(number, standin_start):
    running = standin_start()
    world = running.client().get_world()
    world.wait_for_tick()
    running.process.send_signal(number)
    assert running.process.wait(10) == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", running.port), timeout=1)


def test_server_dies_with_its_parent(standin_port):
    script = (
        "import os, subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-m', 'envs.standin', '--port', sys.argv[1],"
        " '--exit-with-parent', str(os.getpid())], stdout=subprocess.PIPE, text=True)\n"
        "next(line for line in p.stdout if line.startswith('ready'))\n"
        "print(p.pid, flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(standin_port)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    server_id = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not _alive(server_id):
            return
        time.sleep(0.05)
    os.kill(server_id, signal.SIGKILL)
    pytest.fail("the server outlived its parent")


def _alive(process_id: int) -> bool:
    try:
        with open(f"/proc/{process_id}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _episodes(server, count: int) -> list[int]:
    """Resident memory after each batch of spawn-and-destroy episodes."""
    client = server.client()
    world = client.get_world()
    options = world.get_settings()
    options.synchronous_mode, options.fixed_delta_seconds = True, 0.05
    world.apply_settings(options)
    library, points = world.get_blueprint_library(), world.get_map().get_spawn_points()
    camera = library.find("sensor.camera.rgb")
    camera.set_attribute("image_size_x", "32")
    camera.set_attribute("image_size_y", "32")
    memory = []
    for episode in range(count):
        car = world.spawn_actor(library.find("vehicle.tesla.model3"), points[episode % 20])
        eye = world.spawn_actor(camera, carla.Transform(), attach_to=car)
        eye.listen(lambda image: None)
        for _ in range(3):
            world.tick()
        eye.stop()
        assert eye.destroy()
        assert car.destroy()
        if episode % (count // 10) == 0:
            memory.append(server.resident_bytes)
    world.tick()
    assert not world.get_actors().filter("vehicle.*")
    assert not world.get_actors().filter("sensor.*")
    return memory


def test_episodes_leak_no_actors_sockets_or_memory(server, client):
    before = server.descriptors
    memory = _episodes(server, 60)
    time.sleep(0.3)
    assert server.descriptors <= before + 4
    assert memory[-1] < memory[1] + 8 * 2**20


@pytest.mark.slow
def test_thousand_episodes_leak_nothing(server, client):
    memory = _episodes(server, 1000)
    assert memory[-1] < memory[2] + 8 * 2**20


@pytest.mark.parametrize("number", [1e308, -1e30, 2**63, -1, "name", [1]])
def test_a_definition_with_an_impossible_id_is_refused_and_makes_no_actor(server, raw, number):
    before = raw.call("get_actor_definitions", [])[3][0][1]
    definition = next(row for row in before if row[1] == "static.prop.barrel")
    place = [[5000.0, 5000.0, 0.0], [0.0, 0.0, 0.0]]
    answer = raw.call("spawn_actor", [[number, definition[1], definition[2]], place])
    assert answer[3][0][0] == 0  # a failure, told to this client
    assert serves(server)


def test_an_answer_that_cannot_be_encoded_becomes_a_failure():
    response = msgpack.unpackb(encode_response(7, [10**400]))
    assert response[:3] == [1, 7, None]
    assert response[3][0][0] == 0
    assert "cannot be sent" in response[3][0][1][0]


def test_arrays_of_nothing_cost_a_connection_and_no_memory(server, raw):
    pid = server.process.pid
    before = _resident(pid)
    with contextlib.suppress(ConnectionError, BrokenPipeError, TimeoutError):
        raw.send(b"\x94\x00\x01\xa7version\xdd\x01\xc9\xc3\x80" + b"\x90" * 30_000_000)
    assert serves(server)
    assert _resident(pid) - before < 300e6


def _resident(pid: int) -> float:
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_recorder_overwrites_recordings_alone(server, raw, tmp_path):
    letter = tmp_path / "letter.txt"
    letter.write_text("dear")
    answer = raw.call("start_recorder", [str(letter), False])
    assert "is there and no recording" in answer[3][0][1][0]
    assert letter.read_text() == "dear"
    own = tmp_path / "drive.log"
    for _ in range(2):
        assert raw.call("start_recorder", [str(own), False])[3] == [[1, str(own)]]
        raw.call("stop_recorder", [])
    assert own.stat().st_size > 0


def test_a_mutated_recording_is_refused_or_played_and_the_server_goes_on(server, raw, tmp_path):
    own = tmp_path / "drive.log"
    raw.call("start_recorder", [str(own), False])
    for _ in range(3):
        raw.call("tick_cue", [])
    raw.call("stop_recorder", [])
    data, rng = own.read_bytes(), random.Random(0)
    for number in range(150):
        spoiled = bytearray(data)
        for _ in range(rng.choice([1, 3, 20])):
            spoiled[rng.randrange(len(data))] = rng.randrange(256)
        path = tmp_path / f"spoiled-{number}.log"
        path.write_bytes(spoiled[: rng.choice([len(data), rng.randrange(len(data))])])
        raw.call("replay_file", [str(path), 0.0, 0.0, 0, False])
        raw.call("tick_cue", [])
        raw.call("show_recorder_file_info", [str(path), True])
    raw.call("stop_replayer", [False])
    assert serves(server)


def test_mutated_messages_of_a_real_session_are_answered(server, client):
    outcome = messages.fuzz(server.port, 100, seed=0)
    assert (outcome.tried, outcome.lost) == (100, [])
    assert serves(server)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_thousand_mutated_messages_are_answered_and_memory_is_flat(server, client):
    assert messages.fuzz(server.port, 3000, seed=1).lost == []
    before = server.resident_bytes
    assert messages.fuzz(server.port, 7000, seed=2).lost == []
    assert server.resident_bytes < before + 100 * 2**20
    assert serves(server)
