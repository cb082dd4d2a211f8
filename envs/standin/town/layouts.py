"""Layouts of the built-in towns: this project's own, not those of CARLA's towns of that name."""

from __future__ import annotations

import math

from envs.standin.town.crossings import Profile
from envs.standin.town.roads import Mark
from envs.standin.town.streets import Plan, Street, Terrain

_DOUBLE = Mark("solid solid", "yellow", "none")
_LANE = Profile(speed_kmh=30.0, shoulder=0.4, sidewalk=2.0)
_MAIN = Profile(forward=2, backward=2, shoulder=1.0, centre=_DOUBLE, speed_kmh=60.0)
_GRID = Profile(forward=2, backward=2, sidewalk=3.0, centre=_DOUBLE, speed_kmh=50.0)
_CITY = Profile(shoulder=0.8, sidewalk=4.0, speed_kmh=40.0)
_RAMP = Profile(forward=1, backward=0, shoulder=1.0, sidewalk=0.0, speed_kmh=50.0)

Node = tuple[float, float, float]


def town01() -> Plan:
    """A small old town: uneven blocks, rounded corners, a winding lane, lights at crossings."""
    nodes = {
        "south west": (-62.0, -184.0, 13.0),
        "south east": (58.0, -180.0, 13.0),
        "east south": (182.0, -52.0, 13.0),
        "east north": (180.0, 72.0, 13.0),
        "north east": (52.0, 182.0, 13.0),
        "north west": (-72.0, 178.0, 13.0),
        "west north": (-182.0, 62.0, 13.0),
        "west south": (-178.0, -66.0, 13.0),
        "church": (-64.0, -70.0, 14.0),
        "market": (60.0, -58.0, 14.0),
        "school": (-74.0, 58.0, 14.0),
        "station": (62.0, 66.0, 14.0),
        "lane south": (2.0, -64.0, 13.0),
        "lane north": (-8.0, 62.0, 13.0),
    }
    return Plan(
        nodes,
        (
            Street("south west", "south east"),
            Street("south east", "east south", ((182.0, -180.0, 50.0),)),
            Street("east south", "east north"),
            Street("east north", "north east", ((180.0, 182.0, 80.0),)),
            Street("north east", "north west"),
            Street("north west", "west north", ((-182.0, 178.0, 40.0),)),
            Street("west north", "west south"),
            Street("west south", "south west", ((-178.0, -184.0, 65.0),)),
            Street("south west", "church"),
            Street("south east", "market"),
            Street("west south", "church"),
            Street("church", "lane south"),
            Street("lane south", "market"),
            Street("market", "east south"),
            Street("west north", "school", ((-145.0, 62.0, 45.0), (-110.0, 40.0, 45.0))),
            Street("school", "lane north"),
            Street("lane north", "station"),
            Street("station", "east north"),
            Street("church", "school", ((-66.0, -36.0, 60.0), (-96.0, 4.0, 40.0))),
            Street("market", "station", ((60.0, -20.0, 45.0), (86.0, 10.0, 32.0))),
            Street("lane south", "lane north", ((2.0, -30.0, 22.0), (-18.0, 0.0, 28.0)), _LANE),
            Street("school", "north west"),
            Street("station", "north east"),
        ),
        signals=("church", "market", "school", "station"),
    )


def town02() -> Plan:
    """Two rings joined by winding lanes; hardly a straight street, no lights."""
    nodes: dict[str, Node] = {}
    streets = []
    outer, inner = 165.0, 72.0
    for k in range(6):
        angle = math.radians(60.0 * k)
        nodes[f"outer {k}"] = (outer * math.cos(angle), outer * math.sin(angle), 13.0)
        nodes[f"inner {k}"] = (inner * math.cos(angle), inner * math.sin(angle), 12.0)
    for k in range(6):
        after, half = (k + 1) % 6, 60.0 * k + 30.0
        streets.append(
            Street(
                f"outer {k}",
                f"outer {after}",
                ((*_polar(outer / math.cos(math.pi / 6), half), 138.0),),
            )
        )
        streets.append(
            Street(
                f"inner {k}",
                f"inner {after}",
                ((*_polar(inner / math.cos(math.pi / 6), half), 48.0),),
            )
        )
        bend = 9.0 if k % 2 else -9.0
        streets.append(
            Street(
                f"inner {k}",
                f"outer {k}",
                (
                    (*_polar(105.0, 60.0 * k + bend), 22.0),
                    (*_polar(132.0, 60.0 * k - bend * 0.6), 22.0),
                ),
                _LANE,
            )
        )
    return Plan(nodes, tuple(streets))


