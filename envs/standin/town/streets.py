"""A town as a graph: crossings at nodes, streets between them; and the roads that follow from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from envs.standin.town.curves import (
    Curve,
    Point,
    Pose,
    connect,
    length_of,
    pose_at,
    rounded,
)
from envs.standin.town.roads import (
    Connection,
    Cubic,
    Junction,
    Lane,
    Link,
    Mark,
    Network,
    Road,
)

Terrain = Callable[[float, float], float]

_BROKEN = Mark("broken", "white", "both")
_EDGE = Mark("solid", "white", "none")
#: The client takes a linked id for a junction when no road has it, so the ranges are apart.
_FIRST_JUNCTION, _FIRST_PATH = 500, 1000
_STRAIGHT = math.radians(40.0)


@dataclass(frozen=True)
class Profile:
    """Cross-section of a street: driving lanes along and against it, widths in metres."""

    forward: int = 1
    backward: int = 1
    width: float = 3.5
    shoulder: float = 0.6
    sidewalk: float = 2.6
    centre: Mark = Mark("broken", "yellow", "none")
    speed_kmh: float = 50.0


@dataclass(frozen=True)
class Street:
    """A street from node to node; `via` are corners (x, y, radius) on its way."""

    start: str
    end: str
    via: tuple[tuple[float, float, float], ...] = ()
    profile: Profile = Profile()


@dataclass(frozen=True)
class Plan:
    """All of a town's layout. Nodes are (x, y, radius of the crossing), y up as in OpenDRIVE."""

    nodes: dict[str, tuple[float, float, float]]
    streets: tuple[Street, ...]
    terrain: Terrain | None = None
    signals: tuple[str, ...] = ()


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
    def bearing(self) -> float:
        """Direction away from the crossing, in rad."""
        return self.pose.heading + math.pi

    @property
    def contact(self) -> str:
        return "end" if self.at_end else "start"


def build(name: str, plan: Plan) -> tuple[Network, dict[str, tuple[int, list[End]]]]:
    """Roads, paths through crossings, and per node its junction id and street ends."""
    ends: dict[str, list[End]] = {node: [] for node in plan.nodes}
    junction_of = {node: _FIRST_JUNCTION + index for index, node in enumerate(plan.nodes)}
    roads = []
    for index, street in enumerate(plan.streets):
        curve = _reference(plan, street)
        profile = street.profile
        begin, finish = pose_at(curve, 0.0), pose_at(curve, length_of(curve))
        ends[street.start].append(End(index, False, begin.turned(), profile))
        ends[street.end].append(End(index, True, finish, profile))
        roads.append(_street_road(index, curve, profile, junction_of, street))
    junctions = []
    for node, number in junction_of.items():
        ends[node].sort(key=lambda end: end.bearing % math.tau)
        first = _FIRST_PATH + sum(len(junction.connections) for junction in junctions)
        paths, connections = _cross(number, ends[node], first)
        roads += paths
        junctions.append(Junction(number, tuple(connections)))
    if plan.terrain is not None:
        roads = [replace(road, elevation=_climb(road.curve, plan.terrain)) for road in roads]
    places = {node: (junction_of[node], ends[node]) for node in plan.nodes}
    return Network(name, tuple(roads), tuple(junctions)), places


def _ids(sign: int, count: int) -> list[int]:
    return [sign * (index + 1) for index in range(count)]


def _reference(plan: Plan, street: Street) -> Curve:
    ax, ay, trim_a = plan.nodes[street.start]
    bx, by, trim_b = plan.nodes[street.end]
    inner: list[Point] = [(x, y) for x, y, _ in street.via]
    first = _toward((ax, ay), inner[0] if inner else (bx, by), trim_a)
    last = _toward((bx, by), inner[-1] if inner else (ax, ay), trim_b)
    try:
        return rounded([first, *inner, last], [radius for _, _, radius in street.via])
    except ValueError as error:
        raise ValueError(f"street {street.start}-{street.end}: {error}") from None


def _toward(point: Point, goal: Point, distance: float) -> Point:
    share = distance / math.dist(point, goal)
    return (point[0] + share * (goal[0] - point[0]), point[1] + share * (goal[1] - point[1]))


