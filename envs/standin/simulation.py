"""The running simulator: a world, its streams, and the order of events in a tick."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from envs.standin import cameras, scanners, sensors
from envs.standin.actors import Actor
from envs.standin.recording import Recorder
from envs.standin.replay import Options, Replay
from envs.standin.rpc import RpcFailure
from envs.standin.snapshot import Snapshots
from envs.standin.streams import WORLD_STREAM, StreamHub
from envs.standin.world import Identity, Settings, World

#: Wall-clock pace of asynchronous mode without a fixed step.
ASYNCHRONOUS_PERIOD_S = 1 / 30
#: Pause between steps of a fixed length, which leaves calls of clients their turn.
FREE_RUNNING_S = 0.002
MAX_DELTA_S = 10.0
OPENDRIVE_MAP = "OpenDriveMap"


class Simulation:
    """One simulator: the present world and what outlives it."""

    def __init__(
        self,
        hub: StreamHub,
        town: str,
        seed: int,
        load_town: Callable[[str], Any],
        towns: tuple[str, ...],
        parse_town: Callable[[str, str], Any],
    ) -> None:
        self.hub = hub
        self.seed = seed
        self.towns = towns
        self._load_town = load_town
        self._parse_town = parse_town
        self._snapshots = Snapshots()
        self._identity = Identity()
        self._pending_opendrive: str | None = None
        #: Traffic Managers of clients by port: host, and the connection that registered it.
        self.traffic_managers: dict[int, tuple[str, int]] = {}
        #: The connection whose request is being served.
        self.caller = 0
        self._last_tick = time.monotonic()
        self._pictures_due = False
        self._pictures: Iterator[None] = iter(())
        self.recorder: Recorder | None = None
        self.replay: Replay | None = None
        self.replay_options = Options()
        self.world = World(load_town(town), seed, self._identity, Settings())
        self.map_name: str = self.world.town.name

    def tick(self) -> int:
        """Step once and publish the snapshot and quick sensors. Returns the new frame.

        The slow sensors' data follow with `start_pictures` and `work`, or with `finish_tick`.
        """
        self.finish_tick()
        self.hub.await_announced()
        world = self.world
        now = time.monotonic()
        passed, self._last_tick = now - self._last_tick, now
        delta = world.settings.fixed_delta
        world.step(delta if delta else min(max(passed, 0.001), 0.1))
        self._record()
        droppable = not world.settings.synchronous
        if self.hub.has_subscribers(WORLD_STREAM):
            self.hub.publish(WORLD_STREAM, self._snapshots.message(world), droppable)
        for sensor in self._heard(sensors.QUICK):
            self._publish(sensor, droppable)
        self._pictures_due = True
        return world.frame

    def _record(self) -> None:
        if self.recorder is None:
            return
        try:
            self.recorder.note(self.world)
        except OSError as error:
            print(f"standin: recording ended: {error}", file=sys.stderr)
            self.recorder = None

    def stop_recorder(self) -> None:
        """End a recording, where there is one."""
        if self.recorder is not None:
            self.recorder.close()
            self.recorder = None

    def start_pictures(self) -> None:
        """Once the caller of a tick has its answer: sends scans, and notes what cameras see.

        The pictures are then made by `work`, between other requests: a Traffic Manager asks for
        many things in each step, which need not wait for them.
        """
        if not self._pictures_due:
            return
        self._pictures_due = False
        droppable = not self.world.settings.synchronous
        shots = []
        for sensor in self._heard(sensors.SLOW):
            if sensor.type_id not in cameras.KINDS:
                self._publish(sensor, droppable)
                continue
            with _reported(sensor):
                if shot := cameras.shoot(self.world, sensor):
                    shots.append((sensor, shot))
        self._pictures = self._draw(shots, droppable)

    def work(self) -> bool:
        """Make the next part of a picture; whether there may be more to do."""
        for _ in self._pictures:
            return True
        return False

    def finish_tick(self) -> None:
        """Make and send all that is left of the last step."""
        self.start_pictures()
        while self.work():
            pass

    def _draw(self, shots: list[tuple[Actor, cameras.Shot]], droppable: bool) -> Iterator[None]:
        for sensor, shot in shots:
            with _reported(sensor):
                payload = yield from shot.develop()
                self.hub.publish(sensor.stream, payload, droppable)

    def period(self) -> float | None:
        """Seconds of wall clock between own steps; None in synchronous mode.

        With a fixed step a real server runs as fast as it can, and this one while anybody watches.
        """
        settings = self.world.settings
        if settings.synchronous:
            return None
        watched = bool(settings.fixed_delta) and self.hub.has_subscribers(WORLD_STREAM)
        return FREE_RUNNING_S if watched else ASYNCHRONOUS_PERIOD_S

    def load(self, name: str, reset_settings: bool) -> None:
        """Start a new episode; an empty name means the present town. Raises RpcFailure."""
        self.finish_tick()
        settings = Settings() if reset_settings else self.world.settings
        town = self._town_named(name)
        self.map_name = name.rsplit("/", 1)[-1] or self.map_name
        frame = self.world.frame
        self.stop_recorder()
        self.replay = None
        self.world = World(town, self.seed, self._identity, settings, frame=frame)

    def forget_caller(self, connection: int) -> None:
        """Drop the Traffic Managers of a client that is gone: nobody could reach them."""
        self.traffic_managers = {
            port: entry for port, entry in self.traffic_managers.items() if entry[1] != connection
        }

    def prepare_opendrive(self, text: str) -> None:
        """Check and keep a map for the next `load` of the OpenDRIVE world."""
        try:
            self._parse_town(text, OPENDRIVE_MAP)
        except Exception as error:
            raise RpcFailure(f"copy_opendrive_to_file: cannot read the map: {error}") from error
        self._pending_opendrive = text

    def _town_named(self, name: str) -> Any:
        # The real server names each town twice; "_Opt" is the one with layers.
        short = name.rsplit("/", 1)[-1].removesuffix("_Opt")
        if not short:
            return self.world.town
        if short == OPENDRIVE_MAP:
            if self._pending_opendrive is None:
                raise RpcFailure("load_new_episode: no OpenDRIVE map was sent before")
            return self._parse_town(self._pending_opendrive, OPENDRIVE_MAP)
        if short not in self.towns:
            raise RpcFailure(f"map '{name}' not found; maps: {', '.join(self.towns)}")
        return self._load_town(short)

    def _heard(self, kinds: frozenset[str]) -> list[Actor]:
        """Sensors of these kinds that anybody listens to."""
        hub = self.hub
        return [
            sensor
            for sensor in self.world.sensors
            if sensor.type_id in kinds and hub.has_subscribers(sensor.stream)
        ]

    def _publish(self, sensor: Actor, droppable: bool) -> None:
        with _reported(sensor):
            for message in sensors.measure(self.world, sensor):
                self.hub.publish(sensor.stream, message, droppable)


@contextmanager
def _reported(sensor: Actor) -> Iterator[None]:
    """One sensor that cannot measure says so and stops no other."""
    try:
        yield
    except (ValueError, ArithmeticError) as error:
        print(f"standin: {sensor.type_id} {sensor.id}: {error}", file=sys.stderr)


__all__ = ["Simulation", "cameras", "scanners"]
