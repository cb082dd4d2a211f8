"""Ends of streets at a crossing, and the paths that lead from one to another."""

from __future__ import annotations

import math
from dataclasses import dataclass

from envs.standin.town.curves import Pose, connect
from envs.standin.town.roads import Connection, Lane, Link, Mark, Road

_CENTRE = Mark("broken", "yellow", "none")
_STRAIGHT, _BACK = math.radians(40.0), math.radians(135.0)


@dataclass(frozen=True)
class Profile:
    """Cross-section of a street: driving lanes along and against it, widths in metres."""

    forward: int = 1
    backward: int = 1
    width: float = 3.5
    shoulder: float = 0.6
    sidewalk: float = 2.6
    centre: Mark = _CENTRE
    speed_kmh: float = 50.0


@dataclass(frozen=True)
class End:
    """One end of a street at a crossing; `pose` faces the crossing."""

    road: int
    at_end: bool
    pose: Pose
    profile: Profile

    @property
    def arriving(self) -> list[int]:
        """Ids of the lanes that enter the crossing, from the centre line outwards."""
        return _ids(-1, self.profile.forward) if self.at_end else _ids(1, self.profile.backward)

    @property
    def leaving(self) -> list[int]:
        """Ids of the lanes that leave the crossing, from the centre line outwards."""
        return _ids(1, self.profile.backward) if self.at_end else _ids(-1, self.profile.forward)

    @property
    def one_way(self) -> bool:
        """Tell whether the street has lanes in one direction only."""
        return not (self.profile.forward and self.profile.backward)

    @property
    def bearing(self) -> float:
        """Direction away from the crossing, in rad."""
        return self.pose.heading + math.pi

    @property
    def contact(self) -> str:
        return "end" if self.at_end else "start"


def cross(number: int, ends: list[End], first: int) -> tuple[list[Road], list[Connection]]:
    """All paths through a crossing, with ids from `first` on, and the connections they make.

    ends: the streets' ends in counter-clockwise order.
    """
    paths: list[Road] = []
    connections: list[Connection] = []
    for source, target, i, j in _movements(ends):
        identity = first + len(paths)
        start = source.pose.moved(0.0, -i * source.profile.width)
        finish = target.pose.moved(0.0, j * target.profile.width).turned()
        at_corner = ends[(ends.index(source) + 1) % len(ends)] is target
        outermost = i + 1 == len(source.arriving) and j + 1 == len(target.leaving)
        lane_from, lane_to = source.arriving[i], target.leaving[j]
        paths.append(
            Road(
                id=identity,
                curve=connect(start, finish),
                lanes=_path_lanes(source.profile, lane_from, lane_to, at_corner and outermost),
                junction=number,
                predecessor=Link("road", source.road, source.contact),
                successor=Link("road", target.road, target.contact),
                speed_kmh=min(source.profile.speed_kmh, target.profile.speed_kmh),
            )
        )
        connections.append(Connection(source.road, identity, lane_from))
    return paths, connections


def _path_lanes(profile: Profile, lane_from: int, lane_to: int, corner: bool) -> tuple[Lane, ...]:
    driving = Lane(-1, "driving", profile.width, Mark(), lane_from, lane_to)
    lanes = [driving]
    for kind, width in (("shoulder", profile.shoulder), ("sidewalk", profile.sidewalk)):
        if corner and width > 0.0:
            lanes.append(Lane(-1 - len(lanes), kind, width))
    return tuple(lanes)


def _movements(ends: list[End]) -> list[tuple[End, End, int, int]]:
    """Which lane leads onto which: (from, onto, index of lane from, index of lane onto)."""
    ways: list[tuple[End, End, int, int]] = []
    one_way = all(end.one_way for end in ends)
    for source in ends:
        for target in ends:
            if target is not source:
                slip = one_way != (source.one_way or target.one_way)
                ways += [(source, target, i, j) for i, j in _pairs(source, target, slip)]
    for source in ends:
        for i in range(len(source.arriving)):
            if not any(way[0] is source and way[2] == i for way in ways):
                target = _straightest(source, [e for e in ends if e is not source and e.leaving])
                ways.append((source, target, i, min(i, len(target.leaving) - 1)))
    for target in ends:
        for j in range(len(target.leaving)):
            if not any(way[1] is target and way[3] == j for way in ways):
                source = _straightest(target, [e for e in ends if e is not target and e.arriving])
                ways.append((source, target, min(j, len(source.arriving) - 1), j))
    return ways


def _pairs(source: End, target: End, slip: bool) -> list[tuple[int, int]]:
    n, m = len(source.arriving), len(target.leaving)
    turn = turn_between(source, target)
    if not n or not m or abs(turn) > _BACK:
        return []
    if abs(turn) >= _STRAIGHT:
        return [(0, 0)] if turn > 0 else [(n - 1, m - 1)]
    count = min(n, m)
    if slip:
        # Slip roads leave and join on the outside.
        return [(n - count + k, m - count + k) for k in range(count)]
    return [(k, k) for k in range(count)]


def turn_between(source: End, target: End) -> float:
    """Angle in rad, positive to the left, by which one turns from one street into another."""
    return math.remainder(target.bearing - source.pose.heading, math.tau)


def _straightest(end: End, others: list[End]) -> End:
    return min(others, key=lambda other: abs(turn_between(end, other)))


def _ids(sign: int, count: int) -> list[int]:
    return [sign * (index + 1) for index in range(count)]
