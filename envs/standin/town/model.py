"""A town: roads, places to start, things beside the road, traffic lights, heights."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from envs.standin.town import detour
from envs.standin.town.ground import Ground
from envs.standin.town.lanes import RoadMap
from envs.standin.town.navigation import walkable

Array = NDArray[np.float64]

# The zone in which a car is at a light, as CARLA's: metres from its middle to the stop line, and
# half its width as a share of the lane's.
ZONE_BEFORE, ZONE_SHARE = 3.0, 0.25

#: A house: its middle on the ground, half sizes, eaves height, roof rise, facade and colours.
BUILDING = np.dtype(
    [
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("yaw", "f8"),
        ("half_x", "f8"),
        ("half_y", "f8"),
        ("height", "f8"),
        ("roof", "f8"),
        ("facade", "i4"),
        ("wall", "u1", 3),
        ("cover", "u1", 3),
    ]
)
#: A tree: foot, crown radius, height of trunk and of the whole, kind of crown.
TREE = np.dtype(
    [
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("trunk", "f8"),
        ("height", "f8"),
        ("radius", "f8"),
        ("kind", "i4"),
    ]
)
#: A street lamp: foot, and the direction (degrees) in which its arm reaches over the road.
LAMP = np.dtype([("x", "f8"), ("y", "f8"), ("z", "f8"), ("yaw", "f8"), ("height", "f8")])
#: A low wall, hedge (kind 1) or fence (kind 2), as a box.
WALL = np.dtype(
    [
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("yaw", "f8"),
        ("half_x", "f8"),
        ("half_y", "f8"),
        ("height", "f8"),
        ("kind", "i4"),
    ]
)
#: A mast with an arm of length `reach` towards `yaw`, which carries a traffic light.
MAST = np.dtype(
    [
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("yaw", "f8"),
        ("height", "f8"),
        ("reach", "f8"),
    ]
)


@dataclass(frozen=True, eq=False)
class Scenery:
    """Everything that stands beside the roads, as structured arrays."""

    buildings: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, BUILDING))
    trees: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, TREE))
    lamps: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, LAMP))
    walls: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, WALL))
    masts: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, MAST))


@dataclass(frozen=True, eq=False)
class TrafficSignal:
    """A traffic light. `x, y, z`: the middle of its lantern, whose lamps face towards `yaw`.

    Attributes:
      id: id of its OpenDRIVE signal.
      junction: id of the junction that it guards; a number below 0 of its own for none.
      phase_group: lights of a junction with the same group are green together.
      boxes: a stop zone for each lane, rows (x, y, z, half_x, half_y, yaw in degrees).
    """

    id: str
    x: float
    y: float
    z: float
    yaw: float
    junction: int
    phase_group: int
    boxes: Array


@dataclass(frozen=True, eq=False)
class TrafficSign:
    """A stop, yield or speed limit sign: the type of its actor, its place, zones as of a light.

    junction: x, y and radius of the junction behind it; empty where there is none.
    """

    id: str
    type_id: str
    x: float
    y: float
    z: float
    yaw: float
    boxes: Array
    junction: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Town:
    """A town in CARLA's frame (x forward, y right, z up; metres, degrees).

    Attributes:
      spawn_points: (N, 6) rows x, y, z, pitch, yaw, roll: in a lane, along its direction.
      obstacles: (M, 8) rows x, y, z of the centre, half sizes x, y, z, yaw, semantic tag.
      road_map: lanes and road marks as polylines.
      ground: height of the ground.
    """

    name: str
    opendrive: str
    spawn_points: Array
    obstacles: Array
    signals: tuple[TrafficSignal, ...]
    signs: tuple[TrafficSign, ...]
    road_map: RoadMap
    scenery: Scenery
    ground: Ground
    speed_limit_kmh: float = 50.0

    def height(self, xy: Array, z: Array | None = None) -> tuple[Array, Array]:
        """Height (N,) and upward unit normal (N, 3) of the ground at places (N, 2), or of what
        bridges it where that is nearer to `z` (N,)."""
        return self.ground.height(xy, z)

    @cached_property
    def navigation(self) -> bytes:
        """Where walkers may go, as the client reads it; empty where the map has no pavement."""
        mesh = walkable(self.road_map)
        return b"" if mesh is None else detour.to_bytes(mesh)

    @cached_property
    def navigation_file(self) -> str:
        """Name of its navigation; clients keep files by name, so that it tells the contents."""
        return f"Nav/{self.name}-{zlib.crc32(self.navigation):08x}.bin"