def _street_road(
    index: int, curve: Curve, profile: Profile, junction_of: dict[str, int], street: Street
) -> Road:
    lanes = []
    for sign, count in ((-1, profile.forward), (1, profile.backward)):
        if count:
            lanes += _side(sign, count, profile)
    one_way = not (profile.forward and profile.backward)
    return Road(
        id=index,
        curve=curve,
        lanes=tuple(lanes),
        centre=_EDGE if one_way else profile.centre,
        predecessor=Link("junction", junction_of[street.start]),
        successor=Link("junction", junction_of[street.end]),
        speed_kmh=profile.speed_kmh,
    )


def _side(sign: int, count: int, profile: Profile) -> list[Lane]:
    lanes = [
        Lane(sign * (i + 1), "driving", profile.width, _BROKEN if i + 1 < count else _EDGE)
        for i in range(count)
    ]
    outside = (("shoulder", profile.shoulder), ("sidewalk", profile.sidewalk))
    for kind, width in outside:
        if width > 0:
            lanes.append(Lane(sign * (len(lanes) + 1), kind, width))
    return lanes


def _cross(number: int, ends: list[End], first: int) -> tuple[list[Road], list[Connection]]:
    paths, connections = [], []
    for source, target, i, j in _movements(ends):
        identity = first + len(paths)
        start = source.pose.moved(0.0, -i * source.profile.width)
        finish = target.pose.moved(0.0, j * target.profile.width).turned()
        at_corner = ends[(ends.index(source) + 1) % len(ends)] is target
        outermost = i + 1 == len(source.arriving) and j + 1 == len(target.leaving)
        lane_from, lane_to = source.arriving[i], target.leaving[j]
        paths.append(Road(
            id=identity,
            curve=connect(start, finish),
            lanes=_path_lanes(source.profile, lane_from, lane_to, at_corner and outermost),
            junction=number,
            predecessor=Link("road", source.road, source.contact),
            successor=Link("road", target.road, target.contact),
            speed_kmh=min(source.profile.speed_kmh, target.profile.speed_kmh),
        ))
        connections.append(Connection(source.road, identity, lane_from))
    return paths, connections


def _path_lanes(profile: Profile, lane_from: int, lane_to: int, corner: bool) -> tuple[Lane, ...]:
    driving = Lane(-1, "driving", profile.width, Mark(), lane_from, lane_to)
    if not corner:
        return (driving,)
    return (driving, Lane(-2, "shoulder", profile.shoulder), Lane(-3, "sidewalk", profile.sidewalk))


def _movements(ends: list[End]) -> list[tuple[End, End, int, int]]:
    """Which lane leads onto which: (from, onto, index of lane from, index of lane onto)."""
    ways: list[tuple[End, End, int, int]] = []
    for source in ends:
        for target in ends:
            if target is not source:
                ways += [(source, target, i, j) for i, j in _pairs(source, target)]
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


def _pairs(source: End, target: End) -> list[tuple[int, int]]:
    n, m = len(source.arriving), len(target.leaving)
    if not n or not m:
        return []
    turn = _turn(source, target)
    if abs(turn) < _STRAIGHT:
        return [(k, k) for k in range(min(n, m))]
    return [(0, 0)] if turn > 0 else [(n - 1, m - 1)]


def _turn(source: End, target: End) -> float:
    return math.remainder(target.bearing - source.pose.heading, math.tau)


def _straightest(end: End, others: list[End]) -> End:
    return min(others, key=lambda other: abs(_turn(end, other)))


def _climb(curve: Curve, terrain: Terrain) -> tuple[Cubic, ...]:
    """The height along a curve as cubics of about 8 m that meet smoothly."""
    length = length_of(curve)
    count = max(1, math.ceil(length / 8.0))
    step = length / count
    heights = [_height(curve, i * step, terrain) for i in range(count + 1)]
    delta = 0.05
    slopes = [
        (_height(curve, min(i * step + delta, length), terrain)
         - _height(curve, max(i * step - delta, 0.0), terrain))
        / (min(i * step + delta, length) - max(i * step - delta, 0.0))
        for i in range(count + 1)
    ]
    cubics = []
    for i in range(count):
        rise = (heights[i + 1] - heights[i]) / step
        c = (3.0 * rise - 2.0 * slopes[i] - slopes[i + 1]) / step
        d = (slopes[i] + slopes[i + 1] - 2.0 * rise) / (step * step)
        cubics.append((i * step, heights[i], slopes[i], c, d))
    return tuple(cubics)


def _height(curve: Curve, s: float, terrain: Terrain) -> float:
    pose = pose_at(curve, s)
    return terrain(pose.x, pose.y)
