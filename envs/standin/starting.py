"""Makes a server that is ready: all is compiled and loaded before it takes its first client."""

from __future__ import annotations

import contextlib
import difflib
import gc
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from envs.standin import town as towns
from envs.standin.cameras import renderer_of
from envs.standin.server import Server, bound, listen
from envs.standin.simulation import Simulation
from envs.standin.streams import StreamHub
from envs.standin.town.model import Town
from envs.standin.warming import warm_up


class CannotStart(Exception):
    """A town or port that cannot be had; one line."""


def start(
    host: str,
    port: int,
    town: str,
    seed: int,
    say: Callable[[str], None],
    files: Sequence[Path] = (),
) -> Server:
    """A server that listens and waits for `run`. Raises CannotStart.

    The ports are taken at once, but refuse clients until everything is there. files: OpenDRIVE
    maps, each a town of the file's name, before a built-in one of that name; with an empty `town`
    the first of them is loaded.
    """
    texts = {path.stem: _text(path) for path in files}
    names = tuple(dict.fromkeys([*towns.TOWNS, *texts]))
    town = town or next(iter(texts), towns.TOWNS[0])
    if town not in names:
        near = difflib.get_close_matches(town, names, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise CannotStart(f"unknown town '{town}'; choose from {', '.join(names)}{hint}")

    def load(name: str) -> Town:
        if name not in texts:
            return towns.load_town(name)
        return towns.town_from_opendrive(texts[name], name)

    # OpenCV's idle threads would spin on the core that the client needs.
    os.environ.setdefault("OPENCV_THREAD_POOL_ACTIVE_WAIT_WORKER", "0")
    undo = contextlib.ExitStack()
    try:
        calls, streams = bound(host, port)
        for sock in (calls, streams):
            undo.callback(sock.close)
        warm_up(say)
        say(f"building {town}")
        hub = StreamHub(streams)
        simulation = Simulation(hub, town, seed, load, names, towns.town_from_opendrive)
        renderer_of(simulation.world.town)
        server = Server(calls, hub, simulation)
        server.stop_on_signals()
        # Collections would scan the town again and again; what is made from here on is small.
        gc.collect()
        gc.freeze()
        listen(calls, streams)
        undo.pop_all()
    except OSError as error:
        where = f"{host}:{port} and {port + 1}"
        reason = error.strerror or error
        raise CannotStart(f"cannot listen on {where}: {reason}; choose another port") from error
    except ValueError as error:
        raise CannotStart(f"{town}: the map cannot be used: {error}") from error
    finally:
        undo.close()
    return server


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"--opendrive={path}: cannot be read ({error})") from error