def town03() -> Plan:
    """A hill town: streets climb and fall up to about one in eight, crossings lie level."""
    nodes = {
        "a": (-150.0, -120.0, 13.0),
        "b": (-20.0, -140.0, 13.0),
        "c": (130.0, -125.0, 13.0),
        "d": (-165.0, 10.0, 13.0),
        "e": (-25.0, 0.0, 14.0),
        "f": (145.0, 5.0, 13.0),
        "g": (-140.0, 135.0, 13.0),
        "h": (-10.0, 140.0, 13.0),
        "i": (135.0, 125.0, 13.0),
    }
    return Plan(
        nodes,
        (
            Street("a", "b"),
            Street("b", "c", ((55.0, -160.0, 90.0),)),
            Street("a", "d"),
            Street("b", "e", ((-45.0, -70.0, 60.0),)),
            Street("c", "f"),
            Street("d", "e", ((-95.0, 25.0, 90.0),)),
            Street("e", "f", ((35.0, -20.0, 52.0), (85.0, 25.0, 52.0))),
            Street("d", "g"),
            Street("e", "h"),
            Street("f", "i"),
            Street("g", "h"),
            Street("h", "i", ((60.0, 160.0, 90.0),)),
            Street("a", "g", ((-225.0, -120.0, 40.0), (-225.0, 135.0, 40.0))),
            Street("c", "i", ((215.0, -125.0, 45.0), (215.0, 125.0, 45.0))),
        ),
        terrain=_hills(nodes),
        crosswalks=("e", "d", "f"),
    )


def town04() -> Plan:
    """A ring road of four lanes with lights, slip roads that merge, and a stretch of two lanes."""
    nodes = {
        "south": (-150.0, -150.0, 20.0),
        "east": (250.0, 0.0, 20.0),
        "north": (150.0, 150.0, 20.0),
        "west": (-250.0, -40.0, 20.0),
        "centre": (0.0, -10.0, 14.0),
        "slip south out": (-60.0, -150.0, 26.0),
        "slip south in": (130.0, -150.0, 26.0),
        "slip north out": (70.0, 150.0, 26.0),
        "slip north in": (-110.0, 150.0, 26.0),
        "narrow": (-250.0, 40.0, 12.0),
        "wide": (-170.0, 150.0, 12.0),
    }
    narrow = Profile(shoulder=1.0, centre=_DOUBLE, speed_kmh=60.0)
    return Plan(
        nodes,
        (
            Street("south", "slip south out", profile=_MAIN),
            Street("slip south out", "slip south in", profile=_MAIN),
            Street("slip south in", "east", ((250.0, -150.0, 75.0),), _MAIN),
            Street("east", "north", ((250.0, 150.0, 75.0),), _MAIN),
            Street("north", "slip north out", profile=_MAIN),
            Street("slip north out", "slip north in", profile=_MAIN),
            Street("slip north in", "wide", profile=_MAIN),
            Street("wide", "narrow", ((-250.0, 150.0, 60.0),), narrow),
            Street("narrow", "west", profile=_MAIN),
            Street("west", "south", ((-250.0, -150.0, 70.0),), _MAIN),
            Street(
                "slip south out",
                "slip south in",
                ((-10.0, -178.0, 70.0), (80.0, -178.0, 70.0)),
                _RAMP,
            ),
            Street(
                "slip north out",
                "slip north in",
                ((20.0, 178.0, 70.0), (-60.0, 178.0, 70.0)),
                _RAMP,
            ),
            Street("south", "centre", ((-150.0, -85.0, 45.0), (0.0, -85.0, 45.0))),
            Street("centre", "north", ((0.0, 75.0, 50.0), (150.0, 75.0, 40.0))),
            Street("west", "centre", ((-140.0, -5.0, 90.0),)),
            Street("centre", "east", ((130.0, -50.0, 90.0),)),
        ),
        signals=("south", "east", "north", "west", "centre"),
        crosswalks=("centre",),
    )


