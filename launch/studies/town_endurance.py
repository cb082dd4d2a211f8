"""Hours of simulated time in one town after the other: traffic, walkers, a recording, two clients.

One client loads the town, drives its traffic and looks at every car and walker; it is a process of
its own, as a Traffic Manager does not outlive its map. The other client counts the actors.
"""

from __future__ import annotations

import math
import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import carla
import matplotlib
import numpy as np
from tqdm import tqdm

from envs.config import EnvConfig
from envs.process import server
from envs.world.client import base_name
from launch.errors import BadInput, LaunchError
from launch.files import replacing
from launch.studies.endurance import enter, process_state

matplotlib.use("Agg")
from matplotlib import pyplot as plt

VEHICLES, WALKERS = 50, 20
_TICKS_A_SECOND = 20
_MINUTE = 60  # simulated seconds, for each of which there is a row
_STANDING = 0.1  # m/s
_LINGERS = 10  # seconds that a walker stands in a road before it counts
_PATIENCE_S = 600.0  # for a minute of simulated time
_TM_OFFSET = 6000
Row = dict[str, Any]


def soak_towns(
    towns: Sequence[str], minutes: int, vehicles: int = VEHICLES, walkers: int = WALKERS
) -> Iterator[Row]:
    """Yield a row for each simulated minute in each of the towns; none = all of the server's.

    Raises BadInput for a town that the server lacks, LaunchError where the driving client ends by
    itself or gives no answer.
    """
    started = server.start(EnvConfig())
    try:
        client, _ = enter(started.port)
        maps = client.get_available_maps()
        known = sorted({base_name(name).removesuffix("_Opt") for name in maps})
        if strange := [town for town in towns if town not in known]:
            raise BadInput(f"--towns={strange[0]}: the server has {', '.join(known)}")
        with tempfile.TemporaryDirectory() as folder:
            for number, town in enumerate(towns or known):
                recording = Path(folder) / f"{town}.rec"
                ports = (started.port, started.port + _TM_OFFSET + number)
                words = (*ports, town, minutes, vehicles, walkers, str(recording))
                for seen in tqdm(_driven(words), town, minutes, unit="min"):
                    actors = client.get_world().get_actors().filter("[vw]*.*.*")
                    size = round(recording.stat().st_size / 1e6, 1)
                    state = process_state(started.process.pid)
                    yield seen | state | {"actors": len(actors), "recording_mb": size}
                recording.unlink()
    finally:
        started.kill()


def _driven(words: tuple[Any, ...]) -> Iterator[Row]:
    """Yield what the driving client has seen in each minute."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_drive, args=(*words, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        while True:
            if not ours.poll(_PATIENCE_S):
                raise LaunchError(f"the client in {words[2]} gave no answer in {_PATIENCE_S:g} s")
            row = ours.recv()
            if row is None:
                break
            yield row
        process.join(_PATIENCE_S)
    except EOFError:
        raise LaunchError("a client ended by itself; its own output is above") from None
    finally:
        process.kill()


def _drive(
    port: int,
    tm_port: int,
    town: str,
    minutes: int,
    vehicles: int,
    walkers: int,
    recording: str,
    rows: Any,
) -> None:
    """Load the town, let it drive, and send a row for each minute, then None."""
    client, _ = enter(port)
    client.load_world(town)
    client, world = enter(port)
    client.start_recorder(recording)
    manager = client.get_trafficmanager(tm_port)
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(0)
    world.set_pedestrians_seed(0)
    rng = np.random.default_rng(0)
    cars = _spawn_cars(client, world, tm_port, vehicles, rng)
    people, controllers = _spawn_people(client, world, walkers, rng)
    watch = _Watch(world.get_map(), cars, people)
    for minute in range(minutes):
        for _ in range(_MINUTE):
            for _ in range(_TICKS_A_SECOND):
                world.tick()
            watch.second(world.get_snapshot())
        rows.send({"town": town, "minute": minute + 1, **watch.minute()})
    for controller in world.get_actors(controllers):
        controller.stop()
    client.apply_batch_sync(
        [carla.command.SetAutopilot(car, False, tm_port) for car in cars], False
    )
    manager.shut_down()
    gone = [carla.command.DestroyActor(one) for one in (*controllers, *people, *cars)]
    client.apply_batch_sync(gone, False)
    world.tick()
    client.stop_recorder()
    rows.send(None)


def _spawn_cars(
    client: Any, world: Any, tm_port: int, count: int, rng: np.random.Generator
) -> list[int]:
    """Cars on drawn places; as in CARLA's own script with --safe, none that swings in bends."""
    library = world.get_blueprint_library()
    kinds = [one for one in library.filter("vehicle.*") if _is_safe(one)]
    kinds.sort(key=lambda one: str(one.id))
    places = rng.permutation(np.array(world.get_map().get_spawn_points(), object))[:count]
    command = carla.command
    autopilot = command.SetAutopilot(command.FutureActor, True, tm_port)
    spawns = [
        command.SpawnActor(kinds[int(rng.integers(len(kinds)))], place).then(autopilot)
        for place in places
    ]
    return _spawned(client, spawns)


def _is_safe(blueprint: Any) -> bool:
    return blueprint.get_attribute("base_type") == "car" and not blueprint.id.endswith("cybertruck")


