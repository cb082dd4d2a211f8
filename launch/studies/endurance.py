"""Many episodes against a server of our own, and clients killed in the middle of one."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import carla
import matplotlib
from tqdm import tqdm

from envs.config import EnvConfig
from envs.process import server
from launch.errors import LaunchError
from launch.files import replacing

matplotlib.use("Agg")
from matplotlib import pyplot as plt

_NPCS, _TICKS, _KILL_EVERY = 10, 10, 50
_TIMEOUT_S = 60.0
_PATIENCE_S = 20.0
_SETTLED = 100  # episodes
ServerState = dict[str, float]


def enter(port: int) -> tuple[Any, Any]:
    """Return a client and its world, in synchronous mode at 20 ticks a second."""
    client = carla.Client("127.0.0.1", port)
    client.set_timeout(_TIMEOUT_S)
    world = client.get_world()
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    return client, world


def _spawn(client: Any, world: Any, tm_port: int) -> tuple[list[Any], queue.Queue[Any]]:
    """Ego, camera, collision sensor and traffic; the camera's pictures."""
    library, places = world.get_blueprint_library(), world.get_map().get_spawn_points()
    actors = [world.spawn_actor(library.find("vehicle.tesla.model3"), places[0])]
    pictures: queue.Queue[Any] = queue.Queue()
    camera = library.find("sensor.camera.rgb")
    camera.set_attribute("image_size_x", "84")
    camera.set_attribute("image_size_y", "84")
    for blueprint in (camera, library.find("sensor.other.collision")):
        at = carla.Transform(carla.Location(x=1.5, z=2.4))
        actors.append(world.spawn_actor(blueprint, at, attach_to=actors[0]))
    actors[1].listen(pictures.put)
    actors[2].listen(lambda event: None)
    car = library.find("vehicle.audi.tt")
    for place in places[1 : 1 + _NPCS]:
        actors.append(world.spawn_actor(car, place))
        if tm_port:
            actors[-1].set_autopilot(True, tm_port)
    return actors, pictures


def _play(client: Any, world: Any, tm_port: int) -> None:
    actors, pictures = _spawn(client, world, tm_port)
    for _ in range(_TICKS):
        actors[0].apply_control(carla.VehicleControl(throttle=0.5))
        frame = world.tick()
        while pictures.get(timeout=_TIMEOUT_S).frame < frame:
            pass
    for sensor in actors[1:3]:
        sensor.stop()
    _destroy(client, world, [actor.id for actor in actors])


def _destroy(client: Any, world: Any, ids: Sequence[int]) -> None:
    """The tick is a call of its own: the client's batch keeps Python's lock while it waits for one,
    and hangs as soon as a sensor's callback wants that lock."""
    client.apply_batch_sync([carla.command.DestroyActor(one) for one in reversed(ids)], False)
    world.tick()


def _victim(port: int, ready: Any) -> None:
    """A client that spawns and ticks until it is killed."""
    client, world = enter(port)
    actors, _ = _spawn(client, world, 0)
    ready.put([actor.id for actor in actors])
    while True:
        world.tick()


def _kill_a_client(client: Any, world: Any, port: int) -> None:
    """SIGKILL in mid-episode; what it spawned is removed by the next client, as users do."""
    context = multiprocessing.get_context("spawn")
    ready = context.Queue()
    process = context.Process(target=_victim, args=(port, ready), daemon=True)
    process.start()
    left = ready.get(timeout=_TIMEOUT_S)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    _destroy(client, world, left)


def process_state(process_id: int) -> ServerState:
    """Return a process' memory, threads and open files."""
    root = Path(f"/proc/{process_id}")
    status = dict(line.split(":", 1) for line in (root / "status").read_text().splitlines())
    return {
        "resident_mb": round(int(status["VmRSS"].split()[0]) / 1024, 1),
        "threads": int(status["Threads"]),
        "open_files": len(list((root / "fd").iterdir())),
    }


def _state(process_id: int, world: Any, episode: int) -> ServerState:
    return {"episode": episode, **process_state(process_id), "actors": len(_spawned(world))}


def _player(port: int, tm_port: int, orders: Any) -> None:
    """A client that plays an episode for each order and answers when it is over."""
    client, world = enter(port)
    client.get_trafficmanager(tm_port).set_synchronous_mode(True)
    while orders.recv():
        _play(client, world, tm_port)
        orders.send(True)


def _start_player(port: int, tm_port: int) -> tuple[Any, Any]:
    """The process and the end of a pipe for orders."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_player, args=(port, tm_port, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def soak(episodes: int, kill_every: int = _KILL_EVERY) -> list[ServerState]:
    """Play the episodes against a server of its own; the server's state after each.

    A player that gives no answer is killed too, and another goes on: the client's Traffic Manager
    can wait for itself forever. Raises LaunchError when a player ends by itself.
    """
    config = EnvConfig()
    started = server.start(config)
    try:
        client, world = enter(started.port)
        tm_port = started.port + config.traffic.tm_port_offset
        player, orders = _start_player(started.port, tm_port)
        rows = []
        for episode in tqdm(range(1, episodes + 1), unit="episode"):
            if episode % kill_every == 0:
                _kill_a_client(client, world, started.port)
            elif not _ask(orders):
                player.kill()
                player.join()
                _destroy(client, world, [actor.id for actor in _spawned(world)])
                tm_port += 1
                player, orders = _start_player(started.port, tm_port)
            rows.append(_state(started.process.pid, world, episode))
        orders.send(False)
        player.join()
        return rows
    finally:
        started.kill()


def _ask(orders: Any) -> bool:
    """Tell whether the player finished an episode in time."""
    try:
        orders.send(True)
        return bool(orders.poll(_PATIENCE_S) and orders.recv())
    except (EOFError, BrokenPipeError):
        raise LaunchError("a player ended by itself; its own output is above") from None


def _spawned(world: Any) -> list[Any]:
    return [one for one in world.get_actors() if one.type_id.startswith(("vehicle.", "sensor."))]


def draw(states: Sequence[ServerState], path: Path) -> None:
    """Draw the server's memory, threads, open files and actors over the episodes."""
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(7, 4.5), sharex=True, layout="constrained")
    episodes = [state["episode"] for state in states]
    memory = [state["resident_mb"] for state in states]
    upper.plot(episodes, memory, color="tab:blue")
    upper.set(ylabel="resident memory, MB", ylim=(0, None))
    for name, color in (("threads", "tab:green"), ("open_files", "tab:orange"), ("actors", "k")):
        values = [state[name] for state in states]
        lower.plot(episodes, values, color=color, label=name.replace("_", " "))
    lower.set(xlabel="episode", ylim=(0, None))
    lower.legend(frameon=False)
    with replacing(path) as part:
        figure.savefig(part, dpi=100)
    plt.close(figure)


def summary(states: Sequence[ServerState]) -> list[str]:
    """Lines that compare the server once it has settled with the end."""
    first, last = states[min(_SETTLED, len(states)) - 1], states[-1]
    begun = f"after {first['episode']:g} episodes"
    return [
        f"{name}: {first[name]:g} {begun}, {last[name]:g} at the end"
        for name in ("resident_mb", "threads", "open_files", "actors")
    ]
