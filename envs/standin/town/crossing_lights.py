"""Traffic lights of crossings: a signal at each way in, a controller for each phase."""

from __future__ import annotations

import math
from dataclasses import replace

from envs.standin.town.crossings import End, turn_between
from envs.standin.town.curves import length_of
from envs.standin.town.roads import Controller, Junction, Road, Signal

_FIRST_SIGNAL, _FIRST_CONTROLLER = 8000, 9000


def with_lights(
    crossings: set[str], roads: list[Road], junctions: list[Junction], ends: dict[str, list[End]]
) -> tuple[list[Road], list[Controller], list[Junction]]:
    """Put a signal at each way into the named crossings, and one controller for each phase.

    ends: by crossing, in the order of the junctions.
    """
    signals: dict[int, list[Signal]] = {}
    controllers: list[Controller] = []
    junctions = list(junctions)
    for number, node in enumerate(ends):
        if node not in crossings:
            continue
        own: list[int] = []
        for group in _phases([end for end in ends[node] if end.arriving]):
            members = []
            for end in group:
                identity = _FIRST_SIGNAL + sum(map(len, signals.values()))
                length = length_of(roads[end.road].curve)
                signals.setdefault(end.road, []).append(_signal(identity, end, length))
                members.append(identity)
            own.append(_FIRST_CONTROLLER + len(controllers))
            controllers.append(Controller(own[-1], tuple(members)))
        junctions[number] = replace(junctions[number], controllers=tuple(own))
    lit = [replace(road, signals=tuple(signals.get(road.id, ()))) for road in roads]
    return lit, controllers, junctions


def _signal(identity: int, end: End, length: float) -> Signal:
    profile = end.profile
    lanes = tuple(end.arriving)
    beside = len(lanes) * profile.width + profile.shoulder + 0.5
    if end.at_end:
        return Signal(identity, length - 0.3, -beside, "+", lanes)
    return Signal(identity, 0.3, beside, "-", lanes)


def _phases(ends: list[End]) -> list[list[End]]:
    """Ends that face each other go together; the others one by one."""
    left, phases = list(ends), []
    while left:
        end = left.pop(0)
        facing = [other for other in left if abs(turn_between(end, other)) < math.radians(45.0)]
        opposite = facing[:1]
        left = [other for other in left if other not in opposite]
        phases.append([end, *opposite])
    return phases