def town05() -> Plan:
    """A city of square blocks: mostly two lanes each way, lights and crosswalks everywhere.

    Three streets are narrow: where lanes merge, inner and outer ones mix, and every place is in
    reach of every other.
    """
    nodes = {
        "south west": (-65.0, -140.0, 20.0),
        "south east": (65.0, -140.0, 20.0),
        "west": (-195.0, 0.0, 20.0),
        "centre west": (-65.0, 0.0, 20.0),
        "centre east": (65.0, 0.0, 20.0),
        "east": (195.0, 0.0, 20.0),
        "north west": (-65.0, 140.0, 20.0),
        "north east": (65.0, 140.0, 20.0),
    }
    return Plan(
        nodes,
        (
            Street("south west", "south east", profile=_GRID),
            Street("west", "centre west", profile=_GRID),
            Street("centre west", "centre east", profile=_GRID),
            Street("centre east", "east", profile=_GRID),
            Street("north west", "north east", profile=_GRID),
            Street("south west", "centre west", profile=_GRID),
            Street("south east", "centre east", profile=_GRID),
            Street("centre west", "north west", profile=_CITY),
            Street("centre east", "north east", profile=_GRID),
            Street("south west", "west", ((-195.0, -140.0, 55.0),), _CITY),
            Street("south east", "east", ((195.0, -140.0, 55.0),), _GRID),
            Street("north west", "west", ((-195.0, 140.0, 55.0),), _GRID),
            Street("north east", "east", ((195.0, 140.0, 55.0),), _CITY),
        ),
        signals=tuple(nodes),
        crosswalks=tuple(nodes),
    )


def town10() -> Plan:
    """Downtown: short uneven blocks, broad pavements, a promenade of four lanes to the south."""
    nodes = {
        "quay west": (-120.0, -110.0, 20.0),
        "quay": (0.0, -118.0, 20.0),
        "quay east": (120.0, -106.0, 20.0),
        "bank": (-126.0, -20.0, 15.0),
        "square": (-14.0, -14.0, 15.0),
        "theatre": (112.0, -24.0, 15.0),
        "mill": (-116.0, 84.0, 15.0),
        "court": (-4.0, 78.0, 15.0),
        "park": (124.0, 88.0, 15.0),
    }
    return Plan(
        nodes,
        (
            Street("quay west", "quay", profile=_GRID),
            Street("quay", "quay east", profile=_GRID),
            Street("quay west", "bank", profile=_CITY),
            Street("quay", "square", profile=_CITY),
            Street("quay east", "theatre", profile=_CITY),
            Street("bank", "square", profile=_CITY),
            Street("square", "theatre", profile=_CITY),
            Street("bank", "mill", profile=_CITY),
            Street("square", "court", profile=_CITY),
            Street("theatre", "park", profile=_CITY),
            Street("mill", "court", profile=_CITY),
            Street("court", "park", profile=_CITY),
            Street("quay west", "mill", ((-200.0, -110.0, 45.0), (-200.0, 84.0, 45.0)), _CITY),
            Street("quay east", "park", ((200.0, -106.0, 45.0), (200.0, 88.0, 45.0)), _CITY),
        ),
        signals=("quay west", "quay", "quay east", "square", "court"),
        crosswalks=tuple(nodes),
    )


def _polar(radius: float, degrees: float) -> tuple[float, float]:
    angle = math.radians(degrees)
    return radius * math.cos(angle), radius * math.sin(angle)


def _hills(nodes: dict[str, Node]) -> Terrain:
    """Rolling ground that is level around each node."""

    def rolling(x: float, y: float) -> float:
        return 3.4 * math.sin(x / 62.0) * math.cos(y / 75.0) + 2.8 * math.sin(y / 88.0 + 1.0)

    def height(x: float, y: float) -> float:
        z = rolling(x, y)
        for nx, ny, radius in nodes.values():
            share = (math.hypot(x - nx, y - ny) - radius - 6.0) / 34.0
            if share < 1.0:
                share = max(share, 0.0)
                level = rolling(nx, ny)
                z = level + (z - level) * share * share * (3.0 - 2.0 * share)
        return z

    return height
