"""Plain records of an OpenDRIVE file."""

from __future__ import annotations

from dataclasses import dataclass

from envs.standin.town.curves import Curve

Cubic = tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Mark:
    """A road mark on the outer side of a lane (the centre line for lane 0)."""

    kind: str = "none"
    colour: str = "white"
    lane_change: str = "none"
    width: float = 0.15


@dataclass(frozen=True)
class Lane:
    """One lane: negative ids are right of the reference line, positive ones left of it."""

    id: int
    kind: str
    width: float
    mark: Mark = Mark()
    predecessor: int | None = None
    successor: int | None = None


@dataclass(frozen=True)
class Link:
    """The end that a road joins: a junction, or the start or end of another road."""

    kind: str
    id: int
    contact: str | None = None


@dataclass(frozen=True)
class Signal:
    """A traffic light: where it stands on its road, and which lanes it rules."""

    id: int
    s: float
    t: float
    orientation: str
    lanes: tuple[int, ...]
    height: float = 3.2


@dataclass(frozen=True)
class Crosswalk:
    """A zone for walkers across a road, from `begin` to `end` along it and `side` to either side.

    It may lie beyond the road's end, in the junction.
    """

    id: int
    begin: float
    end: float
    side: float


@dataclass(frozen=True)
class Road:
    """A road or, with `junction` >= 0, a path through a junction."""

    id: int
    curve: Curve
    lanes: tuple[Lane, ...]
    centre: Mark = Mark()
    junction: int = -1
    predecessor: Link | None = None
    successor: Link | None = None
    speed_kmh: float = 50.0
    elevation: tuple[Cubic, ...] = ((0.0, 0.0, 0.0, 0.0, 0.0),)
    signals: tuple[Signal, ...] = ()
    references: tuple[Signal, ...] = ()
    crosswalks: tuple[Crosswalk, ...] = ()


@dataclass(frozen=True)
class Connection:
    """A way into a junction: from a lane of a road onto a path."""

    incoming: int
    path: int
    lane_from: int
    lane_to: int = -1


@dataclass(frozen=True)
class Junction:
    """All ways through a crossing, and the controllers of its lights."""

    id: int
    connections: tuple[Connection, ...]
    controllers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Controller:
    """Lights that show the same colour at the same time."""

    id: int
    signals: tuple[int, ...]


@dataclass(frozen=True)
class Network:
    """A whole town."""

    name: str
    roads: tuple[Road, ...]
    junctions: tuple[Junction, ...]
    controllers: tuple[Controller, ...] = ()
