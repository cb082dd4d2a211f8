"""Houses, walls, lamps and trees as flat faces, built once per town."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import b1, f8, i8, u1
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled, named
from envs.standin.picture.weather import LIGHT, Light
from envs.standin.town.model import Scenery

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_BUILDING, _WALL, _FENCE, _POLE, _VEGETATION = 3, 4, 5, 6, 9
_STOREY = 3.1
_GAP = 0.9


class Statics(NamedTuple):
    """Things (N) and their faces (Q); the faces of thing i are first[i] .. first[i] + faces[i].

    Attributes:
      centre (N, 3), radius (N,): a sphere around the thing.
      crown (N,): kind of tree crown, -1 for none; crown_size (N, 2): its radius and height.
      tall (N,): from the centre to the top of the crown.
      girth (N,): a radius for deciding what is too small to be seen.
      house (N,): whether it hides what is behind; footprint (N, 4, 2): its corners on the ground.
      top (N,): greatest height.
      corners (Q, 4, 3): (c1 - c0) x (c2 - c0) points outwards; walls begin with their lower edge.
      detail (Q,): least size in pixels per metre at which the face is drawn.
      normal (Q, 3), offset (Q,): the plane normal . p = offset.
      colour (Q, 3): B, G, R 0..255. facade (Q,): pattern of windows, -1 for none.
      cells (Q, 2): windows across and storeys.
    """

    centre: Array
    radius: Array
    girth: Array
    first: Index
    faces: Index
    tag: NDArray[np.uint8]
    crown: NDArray[np.int64]
    crown_size: Array
    tall: Array
    house: NDArray[np.bool_]
    footprint: Array
    top: Array
    corners: Array
    normal: Array
    offset: Array
    colour: Array
    facade: NDArray[np.int64]
    cells: NDArray[np.int64]
    detail: Array

    def lit(self, light: Light) -> Array:
        """Colours (Q, 3) of the faces under a light."""
        return np.clip(self.colour * shading(self.normal, light), 0.0, 255.0)


#: `Statics` in compiled code.
STATICS = named(
    Statics,
    f8[:, ::1],
    f8[::1],
    f8[::1],
    i8[::1],
    i8[::1],
    u1[::1],
    i8[::1],
    f8[:, ::1],
    f8[::1],
    b1[::1],
    f8[:, :, ::1],
    f8[::1],
    f8[:, :, ::1],
    f8[:, ::1],
    f8[::1],
    f8[:, ::1],
    i8[::1],
    i8[:, ::1],
    f8[::1],
)


@called_with(f8[:, ::1], LIGHT)
@compiled
def shading(normal: Array, light: Light) -> Array:
    """Gain (F, 3) of surfaces with these normals: skylight from above, and the sun."""
    gain = np.empty((len(normal), 3))
    for i in range(len(normal)):
        shade(normal[i], light, gain[i])
    return gain


@compiled
def shade(normal: Array, light: Light, gain: Array) -> None:
    """`shading` of one surface."""
    sun = light.sun
    cosine = normal[0] * sun[0] + normal[1] * sun[1] + normal[2] * sun[2]
    towards = min(max(1.1 * cosine + 0.1, 0.0), 1.15)
    upward = 0.82 + 0.18 * normal[2]
    for c in range(3):
        gain[c] = light.ambient[c] * upward + light.direct[c] * towards


class _Builder:
    def __init__(self) -> None:
        self.things: list[tuple[float, ...]] = []
        self.faces: list[Array] = []
        self.colours: list[tuple[float, ...]] = []
        self.facades: list[tuple[int, int, int]] = []
        self.details: list[float] = []
        self.detail = 0.0

    def box(
        self,
        middle: Array,
        axes: Array,
        half: tuple[float, float],
        heights: tuple[float, float],
        colour: Array,
        facades: Sequence[int] = (-1,) * 4,
        roof: Array | None = None,
        rise: float = 0.0,
    ) -> None:
        """Four walls and a lid, or two gables with a ridge along the first axis.

        facades: patterns of the walls on the sides +y, -x, -y, +x.
        """
        signs = ((1, 1), (-1, 1), (-1, -1), (1, -1))
        foot = [middle + i * half[0] * axes[0] + j * half[1] * axes[1] for i, j in signs]
        low = [np.array([*p, heights[0]]) for p in foot]
        high = [np.array([*p, heights[1]]) for p in foot]
        storeys = max(1, int((heights[1] - heights[0]) / _STOREY))
        for a in range(4):
            b = (a + 1) % 4
            width = float(np.linalg.norm(foot[b] - foot[a]))
            windows = max(1, int(width / 2.6))
            self.face([low[a], low[b], high[b], high[a]], colour, (facades[a], windows, storeys))
        cover = colour if roof is None else roof
        if rise <= 0.0:
            self.face([high[0], high[1], high[2], high[3]], cover)
            return
        ridge = [np.array([*(middle + i * half[0] * axes[0]), heights[1] + rise]) for i in (1, -1)]
        self.face([high[0], high[1], ridge[1], ridge[0]], cover)
        self.face([high[2], high[3], ridge[0], ridge[1]], cover)
        self.face([high[3], high[0], ridge[0], ridge[0]], colour)
        self.face([high[1], high[2], ridge[1], ridge[1]], colour)

    def face(
        self, corners: list[Array], colour: Array, facade: tuple[int, int, int] = (-1, 0, 0)
    ) -> None:
        self.faces.append(np.array(corners))
        self.colours.append(tuple(float(c) for c in colour))
        self.facades.append(facade)
        self.details.append(self.detail)

    def thing(
        self,
        first: int,
        centre: tuple[float, float, float],
        radius: float,
        tag: int,
        crown: tuple[float, float, float, float] = (-1.0, 0.0, 0.0, 0.0),
    ) -> None:
        self.things.append((*centre, radius, first, len(self.faces) - first, tag, *crown))


def build(scenery: Scenery) -> Statics:
    """All faces of a town's scenery."""
    builder = _Builder()
    for row, blind in zip(scenery.buildings, _blind(scenery.buildings), strict=True):
        _building(builder, row, blind)
    for row in scenery.walls:
        _wall(builder, row)
    for row in scenery.lamps:
        _lamp(builder, row)
    for row in scenery.masts:
        _mast(builder, row)
    for row in scenery.trees:
        _tree(builder, row)
    return _packed(builder)


