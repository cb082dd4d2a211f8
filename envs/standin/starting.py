"""Makes a server that is ready: all is compiled and loaded before it takes its first client."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable

from envs.standin import town as towns
from envs.standin.cameras import renderer_of
from envs.standin.server import Server, bound, listen
from envs.standin.simulation import Simulation
from envs.standin.streams import StreamHub
from envs.standin.warming import warm_up


class CannotStart(Exception):
    """A town or port that cannot be had; one line."""


def start(host: str, port: int, town: str, seed: int, say: Callable[[str], None]) -> Server:
    """A server that listens and waits for `run`. Raises CannotStart.

    The ports are taken at once, but refuse clients until everything is there.
    """
    if town not in towns.TOWNS:
        raise CannotStart(f"unknown town '{town}'; choose from {', '.join(towns.TOWNS)}")
    # OpenCV's idle threads would spin on the core that the client needs.
    os.environ.setdefault("OPENCV_THREAD_POOL_ACTIVE_WAIT_WORKER", "0")
    try:
        calls, streams = bound(host, port)
        warm_up(say)
        say(f"building {town}")
        hub = StreamHub(streams)
        simulation = Simulation(
            hub, town, seed, towns.load_town, towns.TOWNS, towns.town_from_opendrive
        )
        renderer_of(simulation.world.town)
        server = Server(calls, hub, simulation)
        server.stop_on_signals()
        # Collections would scan the town again and again; what is made from here on is small.
        gc.collect()
        gc.freeze()
        listen(calls, streams)
    except OSError as error:
        where = f"{host}:{port} and {port + 1}"
        reason = error.strerror or error
        raise CannotStart(f"cannot listen on {where}: {reason}; choose another port") from error
    return server