def _spawn_people(
    client: Any, world: Any, count: int, rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """Walkers at drawn places, each under a controller that leads it from goal to goal."""
    library, command = world.get_blueprint_library(), carla.command
    kinds = sorted(library.filter("walker.pedestrian.*"), key=lambda one: str(one.id))
    places = [world.get_random_location_from_navigation() for _ in range(count)]
    people = _spawned(
        client,
        [
            command.SpawnActor(kinds[int(rng.integers(len(kinds)))], carla.Transform(place))
            for place in places
            if place is not None
        ],
    )
    leader = library.find("controller.ai.walker")
    controllers = _spawned(
        client, [command.SpawnActor(leader, carla.Transform(), person) for person in people]
    )
    world.tick()
    for controller in world.get_actors(controllers):
        controller.start()
        controller.go_to_location(world.get_random_location_from_navigation())
        controller.set_max_speed(1.4)
    return people, controllers


def _spawned(client: Any, commands: list[Any]) -> list[int]:
    replies = client.apply_batch_sync(commands, False)
    return [reply.actor_id for reply in replies if not reply.error]


class _Watch:
    """Looks at every car and walker once a second."""

    def __init__(self, world_map: Any, cars: Sequence[int], people: Sequence[int]) -> None:
        self._map = world_map
        self._cars, self._people = cars, people
        self._stood = dict.fromkeys((*cars, *people), 0)  # seconds
        self._looks = self._standing = self._off_road = self._lingering = 0

    def second(self, snapshot: Any) -> None:
        """Look at those that are still there: the Traffic Manager removes cars that stand long."""
        for actor in list(self._stood):
            seen = snapshot.find(actor)
            if seen is None:
                del self._stood[actor]
                continue
            still = seen.get_velocity().length() < _STANDING
            self._stood[actor] = self._stood[actor] + 1 if still else 0
        cars = self._still_there(self._cars)
        self._looks += len(cars)
        self._standing += sum(self._stood[car] > 0 for car in cars)
        self._off_road += sum(not self._on_lane(snapshot, car) for car in cars)
        self._lingering += sum(
            self._stood[one] >= _LINGERS and self._on_lane(snapshot, one)
            for one in self._still_there(self._people)
        )

    def _still_there(self, actors: Sequence[int]) -> list[int]:
        return [actor for actor in actors if actor in self._stood]

    def _on_lane(self, snapshot: Any, actor: int) -> bool:
        """Tell whether its centre is within the width of a driving lane."""
        here = snapshot.find(actor).get_transform().location
        lane = self._map.get_waypoint(here)
        there = lane.transform.location
        return math.hypot(here.x - there.x, here.y - there.y) <= lane.lane_width / 2

    def minute(self) -> Row:
        """Return what the seconds since the last call had in them, and begin anew."""
        cars, looks = self._still_there(self._cars), max(1, self._looks)
        row = {
            "cars": len(cars),
            "cars_removed": len(self._cars) - len(cars),
            "walkers": len(self._still_there(self._people)),
            "standing": round(self._standing / looks, 3),
            "longest_stand_s": max((self._stood[car] for car in cars), default=0),
            "off_road": round(self._off_road / looks, 4),
            "walkers_in_road": self._lingering,
        }
        self._looks = self._standing = self._off_road = self._lingering = 0
        return row


def draw_towns(rows: Sequence[Row], path: Path) -> None:
    """Draw the share of standing cars, and the server's state, over the simulated minutes."""
    figure, axes = plt.subplots(3, 1, figsize=(8, 6.5), sharex=True, layout="constrained")
    minutes = np.arange(1, len(rows) + 1)
    axes[0].plot(minutes, [row["standing"] for row in rows], color="tab:red")
    axes[0].set(ylabel="share of cars standing", ylim=(0, 1))
    axes[1].plot(minutes, [row["resident_mb"] for row in rows], color="tab:blue")
    axes[1].set(ylabel="resident memory, MB", ylim=(0, None))
    for name, color in (("threads", "tab:green"), ("open_files", "tab:orange"), ("actors", "k")):
        values = [row[name] for row in rows]
        axes[2].plot(minutes, values, color=color, label=name.replace("_", " "))
    axes[2].set(xlabel="simulated minutes", ylim=(0, None))
    axes[2].legend(frameon=False)
    for at, row in enumerate(rows):
        if row["minute"] == 1:
            for axis in axes:
                axis.axvline(at + 0.5, color="0.8", linewidth=0.8)
            axes[0].text(at + 0.7, 0.93, row["town"], fontsize=8)
    with replacing(path) as part:
        figure.savefig(part, dpi=100)
    plt.close(figure)


def summary_of_towns(rows: Sequence[Row]) -> list[str]:
    """One line for each town."""
    lines = []
    for town in dict.fromkeys(row["town"] for row in rows):
        of_town = [row for row in rows if row["town"] == town]
        first, last = of_town[0], of_town[-1]
        lines.append(
            f"{town}: {last['cars']} cars, {last['cars_removed']} removed by the Traffic Manager, "
            f"{last['walkers']} walkers, {len(of_town)} minutes; "
            f"standing {np.mean([row['standing'] for row in of_town]):.0%}, at the end "
            f"{last['standing']:.0%}, longest {max(r['longest_stand_s'] for r in of_town)} s; "
            f"off the road {np.mean([row['off_road'] for row in of_town]):.2%} of looks; "
            f"walkers standing in a road {sum(row['walkers_in_road'] for row in of_town)} s; "
            f"memory {first['resident_mb']:g} to {last['resident_mb']:g} MB, threads "
            f"{first['threads']} to {last['threads']}, open files {first['open_files']} to "
            f"{last['open_files']}, actors {first['actors']} to {last['actors']}"
        )
    return lines
