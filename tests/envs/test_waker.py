"""The Traffic Manager of the real client, stuck and set free."""

import json
import subprocess
import sys

import pytest

from envs import server
from envs.config import EnvConfig
from envs.waker import notify_again

# The Traffic Manager's RPC server offers a step of its own. Taken beside `world.tick()`, two wait
# for the end of one step and one of them waits for good, as after a lost notification.
STUCK = """
import contextlib, json, os, socket, sys, threading, time
import carla, msgpack
from envs.waker import Waker
port, tm_port, helped = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "helped"
client = carla.Client("127.0.0.1", port)
client.set_timeout(20)
world = client.get_world()
settings = world.get_settings()
settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
world.apply_settings(settings)
manager = client.get_trafficmanager(tm_port)
manager.set_synchronous_mode(True)
place = world.get_map().get_spawn_points()[0]
car = world.spawn_actor(world.get_blueprint_library().find("vehicle.tesla.model3"), place)
car.set_autopilot(True, tm_port)
world.tick()

def step_beside():
    connection = socket.create_connection(("127.0.0.1", tm_port))
    unpacker = msgpack.Unpacker()
    seen = -1
    while True:
        while seen == done[0]:
            time.sleep(0.0005)
        connection.sendall(msgpack.packb([0, 1, "synchronous_tick", []]))
        answered = False
        while not answered:
            unpacker.feed(connection.recv(4096))
            answered = any(True for _ in unpacker)
        seen = done[0]

done = [0]
threading.Thread(target=step_beside, daemon=True).start()
waker = Waker(world, tm_port, patience=0.5)

def drive():
    while waker.count < 2 and done[0] < 20000:
        frame = world.get_snapshot().frame
        with waker.watching(frame) if helped else contextlib.nullcontext():
            world.tick()
        done[0] += 1

driver = threading.Thread(target=drive, daemon=True)
driver.start()
driver.join(15.0 if helped else 5.0)
print(json.dumps({"woken": waker.count, "stuck": driver.is_alive(), "steps": done[0]}), flush=True)
os._exit(0)
"""

# The server stops for two seconds, before it has made the step or when the Traffic Manager asks it.
SLOW = """
import json, os, signal, sys, threading, time
import carla
from envs.client import connect, open_session
from envs.config import ServerConfig
from envs.waker import Waker
port, tm_port, server, when = *map(int, sys.argv[1:4]), sys.argv[4]
session = open_session(connect("127.0.0.1", port, 20.0), "Town01", 0.05, ServerConfig())
session.client.get_trafficmanager(tm_port).set_synchronous_mode(True)
place = session.map.get_spawn_points()[0]
car = session.world.get_blueprint_library().find("vehicle.tesla.model3")
session.world.spawn_actor(car, place).set_autopilot(True, tm_port)
session.tick()
session.waker = Waker(session.world, tm_port, patience=0.5)

def stop(*_):
    os.kill(server, signal.SIGSTOP)
    threading.Timer(2.0, os.kill, (server, signal.SIGCONT)).start()

if when == "after":
    session.world.on_tick(stop)
else:
    stop()
begun = time.monotonic()
session.tick()
seconds = time.monotonic() - begun
print(json.dumps({"woken": session.waker.count, "seconds": seconds}), flush=True)
os._exit(0)
"""


@pytest.fixture
def standin():
    started = server.start(EnvConfig())
    yield started
    started.kill()


@pytest.mark.parametrize("helped", ["helped", "alone"])
def test_a_stuck_traffic_manager_is_woken(standin, helped: str) -> None:
    words = [sys.executable, "-c", STUCK, str(standin.port), str(standin.port + 7), helped]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    if helped == "helped":
        assert found["woken"] == 2
        assert not found["stuck"]
        assert done.stderr.count("woken") == 2
    else:
        assert found["stuck"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_slow_server_is_not_a_stuck_traffic_manager(standin, when: str) -> None:
    ports = [str(standin.port), str(standin.port + 7), str(standin.process.pid)]
    words = [sys.executable, "-c", SLOW, *ports, when]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(done.stdout)
    assert found["seconds"] > 1.5
    assert found["woken"] == 0


def test_nobody_at_the_port_is_told() -> None:
    with pytest.raises(ConnectionRefusedError):
        notify_again(server.free_port(7))
