"""Records of the server about one actor."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from envs.standin.geometry import ORIGIN, Pose, Vector

ACTIVE = 1
INVALID_BOX: list[Any] = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], 0]


class Kind(Enum):
    """The world's way to treat an actor."""

    VEHICLE = "vehicle"
    WALKER = "walker"
    LIGHT = "light"
    SIGN = "sign"
    SENSOR = "sensor"
    OTHER = "other"


@dataclass(slots=True, eq=False)
class Actor:
    """One actor. `pose` is its place in the world, `relative` its place on a parent.

    Of vehicles the fleet holds the pose; `pose` is then only where it was spawned.
    """

    id: int
    type_id: str
    kind: Kind
    description: list[Any]
    attributes: dict[str, str]
    pose: Pose = ORIGIN
    parent: int = 0
    relative: Pose = ORIGIN
    children: list[int] = field(default_factory=list)
    box_centre: Vector = (0.0, 0.0, 0.0)
    box_half: Vector = (0.0, 0.0, 0.0)
    box_yaw: float = 0.0
    tags: bytes = b""
    stream: int = 0
    token: bytes = b""
    #: What belongs to one kind only: a sensor's memory, a sign's id in the map.
    state: Any = None

    def bounding_box(self) -> list[Any]:
        """`[location, extent, rotation, actor id]` relative to the actor."""
        return [list(self.box_centre), list(self.box_half), [0.0, self.box_yaw, 0.0], self.id]

    def wire(self) -> list[Any]:
        """The Actor struct of the protocol."""
        return [
            self.id,
            self.parent,
            self.description,
            self.bounding_box(),
            self.tags,
            self.token,
        ]


def scenery(name: str, tag: int) -> list[Any]:
    """An Actor struct for static scenery, which has no id."""
    return [0, 0, [0, name, []], INVALID_BOX, bytes([tag]), b""]


def attribute_float(actor: Actor, name: str, default: float) -> float:
    """A number among the attributes; the default where it is missing or no number."""
    try:
        return float(actor.attributes.get(name, default))
    except ValueError:
        return default
