"""Light on the ground: sun and shadows by day, street lamps at night, headlights of cars."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.picture.camera import View
from envs.standin.picture.faces import (
    SHIFT,
    centres,
    half_sizes,
    headlights_on,
    outlines,
    rotations,
)
from envs.standin.picture.statics import shading
from envs.standin.picture.weather import Light
from envs.standin.town.model import Scenery

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

CELL = 0.4
#: A gain of 1 as a byte.
UNIT = 140.0
_UP = np.array([0.0, 0.0, 1.0])
_LONGEST = 45.0
_LAMP_REACH = 11.0


class LightMap:
    """Gain of the ground's colours, seen from above, for one light."""

    def __init__(self, scenery: Scenery, low: Array, size: Array, light: Light) -> None:
        self.light = light
        self.low = low
        columns, rows = np.ceil(size / CELL).astype(int)
        self.lit = _byte_colour(shading(_UP, light))
        self.shaded = _byte_colour(light.ambient)
        lamps = light.night > 0.3
        self.plain = not lamps and float(light.direct.max()) < 0.05
        share = np.zeros((rows, columns), np.uint8)
        if lamps:
            self._lamps(share, scenery)
        elif not self.plain:
            share[:] = 255
            self._shadows(share, scenery)
            cv2.blur(share, (3, 3), dst=share)
        self.texture = _ramp(self.shaded, self._brightest(lamps))[share]

    def draw(self, view: View, top: int, boxes: NDArray[np.void], out: Image) -> None:
        """Multiplies the rows of `out` from `top` on with the light that falls on them."""
        rows, columns = out.shape[0] - top, out.shape[1]
        step = 2 if columns > 240 else 1
        size = (-(-columns // step), -(-rows // step))
        gain = self._static(view, top, step, size)
        self._vehicles(view, top, step, boxes, gain)
        if step > 1:
            gain = cv2.resize(gain, (size[0] * step, size[1] * step))[:rows, :columns]
        block = out[top:]
        cv2.multiply(block, gain, dst=block, scale=1.0 / UNIT)

    def _static(self, view: View, top: int, step: int, size: tuple[int, int]) -> Image:
        if self.plain:
            return np.full((size[1], size[0], 4), self.shaded, np.uint8)
        to_texel = np.array([
            [1.0 / CELL, 0.0, -self.low[0] / CELL - 0.5],
            [0.0, 1.0 / CELL, -self.low[1] / CELL - 0.5], [0.0, 0.0, 1.0],
        ])
        to_pixel = np.array([[step, 0.0, step / 2.0], [0.0, step, top + step / 2.0], [0, 0, 1.0]])
        matrix = to_texel @ view.ground(0.0) @ to_pixel
        outside = self.lit if self.light.night <= 0.3 else self.shaded
        return cv2.warpPerspective(
            self.texture, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT, borderValue=tuple(int(c) for c in outside))

    def _vehicles(
        self, view: View, top: int, step: int, boxes: NDArray[np.void], gain: Image
    ) -> None:
        if not len(boxes):
            return
        contact = tuple(int(0.45 * c) for c in self.shaded[:3]) + (int(UNIT),)
        if not self.plain and self.light.night < 0.3:
            shade = tuple(int(c) for c in self.shaded)
            self._fill(view, top, step, _cast(boxes, self.light), shade, gain)
        self._fill(view, top, step, _feet(boxes), contact, gain)
        beams = boxes[headlights_on(boxes, self.light)] if self.light.night > 0.2 else boxes[:0]
        if len(beams):
            pool = np.zeros_like(gain)
            self._fill(view, top, step, _beam(beams, 26.0, 4.2), (50, 62, 66, 0), pool)
            self._fill(view, top, step, _beam(beams, 15.0, 2.6), (92, 112, 118, 0), pool)
            wide = max(3, gain.shape[1] // 24)
            cv2.add(gain, cv2.blur(pool, (wide, wide)), dst=gain)

    def _fill(
        self, view: View, top: int, step: int, corners: Array, colour: tuple[int, ...], out: Image
    ) -> None:
        _, polygons = outlines(view, corners)
        offset = np.array([0, top << SHIFT])
        for polygon in polygons:
            cv2.fillConvexPoly(out, (polygon - offset) // step, colour, cv2.LINE_8, SHIFT)

    def _brightest(self, lamps: bool) -> NDArray[np.uint8]:
        if not lamps:
            return self.lit
        return _byte_colour(self.light.ambient + np.array([0.34, 0.55, 0.68]) * self.light.night)

    def _texels(self, points: Array) -> NDArray[np.int32]:
        return np.rint(((points - self.low) / CELL - 0.5) * 16.0).astype(np.int32)

    def _shadows(self, share: Image, scenery: Scenery) -> None:
        lean = _lean(self.light)
        for row in scenery.buildings:
            angle = np.radians(row["yaw"])
            along = np.array([np.cos(angle), np.sin(angle)]) * row["half_x"]
            across = np.array([-np.sin(angle), np.cos(angle)]) * row["half_y"]
            foot = np.array([row["x"], row["y"]]) + np.array(
                [along + across, along - across, -along - across, -along + across])
            self._cast(share, foot, lean * row["height"])
        ring = np.array([[np.cos(a), np.sin(a)] for a in np.arange(8) * np.pi / 4.0])
        for row in scenery.trees:
            foot, middle = np.array([row["x"], row["y"]]), (row["trunk"] + row["height"]) / 2.0
            crown = foot + lean * middle + ring * row["radius"] * 0.9
            cv2.fillConvexPoly(share, self._texels(crown), 40, cv2.LINE_8, 4)
            self._cast(share, foot + ring[::2] * 0.15, lean * middle)
        for row in scenery.lamps:
            foot = np.array([row["x"], row["y"]])
            self._cast(share, foot + ring[::2] * 0.1, lean * row["height"])

    def _cast(self, share: Image, foot: Array, lean: Array) -> None:
        both = self._texels(np.concatenate([foot, foot + lean]))
        cv2.fillConvexPoly(share, cv2.convexHull(both), 0, cv2.LINE_8, 4)

    def _lamps(self, share: Image, scenery: Scenery) -> None:
        reach = int(_LAMP_REACH / CELL)
        across = np.linspace(-1.0, 1.0, 2 * reach + 1)
        fall = np.clip(1.0 - np.hypot(across[:, None], across[None, :]), 0.0, 1.0) ** 1.4
        stamp = (255.0 * fall).astype(np.uint8)
        for row in scenery.lamps:
            angle = np.radians(row["yaw"])
            head = np.array([row["x"] + 1.7 * np.cos(angle), row["y"] + 1.7 * np.sin(angle)])
            column, line = np.rint((head - self.low) / CELL).astype(int) - reach
            if min(column, line) >= 0:
                block = share[line:line + len(stamp), column:column + len(stamp)]
                cv2.max(block, stamp[:block.shape[0], :block.shape[1]], dst=block)


def _lean(light: Light) -> Array:
    """How far a shadow reaches per metre of height, at most a few metres."""
    length = min(np.hypot(*light.sun[:2]) / max(light.sun[2], 0.02), 4.0)
    return -light.sun[:2] / max(np.hypot(*light.sun[:2]), 1e-6) * length


def _byte_colour(gain: Array) -> NDArray[np.uint8]:
    return np.append(np.clip(gain * UNIT, 0, 255), UNIT).astype(np.uint8)


def _ramp(low: NDArray[np.uint8], high: NDArray[np.uint8]) -> Image:
    share = np.linspace(0.0, 1.0, 256)[:, None]
    return np.rint(low + (high.astype(float) - low) * share).astype(np.uint8)


def _rectangles(boxes: NDArray[np.void], x: Array, y: Array, shift: Array) -> Array:
    """Ground rectangles (N, 4, 3): corners at x (4,) and y (4,) of the half sizes, shifted."""
    turn, half = rotations(boxes), half_sizes(boxes)
    local = np.zeros((len(boxes), 4, 3))
    local[..., 0], local[..., 1] = x * half[:, :1], y * half[:, 1:2]
    world = np.matmul(local, turn.transpose(0, 2, 1)) + centres(boxes)[:, None, :]
    world[..., :2] += shift
    world[..., 2] = (centres(boxes)[:, 2] - half[:, 2])[:, None] + 0.01
    return world


def _feet(boxes: NDArray[np.void]) -> Array:
    x, y = np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, -1.0, 1.0])
    return _rectangles(boxes, 0.98 * x, 1.02 * y, np.zeros(2))


def _cast(boxes: NDArray[np.void], light: Light) -> Array:
    """Shadows of boxes: their outline leaned away from the sun, in two pieces."""
    x, y = np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, -1.0, 1.0])
    lean = _lean(light) * 0.9
    steps = [lean * share for share in (0.25, 0.5, 0.75, 1.0)]
    height = 2.0 * half_sizes(boxes)[:, 2]
    return np.concatenate([
        _rectangles(boxes, 0.97 * x, 0.97 * y, (height[:, None] * step)[:, None, :])
        for step in steps
    ])


def _beam(boxes: NDArray[np.void], reach: float, spread: float) -> Array:
    """Trapezoids on the road ahead of cars."""
    turn, half = rotations(boxes), half_sizes(boxes)
    local = np.zeros((len(boxes), 4, 3))
    local[:, :2, 0] = half[:, :1] + 0.8
    local[:, 2:, 0] = half[:, :1] + reach
    local[:, :, 1] = np.array([-0.9, 0.9, spread, -spread])
    world = np.matmul(local, turn.transpose(0, 2, 1)) + centres(boxes)[:, None, :]
    world[..., 2] = (centres(boxes)[:, 2] - half[:, 2])[:, None] + 0.01
    return world
