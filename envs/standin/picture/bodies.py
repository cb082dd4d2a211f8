"""Shapes of moving things as faces in the unit cube, scaled to each thing's box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: What a face is made of; PAINT takes the box's colour.
(
    PAINT,
    PAINT_DARK,
    GLASS,
    BLACK,
    TAIL,
    HEAD,
    PLATE,
    SKIN,
    CLOTH,
    STEEL,
    BLINK_LEFT,
    BLINK_RIGHT,
    REVERSE,
    RED,
    YELLOW,
    GREEN,
    DARK,
) = range(17)

#: B, G, R of each material; PAINT's row is not used.
MATERIALS = np.array(
    [
        [0, 0, 0],
        [0, 0, 0],
        [72, 62, 52],
        [30, 28, 28],
        [44, 34, 150],
        [226, 232, 232],
        [200, 214, 214],
        [140, 168, 214],
        [92, 66, 54],
        [128, 126, 122],
        [40, 120, 190],
        [40, 120, 190],
        [170, 170, 170],
        [36, 30, 96],
        [30, 84, 100],
        [34, 88, 36],
        [36, 36, 34],
    ],
    float,
)


#: B, G, R of each material when it shines.
GLOW = np.zeros_like(MATERIALS)
GLOW[TAIL], GLOW[HEAD] = (60, 50, 255), (235, 250, 255)
GLOW[BLINK_LEFT] = GLOW[BLINK_RIGHT] = (30, 160, 255)
GLOW[RED], GLOW[YELLOW], GLOW[GREEN] = (50, 50, 255), (40, 210, 255), (120, 255, 60)

SIGNAL_STYLE = 5


@dataclass(frozen=True, eq=False)
class Body:
    """Faces of a shape: corners (Q, 4, 3) in [-1, 1], outward counter-clockwise as in `Statics`.

    Attributes:
      material (Q,): index into MATERIALS.
      detail (Q,): least size in pixels at which the face is drawn.
      front (Q,): order of drawing when seen from ahead; from behind it is the row number.
    """

    corners: Array
    material: NDArray[np.int64]
    detail: Array
    front: Array


Face = tuple[Array, int, float, int]


def _prism(
    x: tuple[float, float],
    y: float,
    z: tuple[float, float],
    material: int,
    top: tuple[float, float, float] | None = None,
    detail: float = 0.0,
    part: int = 0,
    sides: Sequence[int] | None = None,
) -> list[Face]:
    """A box from x[0] to x[1], -y to y, z[0] to z[1]; `top`: x range and y of a tapered lid.

    `sides`: materials of rear, front, left, right and lid, where not all the same.
    """
    tx0, tx1, ty = top if top is not None else (x[0], x[1], y)
    low = {(i, j): (x[i], (-y, y)[j], z[0]) for i in (0, 1) for j in (0, 1)}
    high = {(i, j): ((tx0, tx1)[i], (-ty, ty)[j], z[1]) for i in (0, 1) for j in (0, 1)}
    rings = (
        (low[0, 1], low[0, 0], high[0, 0], high[0, 1]),
        (low[1, 0], low[1, 1], high[1, 1], high[1, 0]),
        (low[0, 0], low[1, 0], high[1, 0], high[0, 0]),
        (low[1, 1], low[0, 1], high[0, 1], high[1, 1]),
        (high[0, 0], high[1, 0], high[1, 1], high[0, 1]),
    )
    kinds = sides if sides is not None else (material,) * 5
    return [(np.array(ring), kind, detail, part) for ring, kind in zip(rings, kinds, strict=True)]


def _patch(
    face: str,
    a: tuple[float, float],
    b: tuple[float, float],
    at: float,
    material: int,
    detail: float,
    part: int = 0,
) -> Face:
    """A flat rectangle on the rear, front, left or right: spans a across, b upwards, at a depth."""
    (a0, a1), (b0, b1) = a, b
    rings = {
        "rear": ((at, a1, b0), (at, a0, b0), (at, a0, b1), (at, a1, b1)),
        "front": ((at, a0, b0), (at, a1, b0), (at, a1, b1), (at, a0, b1)),
        "left": ((a0, -at, b0), (a1, -at, b0), (a1, -at, b1), (a0, -at, b1)),
        "right": ((a1, at, b0), (a0, at, b0), (a0, at, b1), (a1, at, b1)),
    }
    return np.array(rings[face]), material, detail, part


def _wheels(
    places: tuple[float, ...], half: float, height: float, at: float, detail: float, part: int = 0
) -> list[Face]:
    """Octagons, each of three faces, on both sides."""
    faces: list[Face] = []
    for side, sign in (("left", 1.0), ("right", 1.0)):
        for x in places:
            corner, low = 0.41 * half, -1.0
            top, step = low + height, 0.29 * height
            faces.append(
                _patch(
                    side,
                    (x - half, x + half),
                    (low + step, top - step),
                    at * sign,
                    BLACK,
                    detail,
                    part,
                )
            )
            for b0, b1, w0, w1 in (
                (low, low + step, corner, half),
                (top - step, top, half, corner),
            ):
                ring, *_ = _patch(side, (x - w0, x + w0), (b0, b1), at, BLACK, detail)
                upper = ring[2:].copy()
                upper[:, 0] = x + (upper[:, 0] - x) * (w1 / w0)
                ring[2:] = upper
                faces.append((ring, BLACK, detail, part))
            faces.append(
                _patch(
                    side,
                    (x - half * 0.5, x + half * 0.5),
                    (low + height * 0.28, top - height * 0.28),
                    at + 0.004,
                    STEEL,
                    2.0 * detail,
                    part,
                )
            )
    return faces


def _lights(rear: float, front: float, y: float, z: tuple[float, float]) -> list[Face]:
    faces: list[Face] = []
    for sign, blink in ((-1.0, BLINK_LEFT), (1.0, BLINK_RIGHT)):
        outer, inner, tip = sign * y, sign * y * 0.6, sign * y * 0.86
        span = (min(outer, inner), max(outer, inner))
        corner = (min(outer, tip), max(outer, tip))
        faces += [
            _patch("rear", span, z, rear, TAIL, 4.0),
            _patch("front", span, z, front, HEAD, 4.0),
            _patch("rear", corner, z, rear - 0.002, blink, 10.0),
            _patch("front", corner, z, front + 0.002, blink, 10.0),
        ]
    return faces


def _car() -> Body:
    faces = [
        _patch(end, span, (-1.0, -0.6), at, BLACK, 6.0)
        for end, at in (("rear", -0.74), ("front", 0.74))
        for span in ((-0.95, -0.7), (0.7, 0.95))
    ]
    faces += _prism((-1.0, 1.0), 0.97, (-0.72, 0.02), PAINT, top=(-0.98, 0.97, 0.93))
    faces += [
        _patch(side, (-0.98, 0.98), (-0.86, -0.62), 0.975, BLACK, 6.0) for side in ("left", "right")
    ]
    faces += [
        _patch(end, (-0.95, 0.95), (-0.8, -0.55), at, BLACK, 6.0)
        for end, at in (("rear", -1.0), ("front", 1.0))
    ]
    faces += _wheels((-0.62, 0.62), 0.15, 0.86, 0.98, 5.0)
    faces += _lights(-0.998, 0.995, 0.92, (-0.34, -0.1))
    faces += [
        _patch("rear", (-0.28, 0.28), (-0.42, -0.24), -1.001, PLATE, 9.0),
        _patch("front", (-0.5, 0.5), (-0.42, -0.2), 1.001, DARK, 7.0),
    ]
    faces += _prism(
        (-0.88, 0.42),
        0.9,
        (0.02, 1.0),
        GLASS,
        top=(-0.62, 0.1, 0.72),
        sides=(GLASS, GLASS, GLASS, GLASS, PAINT),
    )
    faces += _pillars()
    return _body(faces)


def _pillars() -> list[Face]:
    """Thin painted posts on the sides of the cabin."""
    faces: list[Face] = []
    for sign in (-1.0, 1.0):
        for low, high in ((-0.88, -0.62), (-0.26, -0.28), (0.42, 0.1)):
            ring = np.array(
                [
                    [low - 0.04, sign * 0.905, 0.02],
                    [low + 0.04, sign * 0.905, 0.02],
                    [high + 0.03, sign * 0.725, 1.0],
                    [high - 0.03, sign * 0.725, 1.0],
                ]
            )
            faces.append((ring if sign < 0 else ring[[1, 0, 3, 2]], PAINT_DARK, 12.0, 0))
    return faces


def _truck() -> Body:
    faces = _prism((-1.0, 0.52), 0.97, (-0.62, 1.0), PAINT, part=0)
    faces += [
        _patch("rear", (-0.9, 0.9), (-0.5, 0.92), -1.001, PAINT_DARK, 8.0),
        _patch("rear", (-0.03, 0.03), (-0.5, 0.92), -1.002, BLACK, 12.0),
    ]
    faces += _lights(-1.003, 1.003, 0.92, (-0.6, -0.46))
    faces += _wheels((-0.7, -0.42), 0.1, 0.62, 0.975, 5.0)
    cab = _prism((0.55, 1.0), 0.95, (-0.7, 0.62), PAINT_DARK, top=(0.55, 0.92, 0.92), part=1)
    cab += [
        _patch("front", (-0.85, 0.85), (0.02, 0.52), 1.002, GLASS, 4.0, 1),
        _patch("left", (0.66, 0.92), (0.05, 0.5), 0.955, GLASS, 6.0, 1),
        _patch("right", (0.66, 0.92), (0.05, 0.5), 0.955, GLASS, 6.0, 1),
    ]
    cab += _wheels((0.76,), 0.1, 0.62, 0.96, 5.0, 1)
    return _body(cab + faces, reverse=True)


def _bike() -> Body:
    faces = _prism((-0.95, -0.45), 0.12, (-1.0, -0.35), BLACK)
    faces += _prism((-0.6, 0.65), 0.22, (-0.62, -0.15), PAINT)
    faces += _prism((-0.35, 0.15), 0.62, (-0.3, 0.55), CLOTH, top=(-0.15, 0.2, 0.6), part=1)
    faces += _prism((-0.05, 0.25), 0.3, (0.58, 1.0), DARK, part=1)
    front = _prism((0.45, 0.95), 0.12, (-1.0, -0.35), BLACK, part=2)
    front += [_patch("rear", (-0.1, 0.1), (-0.2, -0.05), -0.61, TAIL, 3.0)]
    return _body(faces + front)


def _walker() -> Body:
    faces = _prism((-0.4, 0.45), 0.55, (-1.0, -0.05), CLOTH)
    faces += _prism((-0.55, 0.5), 0.9, (-0.12, 0.68), PAINT, top=(-0.4, 0.4, 0.75), part=0)
    faces += _prism((-0.4, 0.4), 0.4, (0.68, 1.0), SKIN, sides=(DARK, SKIN, SKIN, SKIN, DARK))
    return _body(faces)


def _signal() -> Body:
    faces = _prism((-1.0, 1.0), 1.0, (-1.0, 1.0), DARK)
    for lamp, (low, high) in ((RED, (0.4, 0.92)), (YELLOW, (-0.26, 0.26)), (GREEN, (-0.92, -0.4))):
        faces.append(_patch("front", (-0.7, 0.7), (low, high), 1.01, lamp, 1.0))
    return _body(faces)


def _body(faces: list[Face], reverse: bool = False) -> Body:
    """Packs faces; with `reverse` the parts are drawn in the opposite order from ahead."""
    parts = np.array([face[3] for face in faces])
    rows = np.arange(len(faces), dtype=float)
    # Parts as listed run from front to back; behind, the listed order is right.
    front = rows + (parts == 1) * 1000.0 if reverse else rows
    return Body(
        np.array([face[0] for face in faces]),
        np.array([face[1] for face in faces]),
        np.array([face[2] for face in faces], float),
        front,
    )


#: By style: car, truck, bike, walker, prop, traffic light.
BODIES: tuple[Body, ...] = (
    _car(),
    _truck(),
    _bike(),
    _walker(),
    _body(_prism((-1, 1), 1, (-1, 1), PAINT)),
    _signal(),
)
