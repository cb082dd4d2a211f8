"""Traffic lights: phases per junction, and which vehicle stands in front of which light."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import f8, i8
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled
from envs.standin.fleet import Array, Fleet

RED, YELLOW, GREEN, OFF, UNKNOWN = range(5)
GREEN_TIME, YELLOW_TIME, RED_TIME = 10.0, 3.0, 2.0

_FACING = math.cos(math.radians(60.0))


class TrafficLights:
    """All lights of a town. Junctions cycle through their phase groups: green, yellow, all red.

    Arrays have one entry per light, in the order of `ids`.
    """

    def __init__(self, signals: tuple[Any, ...], ids: list[int]) -> None:
        count = len(signals)
        self.ids = ids
        self.signals = signals
        self.index = {actor_id: index for index, actor_id in enumerate(ids)}
        self.state = np.full(count, RED, np.uint8)
        self.elapsed = np.zeros(count)
        self.durations = np.tile([GREEN_TIME, YELLOW_TIME, RED_TIME], (count, 1))
        self.frozen = False
        self._junctions = _junction_groups(signals)
        self._phase: dict[int, int] = {}
        self._clock: dict[int, float] = {}
        self._box_light, self._boxes = zones(signals)
        self.reset()

    def __len__(self) -> int:
        return len(self.ids)

    def reset(self) -> None:
        """Every junction starts its cycle anew."""
        for junction in self._junctions:
            self._restart(junction)

    def reset_group(self, light: int) -> None:
        """The junction of a light starts its cycle anew."""
        self._restart(self.signals[light].junction)

    def group(self, light: int) -> list[int]:
        """Actor ids of all lights at the same junction."""
        junction = self.signals[light].junction
        members = [i for group in self._junctions[junction] for i in group]
        return [self.ids[i] for i in sorted(members)]

    def step(self, dt: float) -> None:
        """Advance the clocks unless frozen."""
        if self.frozen or not len(self):
            return
        self.elapsed += dt
        for junction, groups in self._junctions.items():
            self._clock[junction] += dt
            group = groups[self._phase[junction]]
            green, yellow, red = self.durations[group[0]].tolist()
            clock = self._clock[junction] + 1e-9
            if clock >= green + yellow + red:
                self._phase[junction] = (self._phase[junction] + 1) % len(groups)
                self._clock[junction] = 0.0
                self._show(groups[self._phase[junction]], GREEN)
            elif clock >= green + yellow:
                self._change(group, YELLOW, RED)
            elif clock >= green:
                self._change(group, GREEN, YELLOW)

    def set_state(self, light: int, state: int) -> None:
        """Show a colour until the cycle changes it, or for good while frozen."""
        self._show([light], state)

    def facing(self, fleet: Fleet) -> NDArray[np.int64]:
        """Return for each vehicle the light whose stop zone its body touches, -1 for none."""
        bodies = fleet.half_length, fleet.half_width
        return facing(fleet.x, fleet.y, fleet.yaw, *bodies, self._boxes, self._box_light)

    def _restart(self, junction: int) -> None:
        self._phase[junction] = 0
        self._clock[junction] = 0.0
        groups = self._junctions[junction]
        for group in groups:
            self._show(group, RED)
        self._show(groups[0], GREEN)

    def _change(self, group: list[int], old: int, new: int) -> None:
        changing = [light for light in group if self.state[light] == old]
        if changing:
            self._show(changing, new)

    def _show(self, group: list[int], state: int) -> None:
        self.state[group] = state
        self.elapsed[group] = 0.0


@called_with(f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[:, ::1], i8[::1])
@compiled
def facing(
    x: Array,
    y: Array,
    yaw: Array,
    half_length: Array,
    half_width: Array,
    boxes: Array,
    owners: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the owner of the zone that each vehicle's body touches and faces along, or -1."""
    result = np.full(len(x), -1, np.int64)
    for i in range(len(x)):
        ahead_x, ahead_y = math.cos(yaw[i]), math.sin(yaw[i])
        long, wide = half_length[i], half_width[i]
        for box in range(len(boxes)):
            box_x, box_y, cos, sin, half_x, half_y = boxes[box]
            dx, dy = x[i] - box_x, y[i] - box_y
            turn, side = ahead_x * cos + ahead_y * sin, abs(ahead_y * cos - ahead_x * sin)
            if turn <= _FACING:
                continue
            if abs(dx * cos + dy * sin) > half_x + turn * long + side * wide:
                continue
            if abs(dy * cos - dx * sin) > half_y + side * long + turn * wide:
                continue
            if abs(dx * ahead_x + dy * ahead_y) > long + turn * half_x + side * half_y:
                continue
            if abs(dy * ahead_x - dx * ahead_y) > wide + side * half_x + turn * half_y:
                continue
            result[i] = owners[box]
    return result


def _junction_groups(signals: tuple[Any, ...]) -> dict[int, list[list[int]]]:
    by_junction: dict[int, dict[int, list[int]]] = {}
    for index, signal in enumerate(signals):
        by_junction.setdefault(signal.junction, {}).setdefault(signal.phase_group, []).append(index)
    return {
        junction: [groups[key] for key in sorted(groups)]
        for junction, groups in sorted(by_junction.items())
    }


def zones(signals: tuple[Any, ...]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the index of the light or sign of each stop zone, and zones as rows (x, y, cos, sin,
    half_x, half_y)."""
    owners: list[int] = []
    rows: list[tuple[float, ...]] = []
    for index, signal in enumerate(signals):
        for x, y, _, half_x, half_y, yaw in np.asarray(signal.boxes).reshape(-1, 6).tolist():
            owners.append(index)
            angle = math.radians(yaw)
            rows.append((x, y, math.cos(angle), math.sin(angle), half_x, half_y))
    return np.array(owners, np.int64), np.array(rows).reshape(-1, 6)
