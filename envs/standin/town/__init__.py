"""Towns of the stand-in server: six built-in, any OpenDRIVE text, any OpenStreetMap extract."""

from __future__ import annotations

from envs.standin.town.build import TOWNS, load_town, town_from_opendrive, town_from_osm
from envs.standin.town.model import Scenery, Town, TrafficSignal

__all__ = [
    "TOWNS",
    "Scenery",
    "Town",
    "TrafficSignal",
    "load_town",
    "town_from_opendrive",
    "town_from_osm",
]
