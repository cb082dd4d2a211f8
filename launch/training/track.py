"""Where an episode drove, how fast, and what it broke where: for the map of a report."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass
class Track:
    """One episode in the driving task. points: (x m, y m, speed m/s) after each step; infractions:
    (step, name); roads: centres of the town's lanes, of one episode of an evaluation."""

    points: list[tuple[float, float, float]] = dataclasses.field(default_factory=list)
    infractions: list[tuple[int, str]] = dataclasses.field(default_factory=list)
    roads: Sequence[np.ndarray] = ()

    def add(self, info: Mapping[str, Any]) -> None:
        """Take in a step's info; nothing where it has no position."""
        if "position" in info:
            self.infractions += [(len(self.points), name) for name in info["infractions"]]
            self.points.append((*info["position"], info["speed"]))

    def table(self) -> dict[str, Any]:
        """The track as lists, to a decimetre."""
        columns = np.array(self.points).round(1).T.tolist()
        named = dict(zip(("x", "y", "speed"), columns, strict=True))
        return {**named, "infractions": [list(broken) for broken in self.infractions]}


def outline(roads: Sequence[np.ndarray]) -> list[list[list[float]]]:
    """Roads as lists [x, y], to a decimetre."""
    return [np.asarray(road, float).round(1).T.tolist() for road in roads]
