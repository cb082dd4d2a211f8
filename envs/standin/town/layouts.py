"""The layouts of the built-in towns. They are this project's own, not CARLA's towns of that name."""

from __future__ import annotations

from envs.standin.town.streets import Plan, Street


def town01() -> Plan:
    """A small old town: uneven blocks, rounded corners, and a winding lane through the middle."""
    nodes = {
        "south west": (-62.0, -184.0, 13.0), "south east": (58.0, -180.0, 13.0),
        "east south": (182.0, -52.0, 13.0), "east north": (180.0, 72.0, 13.0),
        "north east": (52.0, 182.0, 13.0), "north west": (-72.0, 178.0, 13.0),
        "west north": (-182.0, 62.0, 13.0), "west south": (-178.0, -66.0, 13.0),
        "church": (-64.0, -70.0, 14.0), "market": (60.0, -58.0, 14.0),
        "school": (-74.0, 58.0, 14.0), "station": (62.0, 66.0, 14.0),
        "lane south": (2.0, -64.0, 13.0), "lane north": (-8.0, 62.0, 13.0),
    }
    return Plan(nodes, (
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
        Street("lane south", "lane north", ((2.0, -30.0, 22.0), (-18.0, 0.0, 28.0))),
        Street("school", "north west"),
        Street("station", "north east"),
    ))
