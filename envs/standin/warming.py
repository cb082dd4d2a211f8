"""Compiles what a tick needs before the first client is served."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from typing import IO

import numpy as np

from envs.standin import dynamics
from envs.standin.cameras import renderer_of
from envs.standin.picture import BOX, Camera
from envs.standin.snapshot import Snapshots
from envs.standin.town.model import Town
from envs.standin.vehicle_fit import model_of
from envs.standin.world import CLEAR_NOON, Identity, Settings, World

_MIDNIGHT = -80.0


def warm_up(town: Town) -> None:
    """Takes two cars through a crash; where that has to be compiled, also draws one.

    Of several servers that start at once one compiles; the others wait, and find it on disk.
    """
    world = World(town, 0, Identity(), Settings())
    with open(__file__) as lock:
        _hold(lock, fcntl.LOCK_SH)
        world.step(0.05)
        if not dynamics.was_compiled():
            _crash(world)
            return
        print(
            "standin: compiling for this machine, once (up to half a minute)",
            file=sys.stderr,
            flush=True,
        )
        _hold(lock, fcntl.LOCK_EX)
        _compile(world, town)


def _hold(lock: IO[str], kind: int) -> None:
    # On a file system without locks, servers compile side by side.
    with contextlib.suppress(OSError):
        fcntl.flock(lock, kind)


def _compile(world: World, town: Town) -> None:
    # A second process compiles pictures meanwhile; the first camera then finds them on disk.
    other = os.fork()
    if not other:
        with contextlib.suppress(BaseException):
            _draw(town)
            os._exit(0)
        os._exit(1)
    _crash(world)
    if os.waitpid(other, 0)[1]:
        _draw(town)


def _crash(world: World) -> None:
    for actor_id in (1, 2):
        world.fleet.add(actor_id, model_of("vehicle.tesla.model3"))
    world.step(0.05)
    Snapshots().message(world)


def _draw(town: Town) -> None:
    """A car by day and by night."""
    x, y, z, _, yaw, _ = town.spawn_points[0]
    car = np.zeros(1, BOX)
    car["x"], car["y"], car["z"], car["yaw"] = x, y, z, yaw
    car["half_x"], car["half_y"], car["half_z"] = 2.4, 1.0, 0.75
    back = np.radians(yaw)
    camera = Camera("rgb", 84, 84, 90.0, x - 8 * np.cos(back), y - 8 * np.sin(back), z + 1, yaw=yaw)
    night = np.array(CLEAR_NOON)
    night[5] = _MIDNIGHT
    for weather in (night, np.array(CLEAR_NOON)):
        renderer_of(town).render(camera, car, weather)