def _packed(builder: _Builder) -> Statics:
    things = np.array(builder.things, float).reshape(-1, 11)
    tag, radius = things[:, 6].astype(np.uint8), things[:, 3].copy()
    corners = np.array(builder.faces, float).reshape(-1, 4, 3)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    facades = np.array(builder.facades, np.int64).reshape(-1, 3)
    first, count = things[:, 4].astype(np.int64), things[:, 5].astype(np.int64)
    # The first edges of a thing's first four faces are the outline of its foot.
    outline = corners[first[:, None] + np.arange(4), 0, :2] if len(first) else np.zeros((0, 4, 2))
    eaves = corners[first, 2, 2] if len(first) else np.zeros(0)
    house = tag == _BUILDING
    return Statics(
        centre=things[:, :3].copy(),
        radius=radius,
        girth=np.where(tag == _POLE, 0.4, radius),
        first=first,
        faces=count,
        tag=tag,
        crown=things[:, 7].astype(np.int64),
        crown_size=things[:, 8:10].copy(),
        tall=things[:, 10].copy(),
        house=house,
        footprint=outline,
        top=np.where(house, eaves, things[:, 2] + things[:, 3]),
        corners=corners,
        normal=normal,
        offset=(normal * corners[:, 0]).sum(axis=1),
        colour=np.array(builder.colours, float).reshape(-1, 3),
        facade=facades[:, 0].copy(),
        cells=facades[:, 1:].copy(),
        detail=np.array(builder.details),
    )


def _axes(yaw: float) -> Array:
    angle = np.radians(yaw)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def _bgr(colour: NDArray[np.uint8]) -> Array:
    return np.asarray(colour, float)[::-1]


def _blind(houses: NDArray[np.void]) -> NDArray[np.bool_]:
    """Which walls (N, 4) stand right against another house, and so have no windows."""
    angle = np.radians(houses["yaw"])
    cos, sin = np.cos(angle), np.sin(angle)
    place = np.stack([houses["x"], houses["y"]], axis=1)
    blind = np.zeros((len(houses), 4), bool)
    for wall, (x, y) in enumerate(((0, 1), (-1, 0), (0, -1), (1, 0))):
        along = x * (houses["half_x"] + _GAP)
        across = y * (houses["half_y"] + _GAP)
        probe = place + np.stack([along * cos - across * sin, along * sin + across * cos], axis=1)
        dx, dy = (probe[:, None] - place[None]).transpose(2, 0, 1)
        inside = np.abs(dx * cos + dy * sin) < houses["half_x"]
        inside &= np.abs(dy * cos - dx * sin) < houses["half_y"]
        blind[:, wall] = inside.any(axis=1)
    return blind


