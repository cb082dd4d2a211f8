"""What a checkup asks of a server, in the process that holds the client.

Actors, synchronous mode and the Traffic Manager come from `Stage`, as in training. `leave` puts
back what was found; `repair` does so for a visit whose process has died.
"""

from __future__ import annotations

import itertools
import math
import statistics
import time
from typing import Any

import carla
import numpy as np

from envs.config import EnvConfig, ServerConfig
from envs.errors import EnvError, SimulatorFault
from envs.world import client, traffic
from envs.world.actors import ROLE, remove_leftovers
from envs.world.client import faults
from envs.world.stage import Stage

KINDS = {"vehicles": ("vehicle.",), "walkers": ("walker.", "controller."), "sensors": ("sensor.",)}
MOVED = 0.5  # m that a vehicle must have come, to count as driven
SETTINGS = (
    "synchronous_mode",
    "no_rendering_mode",
    "fixed_delta_seconds",
    "substepping",
    "max_substep_delta_time",
    "max_substeps",
    "max_culling_distance",
    "deterministic_ragdolls",
    "tile_stream_distance",
    "actor_active_distance",
    "spectator_as_ego",
)
Settings = dict[str, Any]


class Visit:
    """A connection to a server; every answer is plain data, to be sent to another process."""

    def __init__(self, host: str, port: int, tm_port: int, config: EnvConfig) -> None:
        self._address = (host, port, tm_port)
        self._config = config
        self._stage: Stage | None = None
        self._starts: list[tuple[float, float]] = []
        self._client = client.connect(host, port, config.server.connect_timeout)
        self._client.set_timeout(config.server.tick_timeout)
        with faults("reading the world"):
            self._world = self._client.get_world()

    @property
    def _server(self) -> ServerConfig:
        return self._config.server

    def version(self) -> str:
        """Return the version of client and server, which `connect` has found to be the same."""
        return str(self._client.get_client_version())

    def round_trip(self, count: int) -> float:
        """Return the median milliseconds of a call without an effect."""
        times = []
        with faults("asking for the version"):
            for _ in range(count):
                started = time.perf_counter()
                self._client.get_server_version()
                times.append(time.perf_counter() - started)
        return 1000.0 * statistics.median(times)

    def towns(self) -> tuple[str, list[str]]:
        """Return the town that is loaded, and those that the server has."""
        with faults("listing the maps"):
            names = sorted({client.base_name(name) for name in self._client.get_available_maps()})
            return client.base_name(self._world.get_map().name), names

    def settings(self) -> Settings:
        """Return the world's settings by name."""
        with faults("reading the settings"):
            found = self._world.get_settings()
        return {name: getattr(found, name) for name in SETTINGS}

    def ticked_by_others(self, seconds: float) -> bool:
        """Return whether frames come within `seconds`, in synchronous mode by another client."""
        with faults("reading the frame"):
            first = self._world.get_snapshot().frame
            time.sleep(seconds)
            return bool(self._world.get_snapshot().frame > first)

    def actors(self) -> dict[str, int]:
        """Return the number of vehicles, walkers and sensors, and under "ours" those of td3jax.

        The server must be in asynchronous mode: it is waited for until its next frame.
        """
        with faults("waiting for a frame"):
            self._world.wait_for_tick(self._server.tick_timeout)
            actors = list(self._world.get_actors())
        counts = {kind: len(_of(actors, kind)) for kind in KINDS}
        ours = [a for a in actors if a.attributes.get("role_name", "").startswith(ROLE)]
        return {**counts, "ours": len(ours)}

    def clear(self) -> tuple[dict[str, int], dict[str, int]]:
        """Leave synchronous mode and destroy all vehicles, walkers and sensors.

        Returns the numbers of those destroyed and of those that are left.
        """
        with faults("removing actors"):
            settings = self._world.get_settings()
            if settings.synchronous_mode:
                settings.synchronous_mode = False
                settings.fixed_delta_seconds = None
                self._world.apply_settings(settings)
            self._world.wait_for_tick(self._server.tick_timeout)
            actors = list(self._world.get_actors())
            counts = {kind: len(_of(actors, kind)) for kind in KINDS}
            for kind in ("sensors", "walkers", "vehicles"):
                found = sorted(_of(actors, kind), key=lambda a: a.type_id)  # controllers first
                destroy = [carla.command.DestroyActor(a.id) for a in found]
                if destroy:
                    self._client.apply_batch_sync(destroy, False)
            self._world.wait_for_tick(self._server.tick_timeout)
        left = self.actors()
        return counts, {kind: left[kind] for kind in KINDS}

    def enter(self) -> None:
        """Begin synchronous mode, as the environment does."""
        town = self.towns()[0]
        self._stage = Stage(self._config, *self._address, town)

    def clock(self, ticks: int) -> list[float]:
        """Return how far the simulated clock went with each tick, in seconds."""
        session = self._entered().session
        times = [session.tick().elapsed_seconds for _ in range(ticks + 1)]
        return [after - before for before, after in itertools.pairwise(times)]

    def populate(self) -> int:
        """Spawn the ego with its sensors and the NPC vehicles; return the number of these."""
        stage = self._entered()
        points = stage.session.map.get_spawn_points()
        if not points:
            raise EnvError(f"{stage.session.town} has no spawn points: load another town")
        start, rng = traffic.lifted(points[0]), np.random.default_rng(0)
        tick = stage.reset_to(start, self._config.traffic.vehicles, False, False, rng)
        self._starts = _places(stage, tick.snapshot)
        return len(stage.actors.vehicles)

    def drive(self, ticks: int) -> dict[str, float]:
        """Tick with camera and NPCs: seconds, contrast of the last picture, vehicles that moved."""
        stage = self._entered()
        started = time.perf_counter()
        for _ in range(ticks):
            tick = stage.tick()
        seconds = time.perf_counter() - started
        here = _places(stage, tick.snapshot)
        moved = sum(
            math.dist(a, b) > MOVED for a, b in zip(self._starts, here, strict=False)
        )  # places are in the order of the ids
        contrast = 0.0 if tick.picture is None else float(np.ptp(tick.picture[..., :3]))
        return {"seconds": seconds, "contrast": contrast, "moved": moved}

    def leave(self) -> tuple[Settings, int]:
        """Remove what is ours and put the settings back; return those and our actors left."""
        self.close()
        return self.settings(), self.actors()["ours"] if self._free() else 0

    def repair(self, found: Settings) -> Settings:
        """Put back what a visit had changed whose process died; return the settings then."""
        with faults("putting the settings back"):
            session = client.open_session(
                self._client, self.towns()[0], self._config.task.tick_seconds, self._server
            )
            remove_leftovers(session)
            settings = session.settings
            for name, value in found.items():
                setattr(settings, name, value)
            client.leave(session)
        return self.settings()

    def close(self) -> None:
        """End the visit; safe to call twice."""
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.close()

    def _free(self) -> bool:
        return not self.settings()["synchronous_mode"]

    def _entered(self) -> Stage:
        if self._stage is None:
            raise SimulatorFault("synchronous mode was not begun")
        return self._stage


def _of(actors: list[Any], kind: str) -> list[Any]:
    return [actor for actor in actors if actor.type_id.startswith(KINDS[kind])]


def _places(stage: Stage, snapshot: Any) -> list[tuple[float, float]]:
    return [(row[0], row[1]) for row in stage.others(snapshot)]
