"""Puts a town together from a layout or from OpenDRIVE text."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import carla

from envs.standin.town import layouts, opendrive, scenery, streets
from envs.standin.town.check import check_opendrive
from envs.standin.town.ground import ground_of
from envs.standin.town.lanes import sample
from envs.standin.town.model import Town
from envs.standin.town.signals import traffic_signals
from envs.standin.town.spawn import spawn_points

_PLANS: dict[str, Callable[[], streets.Plan]] = {
    "Town01": layouts.town01,
    "Town02": layouts.town02,
    "Town03": layouts.town03,
    "Town04": layouts.town04,
    "Town05": layouts.town05,
    "Town10HD": layouts.town10,
}

#: Names of the built-in towns. The layouts are this project's own, not those of CARLA's maps.
TOWNS = tuple(_PLANS)


def load_town(name: str) -> Town:
    """A built-in town. Raises ValueError that lists the names when there is none of that name."""
    if name not in _PLANS:
        raise ValueError(f"no town named {name!r}; built-in towns: {', '.join(TOWNS)}")
    network = streets.build(name, _PLANS[name]())
    return town_from_opendrive(opendrive.to_text(network), name)


def town_from_osm(osm: str, name: str) -> Town:
    """A town around the streets of an OpenStreetMap extract (XML text), with traffic lights.

    Raises ValueError when the extract has no street.
    """
    settings = carla.Osm2OdrSettings()
    settings.use_offsets = False
    settings.generate_traffic_lights = True
    try:
        xodr = carla.Osm2Odr.convert(osm, settings)
    except RuntimeError as error:
        raise ValueError(f"the OpenStreetMap text cannot be converted: {error}") from None
    if "<road " not in xodr:
        raise ValueError("the OpenStreetMap text holds no street; export an area with roads")
    return town_from_opendrive(xodr, name)


def town_from_opendrive(xodr: str, name: str) -> Town:
    """A town around the roads of an OpenDRIVE text.

    Raises ValueError when the text is no OpenDRIVE map with driving lanes, or too large.
    """
    check_opendrive(xodr)
    carla_map = carla.Map(name, xodr)
    road_map = sample(carla_map, xodr)
    seed = zlib.crc32(name.encode())
    ground = ground_of(road_map)
    lights, masts, signs = traffic_signals(carla_map, xodr)
    furniture = scenery.furnish(road_map, ground, masts, seed)
    return Town(
        name=name,
        opendrive=xodr,
        spawn_points=spawn_points(road_map, ground, seed),
        obstacles=scenery.obstacles(furniture),
        signals=lights,
        signs=signs,
        road_map=road_map,
        scenery=furniture,
        ground=ground,
    )
