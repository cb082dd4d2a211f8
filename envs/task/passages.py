"""Where other lanes cross or join a route in a junction, and which lanes a car may be on."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import networkx as nx
import numpy as np

from envs.task.route import LaneKey, Lanes, Route, segment_lengths
from envs.task.surroundings import NearbyActors

WIDTH = 2.7  # m between the middles of two lanes below which cars on them may touch
WIDE = 4.5  # m, the same where one of them turns a long car, which swings out
REACH = 60.0  # m before a junction's lane in which a car may be bound for it
SCENE = 70.0  # m about a junction in which lanes are looked for
JOINED = 12.0  # m of route without a zone that tell one junction from the next
STRAIGHT = math.radians(30.0)  # a path that turns less goes straight on

# A car is on a lane if it is this near and turned no further, and fits no other lane better by
# FIT: its distance over ASIDE plus its turn over TURNED. Cars cut corners, long ones the most.
NEAR_LANE, MOST_TURN = 2.0, math.radians(50.0)
ASIDE, TURNED, FIT = 1.5, math.radians(25.0), 0.6


@dataclasses.dataclass(frozen=True)
class Zone:
    """A stretch of the route, `enter` to `leave` m along it, that another lane crosses or joins
    from `first` to `last` m along itself.

    gates: the lanes that lead into the other lane, where a light holds cars; turns: whether the
    other lane does; wide: only long cars on it come so near.
    """

    enter: float
    leave: float
    lane: LaneKey
    first: float
    last: float
    gates: frozenset[LaneKey]
    turns: bool
    wide: bool = False


@dataclasses.dataclass(frozen=True)
class Passage:
    """The route's way through a junction: its zones by `enter`, whether it turns, and the lanes
    about it.

    ahead: (zones, lanes) metres from a lane's start to a zone, infinity where it leads to none.
    points: (P, 2) of all those lanes, m; yaws: (P,) rad; along: (P,) m from their lane's start;
    numbers: (P,) which of `lanes`. middle: (2,) m.
    """

    zones: tuple[Zone, ...]
    turns: bool
    middle: np.ndarray
    lanes: tuple[LaneKey, ...]
    ahead: np.ndarray
    points: np.ndarray
    yaws: np.ndarray
    along: np.ndarray
    numbers: np.ndarray

    @property
    def enter(self) -> float:
        """Metre of the route at which the first zone begins."""
        return self.zones[0].enter

    @property
    def leave(self) -> float:
        """Metre of the route at which the last zone ends."""
        return max(zone.leave for zone in self.zones)


@dataclasses.dataclass(frozen=True)
class Spot:
    """A car, by its row, on one of its possible lanes, by its number, m from that lane's start."""

    row: int
    lane: int
    along: float


def passages(lanes: Lanes, route: Route) -> tuple[Passage, ...]:
    """Return the junctions in which other lanes cross or join the route, in order."""
    keys = sorted(lanes.junctions)
    zones = [zone for key in keys for zone in _zones(lanes, route, key, WIDTH)]
    swung = [zone for key in keys for zone in _zones(lanes, route, key, WIDE) if zone.turns]
    zones += [dataclasses.replace(zone, wide=True) for zone in swung]
    zones.sort(key=lambda zone: (zone.enter, zone.leave))
    groups: list[list[Zone]] = []
    for zone in zones:
        if groups and zone.enter - max(known.leave for known in groups[-1]) < JOINED:
            groups[-1].append(zone)
        else:
            groups.append([zone])
    return tuple(_passage(lanes, route, tuple(group)) for group in groups)


def _zones(lanes: Lanes, route: Route, key: LaneKey, width: float) -> Iterator[Zone]:
    """Yield each meeting of the route with a lane, but for those that begin as one: the route's own
    lane, and those that part from it, where whoever is on them is ahead or behind."""
    line = lanes.lines[key][:, :2]
    near = ((route.points[:, None, :2] - line) ** 2).sum(axis=2) < width**2
    metres = np.flatnonzero(near.any(axis=1))
    if not len(metres):
        return
    along, yaws = _along(line), _yaws(line)
    for run in np.split(metres, np.flatnonzero(np.diff(metres) > 1) + 1):
        begins = route.points[run, :2] - line[0]
        same_way = math.cos(float(yaws[0] - route.yaws[run[0]])) > 0.7
        if same_way and (begins**2).sum(axis=1).min() < 1.0:
            continue
        meeting = np.flatnonzero(near[run].any(axis=0))
        yield Zone(
            enter=float(route.distances[run[0]]),
            leave=float(route.distances[run[-1]]),
            lane=key,
            first=float(along[meeting[0]]),
            last=float(along[meeting[-1]]),
            gates=frozenset(lanes.graph.predecessors(key)),
            turns=abs(float(yaws[-1] - yaws[0])) > STRAIGHT,
        )


