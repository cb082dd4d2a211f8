"""Refuse OpenDRIVE text that cannot become a town, naming the element at fault."""

from __future__ import annotations

import math
from collections.abc import Iterator
from xml.etree import ElementTree

#: Sampling and drawing take memory and time by the metre; the largest map of CARLA has 60 km.
MAX_ROAD_METRES = 1e6
_LENGTHS = {
    "road": ("length",),
    "geometry": ("s", "x", "y", "hdg", "length"),
    "laneSection": ("s",),
}


def check_opendrive(text: str) -> None:
    """Raise ValueError, one line, for ids that are no numbers, numbers that are not finite,
    direct junctions, or roads of more than `MAX_ROAD_METRES` together."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"the OpenDRIVE text is not XML: {error}") from error
    metres = 0.0
    for road in root.iter("road"):
        name = f"road {road.get('id')!r}"
        _whole_number(road.get("id"), name)
        for element, attribute, value in _numbers(road):
            if not math.isfinite(value):
                raise ValueError(f"{name}: {element} has {attribute}={value}; expected a number")
        metres += float(road.get("length", 0.0))
    if metres > MAX_ROAD_METRES:
        raise ValueError(
            f"the map has {metres / 1000.0:,.0f} km of road; this server takes at most "
            f"{MAX_ROAD_METRES / 1000.0:,.0f} km"
        )
    for junction in root.iter("junction"):
        name = f"junction {junction.get('id')!r}"
        _whole_number(junction.get("id"), name)
        if junction.get("type") == "direct":
            raise ValueError(f"{name} is a direct junction, which CARLA 0.9.16 does not read")


def _whole_number(text: str | None, name: str) -> None:
    try:
        int(text or "")
    except ValueError:
        raise ValueError(f"{name}: CARLA needs an id that is a whole number") from None


def _numbers(road: ElementTree.Element) -> Iterator[tuple[str, str, float]]:
    for tag, attributes in _LENGTHS.items():
        for element in road.iter(tag):
            for attribute in attributes:
                text = element.get(attribute, "0")
                try:
                    yield tag, attribute, float(text)
                except ValueError:
                    raise ValueError(
                        f"road {road.get('id')!r}: {tag} has {attribute}={text!r}; "
                        "expected a number"
                    ) from None
