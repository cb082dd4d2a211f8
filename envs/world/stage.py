"""Everything of ours in one simulator world: connection, traffic, ego; set up, ticked, removed."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import numpy as np

from envs.config import EnvConfig
from envs.errors import EnvError, SimulatorFault
from envs.task.route import LaneGraph, NoRoute, Route
from envs.task.stop_lines import stop_lines
from envs.task.surroundings import NearbyActors
from envs.world import client, traffic
from envs.world.actors import Actors, remove_leftovers
from envs.world.ego import Ego
from envs.world.lights import Lights
from envs.world.traffic import Traffic
from envs.world.walkers import Walkers

ROUTE_SEED = 0x20AD  # routes asked for by number are the same in every run
ROUTE_TRIES = 20
LIGHT_TRIES = 100
LIGHT_AHEAD = (20.0, 60.0)  # m of the route to its first stop line, where a light is to be met soon


@dataclasses.dataclass(frozen=True)
class Tick:
    """Readings of one simulation step, all of the same frame. hits: (id, blueprint, impulse)."""

    snapshot: Any
    frame: int
    picture: np.ndarray | None
    imu: np.ndarray | None
    hits: list[tuple[int, str, float]]
    crossings: int


class Stage:
    """A town with our ego and NPCs; actors live until `close` or a change of town."""

    def __init__(self, config: EnvConfig, host: str, port: int, tm_port: int, town: str) -> None:
        self.config = config
        self.ego: Ego | None = None
        self._tm_port = tm_port
        connection = client.connect(host, port, config.server.connect_timeout)
        self.session = client.open_session(
            connection, town, config.task.tick_seconds, config.server
        )
        if remove_leftovers(self.session):
            client.forget_settings(self.session)
        self._enter()

    def _enter(self) -> None:
        session, others = self.session, self.config.traffic
        self.actors = Actors()
        self.traffic = Traffic(others, self.actors, self._tm_port)
        self.walkers = Walkers(others.npc_walkers, self.actors)
        self.graph = LaneGraph(session.map)
        self.lights = Lights(session)

    def change_town(self, town: str) -> None:
        """Load another map, if it is another one; a reload only for that."""
        if town == self.session.town:
            return
        self.actors.destroy(self.session)
        self.traffic.shut_down(self.session)
        self.ego = None
        server, seconds = self.config.server, self.config.task.tick_seconds
        client.load_town(self.session, town, seconds, server.load_timeout)
        self._enter()

    def plan(
        self, number: int | None, rng: np.random.Generator, light_first: bool = False
    ) -> tuple[Any, Route]:
        """Return (start, route): drawn from `rng`, or the fixed one of this number in this town.

        light_first: with a traffic light in `LIGHT_AHEAD`, where the town has such routes.
        """
        draw = rng if number is None else np.random.default_rng([ROUTE_SEED, number])
        for _ in range(LIGHT_TRIES if light_first and number is None else 0):
            start, route = self._drawn(draw)
            lines = stop_lines(self.graph, route, self.lights.lanes)
            if lines and LIGHT_AHEAD[0] < lines[0].metre < LIGHT_AHEAD[1]:
                return start, route
        return self._drawn(draw)

    def _drawn(self, rng: np.random.Generator) -> tuple[Any, Route]:
        points = self.session.map.get_spawn_points()
        for _ in range(ROUTE_TRIES):
            start = points[int(rng.integers(len(points)))]
            with contextlib.suppress(NoRoute):
                route = self.graph.plan(start.location, self.config.task.route_length, rng)
                return traffic.lifted(start), route
        length = self.config.task.route_length
        raise EnvError(f"{self.session.town} has no route of {length:g} m: lower route_length")

    def reset_to(
        self, start: Any, vehicles: int, replace: bool, video: bool, rng: np.random.Generator
    ) -> Tick:
        """Place the ego at `start` and the NPCs about it; return the last tick of the warm-up.

        NPCs stay where they are, but for those in the way; `replace`, or another number of
        `vehicles`, puts all on drawn places.
        """
        seed = int(rng.integers(2**31))
        place = start.location
        fresh = self.ego is None
        if fresh:
            self.ego = Ego(self.session, self.config, self.actors, start)
            self.traffic.start(self.session)
            self.session.tick()
        changed = self.traffic.muster(self.session, vehicles)
        if fresh or changed:
            fixed = np.random.default_rng(traffic.FLEET_SEED)
            self.traffic.fill(self.session, place, fixed)
            self.walkers.fill(self.session, fixed)
        if fresh or changed or replace:
            self.traffic.place(self.session, start, rng)
            self.walkers.place(self.session, rng)
        else:
            self.traffic.tidy(self.session, place, rng)
            self.traffic.clear(self.session, place, rng)
        self.traffic.seed(self.session, seed)
        self.traffic.fill(self.session, place, rng)
        self.walkers.fill(self.session, rng)
        return self._warm_up(start, video)

    def _warm_up(self, start: Any, video: bool) -> Tick:
        ego = self.live_ego()
        ego.listen(video)
        ego.place(start)
        for _ in range(self.config.task.warmup_ticks - 1):
            self.session.tick()
        ego.clear_events()
        return self.tick()

    def live_ego(self) -> Ego:
        """Return the ego; SimulatorFault when it has not been spawned."""
        if self.ego is None:
            raise SimulatorFault("there is no ego: reset the environment")
        return self.ego

    def tick(self) -> Tick:
        """Advance the simulator by a step and return the readings of exactly that step."""
        ego, patience = self.live_ego(), self.config.server.tick_timeout
        snapshot = self.session.tick()
        frame = snapshot.frame
        picture = ego.camera.wait(frame, patience) if ego.camera else None
        imu = ego.imu.wait(frame, patience) if ego.imu else None
        hits, crossings = ego.collisions.drain(frame), ego.crossings.drain(frame)
        self.walkers.steer(self.session)
        return Tick(snapshot, frame, picture, imu, hits, sum(crossings))

    def others(self, snapshot: Any) -> NearbyActors:
        """Return the NPCs of a snapshot."""
        return traffic.others(snapshot, self.actors)

    def chase_picture(self, frame: int) -> np.ndarray | None:
        """Return the chase camera's uint8 (H, W, 4) of this frame; None where it is off."""
        chase = self.live_ego().chase
        return chase.wait(frame, self.config.server.tick_timeout) if chase.listening else None

    def close(self) -> None:
        """Remove everything of ours and puts the server's settings back."""
        with contextlib.suppress(EnvError, RuntimeError):
            self.actors.destroy(self.session)
            self.traffic.shut_down(self.session)
        client.leave(self.session)