def _passage(lanes: Lanes, route: Route, zones: tuple[Zone, ...]) -> Passage:
    enter, leave = zones[0].enter, max(zone.leave for zone in zones)
    middle = route.at(0.5 * (enter + leave))
    keys = tuple(key for key in sorted(lanes.lines) if _is_about(lanes.lines[key], middle))
    ways = [_leading_to(lanes, zone.lane) for zone in zones]
    ahead = [
        [way.get(key, math.inf) + zone.first for key in keys]
        for zone, way in zip(zones, ways, strict=True)
    ]
    lines = [lanes.lines[key][:, :2] for key in keys]
    before, after = np.interp([enter - 5.0, leave + 5.0], route.distances, route.yaws)
    return Passage(
        zones=zones,
        turns=abs(float(after - before)) > STRAIGHT,
        middle=middle,
        lanes=keys,
        ahead=np.array(ahead),
        points=np.concatenate(lines),
        yaws=np.concatenate([_yaws(line) for line in lines]),
        along=np.concatenate([_along(line) for line in lines]),
        numbers=np.repeat(np.arange(len(lines)), [len(line) for line in lines]),
    )


def _is_about(line: np.ndarray, middle: np.ndarray) -> bool:
    near = ((line[:, :2] - middle) ** 2).sum(axis=1).min() < SCENE**2
    return len(line) > 1 and bool(near)


def _leading_to(lanes: Lanes, lane: LaneKey) -> dict[LaneKey, float]:
    """Return metres to the start of `lane` from the start of each lane that ends within `REACH`
    before it; 0 for itself."""

    def length(later: LaneKey, _: LaneKey, __: object) -> float:
        return 0.0 if later == lane else lanes.length(later)

    backwards = lanes.graph.reverse(copy=False)
    ends = nx.single_source_dijkstra_path_length(backwards, lane, REACH, length)
    return {key: away + (lanes.length(key) if key != lane else 0.0) for key, away in ends.items()}


def _along(line: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(segment_lengths(line))])


def _yaws(line: np.ndarray) -> np.ndarray:
    steps = np.diff(line, axis=0)
    if not len(steps):
        return np.zeros(len(line))
    yaws = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
    return np.concatenate([yaws, yaws[-1:]])


def spots(passage: Passage, others: NearbyActors) -> list[Spot]:
    """Return every lane that each car may be on: the one it fits best, and those about as good.

    A car that has begun to turn no longer fits the lane straight on, nor one that goes straight on
    a lane that turns.
    """
    found = []
    for row, fits in _fits(passage, others).items():
        least = min(misfit for misfit, _ in fits.values())
        for lane, (misfit, point) in fits.items():
            if misfit < least + FIT:
                yaw, offset = passage.yaws[point], others[row, :2] - passage.points[point]
                beyond = offset[0] * math.cos(yaw) + offset[1] * math.sin(yaw)
                found.append(Spot(row, lane, float(passage.along[point] + beyond)))
    return found


def _fits(passage: Passage, others: NearbyActors) -> dict[int, dict[int, tuple[float, int]]]:
    """Return (misfit, point) of the best point of each lane that each car may be on, by its row."""
    offsets = np.abs(others[:, None, :2] - passage.points)
    rows, points = np.nonzero((offsets < NEAR_LANE).all(axis=2))
    aside = np.hypot(*offsets[rows, points].T)
    turns = others[rows, 4] - passage.yaws[points]
    turned = np.abs(np.remainder(turns + np.pi, 2.0 * np.pi) - np.pi)
    misfits = aside / ASIDE + turned / TURNED
    fits: dict[int, dict[int, tuple[float, int]]] = {}
    for index in np.flatnonzero((aside < NEAR_LANE) & (turned < MOST_TURN)).tolist():
        misfit, point = float(misfits[index]), int(points[index])
        lane, lanes = int(passage.numbers[point]), fits.setdefault(int(rows[index]), {})
        if lane not in lanes or misfit < lanes[lane][0]:
            lanes[lane] = (misfit, point)
    return fits
