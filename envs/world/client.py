"""Connecting to a CARLA server: clear errors, the right town, one place for world settings."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import time
from collections.abc import Iterator
from typing import Any

import carla

from envs.config import ServerConfig
from envs.errors import (
    ServerBusy,
    ServerUnreachable,
    SimulatorFault,
    UnknownMap,
    UnknownWeather,
    WrongVersion,
)
from envs.world.waker import Waker
from td3jax.options import suggestion

# One thread for all sensor streams of a client: the messages of a tick are then handled in the
# order in which they came, so that an event sent before a picture is known when the picture is.
STREAM_THREADS = 1
REFUSED_SECONDS = 3.0  # how long a refused connection is tried again


@contextlib.contextmanager
def faults(doing: str) -> Iterator[None]:
    """Turn the client library's RuntimeError into SimulatorFault, naming what was being done."""
    try:
        yield
    except RuntimeError as error:
        raise SimulatorFault(f"simulator failed while {doing}: {error}") from error


@dataclasses.dataclass
class Session:
    """One connection with its world. `settings` are those found, to be put back at the end."""

    client: Any
    world: Any
    map: Any
    town: str
    settings: Any
    tick_timeout: float
    frame: int = 0
    waker: Waker | None = None

    def tick(self) -> Any:
        """Advance the simulation by a step and return its carla.WorldSnapshot.

        Frames must follow each other: a gap means that somebody else ticks this server.
        """
        with faults("ticking"), self._watched():
            frame = self.world.tick(self.tick_timeout)
            snapshot = self.world.get_snapshot()
        if snapshot.frame != frame:
            raise SimulatorFault(f"tick {frame} returned the snapshot of {snapshot.frame}")
        if self.frame and frame != self.frame + 1:
            raise ServerBusy(
                f"the server went from frame {self.frame} to {frame} in one tick: "
                "another client is ticking it; use a server of its own for each environment"
            )
        self.frame = frame
        return snapshot

    @property
    def wakes(self) -> int:
        """Times that the Traffic Manager had to be set free since it was started."""
        return self.waker.count if self.waker else 0

    def watch_traffic(self, port: int) -> None:
        """Set free, from now on, ticks that hang in the Traffic Manager at this port."""
        self.waker = Waker(self.world, port)

    def end_watch(self) -> None:
        """End the watch, before the Traffic Manager or the world goes away."""
        waker, self.waker = self.waker, None
        if waker is not None:
            waker.end()

    def _watched(self) -> contextlib.AbstractContextManager[None]:
        if self.waker is None:
            return contextlib.nullcontext()
        return self.waker.watching(self.frame or self.world.get_snapshot().frame)


def connect(host: str, port: int, timeout: float) -> Any:
    """Return a carla.Client whose server answers with its version, within `timeout` seconds."""
    _wait_for_port(host, port, min(timeout, REFUSED_SECONDS))
    client = carla.Client(host, port, STREAM_THREADS)
    client.set_timeout(timeout)
    try:
        theirs = client.get_server_version()
    except RuntimeError as error:
        raise ServerUnreachable(
            f"{host}:{port} accepts connections but does not answer as a CARLA server "
            f"within {timeout:g} s: restart it, or check the port"
        ) from error
    ours = client.get_client_version()
    if theirs != ours:
        raise WrongVersion(
            f"server {host}:{port} is CARLA {theirs}, the client is {ours}: "
            f"start a {ours} server or install carla=={theirs}"
        )
    return client


