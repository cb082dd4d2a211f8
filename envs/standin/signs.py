"""Stop and yield signs: which vehicles they tell to wait."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import f8, i8
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled
from envs.standin.fleet import Array, Fleet
from envs.standin.lights import facing, zones

_WAITS = ("traffic.stop", "traffic.yield")
_REACH = 10.0  # m before a junction within which those that drive towards it count


class GiveWay:
    """The stop and yield signs of a town that lie before a junction.

    As in CARLA a vehicle in a sign's zone is told a red light, at no light, while others are in the
    junction or come to it; the Traffic Manager then lets those that wait in one after the other.
    """

    def __init__(self, signs: tuple[Any, ...]) -> None:
        signs = tuple(sign for sign in signs if sign.type_id in _WAITS and sign.junction)
        self._sign, self._zones = zones(signs)
        self._junctions = np.array([sign.junction for sign in signs]).reshape(-1, 3)

    def __len__(self) -> int:
        return len(self._junctions)

    def waiting(self, fleet: Fleet) -> NDArray[np.int64]:
        """Return 1 for each vehicle that is told to wait, else 0."""
        if not len(self):
            return np.zeros(len(fleet), np.int64)
        bodies = fleet.half_length, fleet.half_width
        at = facing(fleet.x, fleet.y, fleet.yaw, *bodies, self._zones, self._sign)
        return _waiting(fleet.x, fleet.y, fleet.yaw, at, self._junctions)


@called_with(f8[::1], f8[::1], f8[::1], i8[::1], f8[:, ::1])
@compiled
def _waiting(
    x: Array, y: Array, yaw: Array, at: NDArray[np.int64], junctions: Array
) -> NDArray[np.int64]:
    result = np.zeros(len(x), np.int64)
    for i in range(len(x)):
        if at[i] < 0:
            continue
        middle_x, middle_y, radius = junctions[at[i]]
        ahead_x, ahead_y = math.cos(yaw[i]), math.sin(yaw[i])
        for j in range(len(x)):
            if j == i or (x[j] - x[i]) * ahead_x + (y[j] - y[i]) * ahead_y < 0.0:
                continue
            dx, dy = middle_x - x[j], middle_y - y[j]
            away = math.hypot(dx, dy) - radius
            comes = math.cos(yaw[j]) * dx + math.sin(yaw[j]) * dy > 0.0
            if away < 0.0 or (away < _REACH and comes):
                result[i] = 1
    return result
