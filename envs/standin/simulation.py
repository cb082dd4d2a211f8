"""The running simulator: a world, its streams, and the order of events in a tick."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from envs.standin import cameras, scanners, sensors
from envs.standin.rpc import RpcFailure
from envs.standin.snapshot import Snapshots
from envs.standin.streams import WORLD_STREAM, StreamHub
from envs.standin.world import Identity, Settings, World

#: Wall-clock pace of asynchronous mode without a fixed step.
ASYNCHRONOUS_PERIOD_S = 1 / 30
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
        self.world = World(load_town(town), seed, self._identity, Settings())
        self.map_name: str = self.world.town.name

    def tick(self) -> int:
        """Steps once and publishes the snapshot and quick sensors. Returns the new frame.

        `finish_tick` must follow before anything else happens.
        """
        self.hub.await_announced()
        world = self.world
        now = time.monotonic()
        passed, self._last_tick = now - self._last_tick, now
        delta = world.settings.fixed_delta
        world.step(delta if delta else min(max(passed, 0.001), 0.1))
        droppable = not world.settings.synchronous
        if self.hub.has_subscribers(WORLD_STREAM):
            self.hub.publish(WORLD_STREAM, self._snapshots.message(world), droppable)
        self._publish_sensors(sensors.QUICK, droppable)
        self._pictures_due = True
        return world.frame

    def finish_tick(self) -> None:
        """Sends what takes long to make, once the caller of the tick has its answer.

        The client computes its traffic meanwhile; no other request is served before.
        """
        if self._pictures_due:
            self._pictures_due = False
            self._publish_sensors(sensors.SLOW, not self.world.settings.synchronous)

    def period(self) -> float | None:
        """Seconds of wall clock between own steps; None in synchronous mode."""
        settings = self.world.settings
        if settings.synchronous:
            return None
        return settings.fixed_delta or ASYNCHRONOUS_PERIOD_S

    def load(self, name: str, reset_settings: bool) -> None:
        """Starts a new episode; an empty name means the present town. Raises RpcFailure."""
        settings = Settings() if reset_settings else self.world.settings
        town = self._town_named(name)
        self.map_name = name.rsplit("/", 1)[-1] or self.map_name
        frame = self.world.frame
        self.world = World(town, self.seed, self._identity, settings, frame=frame)

    def forget_caller(self, connection: int) -> None:
        """Drops the Traffic Managers of a client that is gone: nobody could reach them."""
        self.traffic_managers = {
            port: entry for port, entry in self.traffic_managers.items() if entry[1] != connection
        }

    def prepare_opendrive(self, text: str) -> None:
        """Checks and keeps a map for the next `load` of the OpenDRIVE world."""
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

    def _publish_sensors(self, kinds: frozenset[str], droppable: bool) -> None:
        world, hub = self.world, self.hub
        for sensor in world.sensors:
            if sensor.type_id not in kinds or not hub.has_subscribers(sensor.stream):
                continue
            try:
                messages = sensors.measure(world, sensor)
            except (ValueError, ArithmeticError) as error:
                print(f"standin: {sensor.type_id} {sensor.id}: {error}", file=sys.stderr)
                continue
            for message in messages:
                hub.publish(sensor.stream, message, droppable)


__all__ = ["Simulation", "cameras", "scanners"]
