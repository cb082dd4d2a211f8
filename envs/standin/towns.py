"""Towns: a ring road until the towns exist."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOWNS: tuple[str, ...] = ("Town01",)


@dataclass(frozen=True)
class Ring:
    """A one-way two-lane ring on flat ground."""

    name: str
    opendrive: str
    spawn_points: NDArray[np.float64]
    obstacles: NDArray[np.float64]
    signals: tuple[Any, ...] = ()
    speed_limit_kmh: float = 30.0

    def height(self, xy: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Flat."""
        return np.zeros(len(xy)), np.tile([0.0, 0.0, 1.0], (len(xy), 1))


def ring_opendrive(radius: float = 80.0) -> str:
    """Four right-hand quarter arcs."""
    roads = []
    length = radius * math.pi / 2
    for i in range(4):
        angle = -i * math.pi / 2
        x, y = -radius * math.sin(angle), radius * math.cos(angle)
        nxt, prev = (i + 1) % 4, (i - 1) % 4
        lanes = "".join(
            f'<lane id="{k}" type="driving" level="false"><link><predecessor id="{k}"/>'
            f'<successor id="{k}"/></link><width sOffset="0" a="3.5" b="0" c="0" d="0"/>'
            f'<roadMark sOffset="0" type="{"broken" if k == -1 else "solid"}" weight="standard" '
            f'color="standard" width="0.12" laneChange="{"both" if k == -1 else "none"}"/></lane>'
            for k in (-1, -2)
        )
        roads.append(
            f'<road name="r{i}" length="{length}" id="{i}" junction="-1"><link>'
            f'<predecessor elementType="road" elementId="{prev}" contactPoint="end"/>'
            f'<successor elementType="road" elementId="{nxt}" contactPoint="start"/></link>'
            f'<planView><geometry s="0" x="{x}" y="{y}" hdg="{angle}" length="{length}">'
            f'<arc curvature="{-1 / radius}"/></geometry></planView><lanes><laneSection s="0">'
            f'<center><lane id="0" type="none" level="false"/></center><right>{lanes}</right>'
            "</laneSection></lanes></road>"
        )
    return (
        '<?xml version="1.0"?><OpenDRIVE><header revMajor="1" revMinor="4" name="ring" version="1" '
        'date="" north="0" south="0" east="0" west="0"><geoReference><![CDATA[+proj=tmerc +lat_0=0 '
        "+lon_0=0 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs]]></geoReference></header>"
        + "".join(roads) + "</OpenDRIVE>"
    )


def load_town(name: str) -> Ring:
    """The ring."""
    points = []
    for i in range(30):
        for lane in (1.75, 5.25):
            angle = i * math.tau / 30
            r = 80.0 - lane
            points.append([r * math.cos(angle), r * math.sin(angle), 0.3, 0, math.degrees(angle) + 90, 0])
    return Ring(name, ring_opendrive(), np.array(points), np.empty((0, 8)))


def town_from_opendrive(text: str, name: str) -> Ring:
    """The ring with another map."""
    return Ring(name, text, load_town(name).spawn_points, np.empty((0, 8)))
