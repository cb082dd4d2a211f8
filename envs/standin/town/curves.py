"""Plane curves of lines and arcs: the reference lines of roads, in OpenDRIVE's frame (y up)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True)
class Pose:
    """A place and a direction of travel: metres and rad."""

    x: float
    y: float
    heading: float

    def moved(self, along: float, left: float = 0.0) -> Pose:
        """The pose that many metres ahead and to the left, same heading."""
        cos, sin = math.cos(self.heading), math.sin(self.heading)
        return Pose(
            self.x + along * cos - left * sin, self.y + along * sin + left * cos, self.heading
        )

    def turned(self) -> Pose:
        """The same place, looking back."""
        return Pose(self.x, self.y, self.heading + math.pi)


@dataclass(frozen=True)
class Piece:
    """A line (curvature 0) or an arc (curvature > 0 turns left)."""

    start: Pose
    length: float
    curvature: float = 0.0

    def at(self, s: float) -> Pose:
        """The pose `s` metres along the piece."""
        turn = self.curvature * s
        if abs(turn) < 1e-9:
            return self.start.moved(s)
        chord = 2.0 * math.sin(turn / 2.0) / self.curvature
        middle = Pose(self.start.x, self.start.y, self.start.heading + turn / 2.0).moved(chord)
        return Pose(middle.x, middle.y, self.start.heading + turn)


Curve = tuple[Piece, ...]


def length_of(curve: Curve) -> float:
    """Total length in metres."""
    return sum(piece.length for piece in curve)


def pose_at(curve: Curve, s: float) -> Pose:
    """The pose `s` metres along the curve; beyond the end the last piece goes on."""
    for piece in curve[:-1]:
        if s <= piece.length:
            return piece.at(s)
        s -= piece.length
    return curve[-1].at(s)


def rounded(points: list[Point], radii: list[float]) -> Curve:
    """A polyline whose inner corners are replaced by arcs of the given radii.

    Raises ValueError when two arcs do not fit on the leg between them.
    """
    cuts = [0.0]
    for before, corner, after, radius in zip(points, points[1:], points[2:], radii, strict=False):
        cuts.append(radius * math.tan(abs(_turn(before, corner, after)) / 2.0))
    cuts.append(0.0)
    pieces: list[Piece] = []
    for index, (start, end) in enumerate(itertools.pairwise(points)):
        heading = math.atan2(end[1] - start[1], end[0] - start[0])
        leg = math.dist(start, end) - cuts[index] - cuts[index + 1]
        if leg < 0:
            raise ValueError(f"the arcs at {start} and {end} overlap by {-leg:.1f} m")
        begin = Pose(*start, heading).moved(cuts[index])
        if leg > 1e-6:
            pieces.append(Piece(begin, leg))
        if index < len(radii):
            turn = _turn(start, end, points[index + 2])
            curvature = math.copysign(1.0 / radii[index], turn)
            pieces.append(Piece(begin.moved(leg), abs(turn) * radii[index], curvature))
    return tuple(pieces)


def connect(start: Pose, end: Pose) -> Curve:
    """One line, or two arcs that meet smoothly, from one pose to another."""
    vx, vy = end.x - start.x, end.y - start.y
    t0 = (math.cos(start.heading), math.sin(start.heading))
    t1 = (math.cos(end.heading), math.sin(end.heading))
    square = vx * vx + vy * vy
    if abs(t0[0] * vy - t0[1] * vx) < 1e-6 and abs(t0[0] * t1[1] - t0[1] * t1[0]) < 1e-9:
        return (Piece(start, math.sqrt(square)),)
    along = vx * (t0[0] + t1[0]) + vy * (t0[1] + t1[1])
    spread = 2.0 * (1.0 - t0[0] * t1[0] - t0[1] * t1[1])
    if spread < 1e-9:
        reach = square / (2.0 * along)
    else:
        reach = (math.sqrt(along * along + spread * square) - along) / spread
    # The joint lies half way between the ends of the two tangents of length `reach`.
    joint = (
        (start.x + end.x + reach * (t0[0] - t1[0])) / 2.0,
        (start.y + end.y + reach * (t0[1] - t1[1])) / 2.0,
    )
    first = _arc(start, joint)
    second = _arc(Pose(*joint, first.at(first.length).heading), (end.x, end.y))
    return (first, second)


def _arc(start: Pose, end: Point) -> Piece:
    dx, dy = end[0] - start.x, end[1] - start.y
    chord = math.hypot(dx, dy)
    half = math.remainder(math.atan2(dy, dx) - start.heading, math.tau)
    if abs(half) < 1e-9:
        return Piece(start, chord)
    return Piece(start, chord * half / math.sin(half), 2.0 * math.sin(half) / chord)


def _turn(before: Point, corner: Point, after: Point) -> float:
    arriving = math.atan2(corner[1] - before[1], corner[0] - before[0])
    leaving = math.atan2(after[1] - corner[1], after[0] - corner[0])
    return math.remainder(leaving - arriving, math.tau)