def _wait_for_port(host: str, port: int, timeout: float) -> None:
    """Wait for the socket: a carla.Client made before the server listens never recovers."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            with socket.create_connection((host, port), timeout=timeout):
                return
        except OSError as error:
            if time.monotonic() >= deadline or isinstance(error, socket.gaierror):
                raise ServerUnreachable(
                    f"no CARLA server at {host}:{port} ({error.strerror or error}): "
                    "start one there, or leave the host empty to start the stand-in"
                ) from error
        time.sleep(0.1)


def base_name(path: str) -> str:
    """Return "Town01" of "/Game/Carla/Maps/Town01" or "Carla/Maps/Town01"."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def open_session(client: Any, town: str, tick_seconds: float, timeouts: ServerConfig) -> Session:
    """Open the world of `town`, loaded only if the server shows another, in synchronous mode."""
    with faults("reading the world"):
        world = client.get_world()
        settings = world.get_settings()
    session = Session(client, world, None, "", settings, timeouts.tick_timeout)
    current = base_name(_map_of(world).name)
    if current == town:
        _require_alone(world, settings)
        _enter(session, town, tick_seconds)
    else:
        load_town(session, town, tick_seconds, timeouts.load_timeout)
    return session


def load_town(session: Session, town: str, tick_seconds: float, timeout: float) -> None:
    """Load a map and puts our settings back, which a load may reset.

    No Traffic Manager of this process may be synchronous now (see `Traffic.shut_down`).
    """
    client = session.client
    with faults("listing the maps"):
        names = sorted({base_name(name) for name in client.get_available_maps()})
    if town not in names:
        near = suggestion(town, names)
        raise UnknownMap(f"the server has no map {town!r}; it has {', '.join(names)}{near}")
    with faults(f"loading {town}"):
        client.set_timeout(timeout)
        session.world = client.load_world(town)
    _enter(session, town, tick_seconds)


def _enter(session: Session, town: str, tick_seconds: float) -> None:
    apply_world_settings(session.world, tick_seconds)
    session.map = _map_of(session.world)
    session.town = town
    session.frame = 0
    session.client.set_timeout(session.tick_timeout)


def _map_of(world: Any) -> Any:
    with faults("reading the map"):
        return world.get_map()


def apply_world_settings(world: Any, tick_seconds: float) -> None:
    """Set synchronous mode with a fixed step; used after each load, and nothing else sets it."""
    with faults("applying the settings"):
        settings = world.get_settings()
        settings.synchronous_mode = True
        settings.fixed_delta_seconds = tick_seconds
        settings.no_rendering_mode = False
        settings.substepping = True
        settings.max_substep_delta_time = 0.01
        settings.max_substeps = 10
        settings.deterministic_ragdolls = True
        world.apply_settings(settings)
        found = world.get_settings()
    kept = found.synchronous_mode and abs((found.fixed_delta_seconds or 0) - tick_seconds) < 1e-6
    if not kept:
        raise SimulatorFault(
            f"the server did not keep synchronous mode at {tick_seconds} s per step: another "
            "client changes its settings, stop that"
        )


def _require_alone(world: Any, settings: Any) -> None:
    """Raise ServerBusy where frames move in synchronous mode: another client ticks."""
    if not settings.synchronous_mode:
        return
    first = world.get_snapshot().frame
    time.sleep(0.3)
    if world.get_snapshot().frame > first > 0:
        raise ServerBusy(
            "another client is ticking this server: stop it, or use a server of its own "
            "for each environment"
        )


def forget_settings(session: Session) -> None:
    """Drop settings left by a dead client of ours: `leave` sets the server free instead."""
    session.settings.synchronous_mode = False
    session.settings.fixed_delta_seconds = None


def leave(session: Session) -> None:
    """Put the settings back that were found, so that the server does not stay frozen."""
    with contextlib.suppress(RuntimeError):
        session.world.apply_settings(session.settings)


def set_weather(world: Any, name: str) -> None:
    """Apply a preset of carla.WeatherParameters by name."""
    preset = getattr(carla.WeatherParameters, name, None)
    if not isinstance(preset, carla.WeatherParameters):
        known = [n for n in dir(carla.WeatherParameters) if n[0].isupper()]
        near = suggestion(name, known)
        raise UnknownWeather(f"no weather {name!r}; there are {', '.join(known)}{near}")
    with faults("setting the weather"):
        world.set_weather(preset)
