"""Puts a town together from a layout or from OpenDRIVE text."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import carla

from envs.standin.town import layouts, opendrive, scenery, streets
from envs.standin.town.ground import Ground
from envs.standin.town.lanes import sample
from envs.standin.town.model import Town
from envs.standin.town.spawn import spawn_points

_PLANS: dict[str, Callable[[], streets.Plan]] = {"Town01": layouts.town01}

#: Names of the built-in towns. The layouts are this project's own, not those of CARLA's maps.
TOWNS = tuple(_PLANS)


def load_town(name: str) -> Town:
    """A built-in town. Raises ValueError that lists the names when there is none of that name."""
    if name not in _PLANS:
        raise ValueError(f"no town named {name!r}; built-in towns: {', '.join(TOWNS)}")
    network, _ = streets.build(name, _PLANS[name]())
    return town_from_opendrive(opendrive.to_text(network), name)


def town_from_opendrive(xodr: str, name: str) -> Town:
    """A town around the roads of an OpenDRIVE text.

    Raises ValueError when the text is no OpenDRIVE map with driving lanes.
    """
    carla_map = carla.Map(name, xodr)
    road_map = sample(carla_map, xodr)
    seed = zlib.crc32(name.encode())
    ground = Ground()
    furniture = scenery.furnish(road_map, ground, seed)
    return Town(
        name=name,
        opendrive=xodr,
        spawn_points=spawn_points(road_map, ground, seed),
        obstacles=scenery.obstacles(furniture),
        signals=(),
        road_map=road_map,
        scenery=furniture,
        ground=ground,
    )
