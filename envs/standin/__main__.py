"""Starts the stand-in CARLA server: `python -m envs.standin --port 2000`."""

from __future__ import annotations

import argparse
import gc
import os
import sys

from envs.standin import town
from envs.standin.server import Server, listen
from envs.standin.simulation import Simulation
from envs.standin.streams import StreamHub
from envs.standin.warming import warm_up


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m envs.standin",
        description="A simulator that speaks the protocol of CARLA 0.9.16. It listens on PORT for "
        "calls and on PORT+1 for streams, and prints one line when it accepts clients.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=2000, help="port for calls (%(default)s)")
    parser.add_argument("--town", default="Town01", help="town to start with (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of sensor noise (%(default)s)")
    parser.add_argument(
        "--exit-with-parent",
        action="store_true",
        help="end when the process that started this one ends, even if it was killed",
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Runs the server until a signal ends it; returns the exit code."""
    options = _arguments(argv)
    if not 1 <= options.port <= 65534:
        return _refuse(f"--port must be in 1 to 65534, not {options.port}")
    if options.seed < 0:
        return _refuse(f"--seed must not be negative, not {options.seed}")
    if options.town not in town.TOWNS:
        return _refuse(f"unknown town '{options.town}'; choose from {', '.join(town.TOWNS)}")
    try:
        calls, streams = listen(options.host, options.port)
    except OSError as error:
        where = f"{options.host}:{options.port} and {options.port + 1}"
        return _refuse(f"cannot listen on {where}: {error.strerror or error}; choose another port")
    # OpenCV's idle threads would spin on the core that the client needs.
    os.environ.setdefault("OPENCV_THREAD_POOL_ACTIVE_WAIT_WORKER", "0")
    hub = StreamHub(streams)
    simulation = Simulation(
        hub, options.town, options.seed, town.load_town, town.TOWNS, town.town_from_opendrive
    )
    server = Server(calls, hub, simulation)
    server.stop_on_signals()
    if options.exit_with_parent:
        server.stop_with_parent()
    # Clients that connect meanwhile wait; a refused one would not try again.
    warm_up(simulation.world.town)
    # Collections would scan the town again and again; what is made from here on is small.
    gc.collect()
    gc.freeze()
    print(f"listening on {options.host}:{options.port}", flush=True)
    server.run()
    return 0


def _refuse(text: str) -> int:
    print(f"standin: {text}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