def _building(builder: _Builder, row: np.void, blind: NDArray[np.bool_]) -> None:
    first, middle = len(builder.faces), np.array([row["x"], row["y"]])
    z, top = float(row["z"]), float(row["z"] + row["height"])
    half = (float(row["half_x"]), float(row["half_y"]))
    builder.box(
        middle,
        _axes(row["yaw"]),
        half,
        (z - 0.5, top),
        _bgr(row["wall"]),
        np.where(blind, -1, row["facade"]).tolist(),
        _bgr(row["cover"]),
        float(row["roof"]),
    )
    height = row["height"] + row["roof"]
    radius = float(np.linalg.norm([*half, height / 2.0]))
    centre = (row["x"], row["y"], z + height / 2.0)
    builder.thing(first, centre, radius, _BUILDING)


def _wall(builder: _Builder, row: np.void) -> None:
    first, middle = len(builder.faces), np.array([row["x"], row["y"]])
    colour = ((140, 148, 156), (44, 84, 58), (70, 92, 118))[row["kind"]]
    z = float(row["z"])
    builder.box(
        middle,
        _axes(row["yaw"]),
        (row["half_x"], row["half_y"]),
        (z - 0.3, z + row["height"]),
        np.array(colour, float),
    )
    centre = (row["x"], row["y"], z + row["height"] / 2.0)
    tag = (_WALL, _VEGETATION, _FENCE)[row["kind"]]
    builder.thing(first, centre, float(np.hypot(row["half_x"], 0.7)), tag)


def _lamp(builder: _Builder, row: np.void) -> None:
    first, foot, axes = len(builder.faces), np.array([row["x"], row["y"]]), _axes(row["yaw"])
    z, height = float(row["z"]), float(row["height"])
    steel = np.array([96.0, 98.0, 96.0])
    builder.box(foot, axes, (0.08, 0.08), (z, z + height), steel)
    builder.detail = 4.0
    builder.box(foot + axes[0] * 0.8, axes, (0.8, 0.05), (z + height - 0.1, z + height), steel)
    head = foot + axes[0] * 1.7
    builder.box(head, axes, (0.35, 0.14), (z + height - 0.15, z + height), steel * 1.3)
    builder.detail = 0.0
    centre = (float(foot[0]), float(foot[1]), z + height / 2.0)
    builder.thing(first, centre, height / 2.0 + 0.5, _POLE)


def _mast(builder: _Builder, row: np.void) -> None:
    first, foot, axes = len(builder.faces), np.array([row["x"], row["y"]]), _axes(row["yaw"])
    z, height, reach = float(row["z"]), float(row["height"]), float(row["reach"])
    steel = np.array([70.0, 74.0, 72.0])
    builder.box(foot, axes, (0.1, 0.1), (z, z + height), steel)
    builder.box(
        foot + axes[0] * (reach / 2.0),
        axes,
        (reach / 2.0, 0.06),
        (z + height - 0.12, z + height),
        steel,
    )
    centre = (float(foot[0]), float(foot[1]), z + height / 2.0)
    builder.thing(first, centre, float(np.hypot(height / 2.0, reach)), _POLE)


def _tree(builder: _Builder, row: np.void) -> None:
    first, foot = len(builder.faces), np.array([row["x"], row["y"]])
    z, bark = float(row["z"]), np.array([48.0, 64.0, 82.0])
    builder.detail = 2.0
    builder.box(foot, _axes(0.0), (0.16, 0.16), (z - 0.3, z + row["trunk"] + 0.4), bark)
    builder.detail = 0.0
    kind = int(row["kind"])
    crown = (
        float(4 * kind + first % 4),
        float(row["radius"]),
        float(row["height"] - row["trunk"]),
        float(row["height"] - row["trunk"]) / 2.0,
    )
    centre = (row["x"], row["y"], z + (row["trunk"] + row["height"]) / 2.0)
    builder.thing(first, centre, float(max(row["radius"], row["height"] / 2.0)), _VEGETATION, crown)
