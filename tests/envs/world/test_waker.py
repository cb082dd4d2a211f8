"""The Traffic Manager of the real client, stuck and set free."""

import json
import subprocess
import sys

import pytest

from envs.config import EnvConfig
from envs.process import server
from envs.process.server import Server
from envs.world.waker import notify_again

# A synchronous Traffic Manager with a car; its first step is done.
START = """
import json, os, signal, socket, sys, threading, time
import msgpack
from envs.world.client import connect, open_session
from envs.config import ServerConfig
from envs.world.waker import Waker
port, tm_port, server = map(int, sys.argv[1:4])
session = open_session(connect("127.0.0.1", port, 20.0), "Town01", 0.05, ServerConfig())
session.client.get_trafficmanager(tm_port).set_synchronous_mode(True)
place = session.map.get_spawn_points()[0]
car = session.world.get_blueprint_library().find("vehicle.tesla.model3")
session.world.spawn_actor(car, place).set_autopilot(True, tm_port)
session.tick()
waker = Waker(session.world, tm_port, patience=0.5)
"""

# The Traffic Manager's RPC server offers a step of its own. Taken beside `world.tick()`, two wait
# for the end of one step and one of them waits for good, as after a lost notification.
STUCK = """
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

def drive():
    while waker.count < 2 and done[0] < 20000:
        session.tick()
        done[0] += 1

done = [0]
helped = sys.argv[4] == "helped"
session.waker = waker if helped else None
threading.Thread(target=step_beside, daemon=True).start()
driver = threading.Thread(target=drive, daemon=True)
driver.start()
driver.join(15.0 if helped else 5.0)
print(json.dumps({"woken": waker.count, "stuck": driver.is_alive()}), flush=True)
os._exit(0)
"""

# The server stops for two seconds, before it has made the step or when the Traffic Manager asks it.
SLOW = """
def stop(*_):
    os.kill(server, signal.SIGSTOP)
    threading.Timer(2.0, os.kill, (server, signal.SIGCONT)).start()

session.waker = waker
if sys.argv[4] == "after":
    session.world.on_tick(stop)
else:
    stop()
begun = time.monotonic()
session.tick()
seconds = time.monotonic() - begun
print(json.dumps({"woken": waker.count, "seconds": seconds}), flush=True)
os._exit(0)
"""


@pytest.fixture
def standin():
    started = server.start(EnvConfig())
    yield started
    started.kill()


def outcome(standin: Server, script: str, how: str) -> tuple[dict, str]:
    """Return what a client of the server found, and its complaints."""
    ports = [str(standin.port), str(standin.port + 7), str(standin.process.pid)]
    words = [sys.executable, "-c", START + script, *ports, how]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


@pytest.mark.parametrize("helped", ["alone", pytest.param("helped", marks=pytest.mark.slow)])
def test_a_stuck_traffic_manager_is_woken(standin, helped: str) -> None:
    found, complaints = outcome(standin, STUCK, helped)
    if helped == "helped":
        # Once more where a busy machine takes longer to go on than the waker's patience.
        assert found["woken"] >= 2
        assert not found["stuck"]
        assert complaints.count("woken") == found["woken"]
    else:
        assert found["stuck"]


@pytest.mark.parametrize("when", ["before", pytest.param("after", marks=pytest.mark.slow)])
def test_a_slow_server_is_not_a_stuck_traffic_manager(standin, when: str) -> None:
    found, _ = outcome(standin, SLOW, when)
    assert found["seconds"] > 1.5
    assert found["woken"] == 0


def test_nobody_at_the_port_is_told() -> None:
    port, hold = server.held_port()
    with hold, pytest.raises(ConnectionRefusedError):
        notify_again(port)
