"""A town as a graph, crossings at nodes and streets between them, and the roads made from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from envs.standin.town.crossing_lights import with_lights
from envs.standin.town.crossings import End, Profile, cross
from envs.standin.town.curves import (
    Curve,
    Point,
    length_of,
    pose_at,
    rounded,
)
from envs.standin.town.roads import (
    Crosswalk,
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
_PLAIN = Profile()
#: The client takes a linked id for a junction when no road has it, so the ranges are apart.
_FIRST_JUNCTION, _FIRST_PATH = 500, 1000
#: Where a crosswalk begins and ends beyond the end of its street, in metres.
_CROSSWALK = (0.6, 3.6)


@dataclass(frozen=True)
class Street:
    """A street from node to node; `via` are corners (x, y, radius) on its way."""

    start: str
    end: str
    via: tuple[tuple[float, float, float], ...] = ()
    profile: Profile = _PLAIN


@dataclass(frozen=True)
class Plan:
    """All of a town's layout. Nodes are (x, y, radius of the crossing), y up as in OpenDRIVE.

    signals, crosswalks: crossings with traffic lights, and with zones for walkers at each street.
    """

    nodes: dict[str, tuple[float, float, float]]
    streets: tuple[Street, ...]
    terrain: Terrain | None = None
    signals: tuple[str, ...] = ()
    crosswalks: tuple[str, ...] = ()


def build(name: str, plan: Plan) -> Network:
    """Roads, paths through crossings, and traffic lights. Raises ValueError on a bad layout."""
    ends: dict[str, list[End]] = {node: [] for node in plan.nodes}
    junction_of = {node: _FIRST_JUNCTION + index for index, node in enumerate(plan.nodes)}
    roads: list[Road] = []
    for index, street in enumerate(plan.streets):
        curve = _reference(plan, street)
        profile = street.profile
        begin, finish = pose_at(curve, 0.0), pose_at(curve, length_of(curve))
        ends[street.start].append(End(index, False, begin.turned(), profile))
        ends[street.end].append(End(index, True, finish, profile))
        road = _street_road(index, curve, profile, junction_of, street)
        roads.append(replace(road, crosswalks=_crosswalks(index, curve, street, plan.crosswalks)))
    junctions: list[Junction] = []
    for node, number in junction_of.items():
        ends[node].sort(key=lambda end: end.bearing % math.tau)
        first = _FIRST_PATH + sum(len(junction.connections) for junction in junctions)
        paths, connections = cross(number, ends[node], first)
        roads += paths
        junctions.append(Junction(number, tuple(connections)))
    roads, controllers, junctions = with_lights(set(plan.signals), roads, junctions, ends)
    if plan.terrain is not None:
        roads = [replace(road, elevation=_climb(road.curve, plan.terrain)) for road in roads]
    return Network(name, tuple(roads), tuple(junctions), tuple(controllers))


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


def _crosswalks(
    index: int, curve: Curve, street: Street, crossings: tuple[str, ...]
) -> tuple[Crosswalk, ...]:
    """Beyond the stop lines at the ends of a street, as far as its pavements reach."""
    profile, length = street.profile, length_of(curve)
    if not profile.sidewalk or profile.forward != profile.backward:
        return ()
    side = profile.forward * profile.width + profile.shoulder
    spans = (
        (street.start, -_CROSSWALK[1], -_CROSSWALK[0]),
        (street.end, length + _CROSSWALK[0], length + _CROSSWALK[1]),
    )
    return tuple(
        Crosswalk(2 * index + k, begin, end, side)
        for k, (node, begin, end) in enumerate(spans)
        if node in crossings
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


def _climb(curve: Curve, terrain: Terrain) -> tuple[Cubic, ...]:
    """The height along a curve as cubics of about 8 m that meet smoothly."""
    length = length_of(curve)
    count = max(1, math.ceil(length / 8.0))
    step = length / count
    heights = [_height(curve, i * step, terrain) for i in range(count + 1)]
    delta = 0.05
    slopes = [
        (
            _height(curve, min(i * step + delta, length), terrain)
            - _height(curve, max(i * step - delta, 0.0), terrain)
        )
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
