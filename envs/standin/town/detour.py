"""Navigation meshes as bytes that CARLA's client reads: one tile of Detour's format, version 7."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Area codes of CARLA's walkers.
BLOCKED, SIDEWALK, CROSSWALK, ROAD = range(4)
#: The most polygons and vertices that one tile can number.
MOST_POLYGONS, MOST_VERTICES = 0x7FFE, 0xFFFE

_SET, _TILE = b"TESM", b"VAND"
_POLY_BITS = 15
_CORNERS = 4
_POLY = np.dtype(
    [
        ("link", "<u4"),
        ("corners", "<u2", 6),
        ("neighbours", "<u2", 6),
        ("flags", "<u2"),
        ("count", "u1"),
        ("area", "u1"),
    ]
)
_DETAIL = np.dtype(
    [("vertex", "<u4"), ("triangle", "<u4"), ("vertices", "u1"), ("triangles", "u1"), ("", "<u2")]
)
_LINK_BYTES = 12
# Corners of a quad's two triangles, and which of their sides are sides of the quad.
_TRIANGLES = np.array([[0, 1, 2, 0b000101], [0, 2, 3, 0b010100]], np.uint8)
_HEIGHT, _RADIUS, _CLIMB = 1.8, 0.3, 0.5


@dataclass(frozen=True, eq=False)
class Mesh:
    """Ground that walkers know.

    Attributes:
      vertices: (V, 3) x, y, z in CARLA's frame.
      corners: (P, 4) vertices of each polygon, clockwise where x points right and y up.
      neighbours: (P, 4) the polygon beyond the side from a corner to the next one, -1 for none.
      areas: (P,) area codes.
    """

    vertices: NDArray[np.float64]
    corners: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    areas: NDArray[np.int64]


def to_bytes(mesh: Mesh) -> bytes:
    """The mesh as a file of the client's navigation."""
    low, high = mesh.vertices.min(axis=0) - 1.0, mesh.vertices.max(axis=0) + 1.0
    size = high - low
    tile = _tile(mesh, low, high)
    params = struct.pack("<5f2i", *_swapped(low), size[0], size[1], 1, 1 << _POLY_BITS)
    header = _SET + struct.pack("<2i", 1, 1) + params
    return header + struct.pack("<Ii", 1 << _POLY_BITS, len(tile)) + tile


def _tile(mesh: Mesh, low: NDArray[np.float64], high: NDArray[np.float64]) -> bytes:
    count = len(mesh.corners)
    links = count * _CORNERS
    polygons = np.zeros(count, _POLY)
    polygons["corners"][:, :_CORNERS] = mesh.corners
    polygons["neighbours"][:, :_CORNERS] = mesh.neighbours + 1
    polygons["flags"] = 1 << mesh.areas
    polygons["count"], polygons["area"] = _CORNERS, mesh.areas
    details = np.zeros(count, _DETAIL)
    details["triangle"], details["triangles"] = 2 * np.arange(count), 2
    numbers = (7, 0, 0, 0, 0, count, len(mesh.vertices), links, count, 0, 2 * count, 0, 0, count)
    bounds = (_HEIGHT, _RADIUS, _CLIMB, *_swapped(low), *_swapped(high), 1.0)
    return b"".join(
        (
            _TILE,
            struct.pack("<14i10f", *numbers, *bounds),
            mesh.vertices[:, [0, 2, 1]].astype("<f4").tobytes(),
            polygons.tobytes(),
            bytes(_LINK_BYTES * links),
            details.tobytes(),
            np.tile(_TRIANGLES, (count, 1)).tobytes(),
        )
    )


def _swapped(point: NDArray[np.float64]) -> tuple[float, float, float]:
    """Detour's second axis points up."""
    x, y, z = point.tolist()
    return x, z, y
