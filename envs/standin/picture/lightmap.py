"""Light on the ground: sun and shadows by day, street lamps at night, headlights of cars."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.compiled import compiled
from envs.standin.picture.camera import View
from envs.standin.picture.faces import Index, outlines
from envs.standin.picture.fill import fill, pixels
from envs.standin.picture.groundview import GroundView
from envs.standin.picture.hillview import HillView
from envs.standin.picture.movers import Movers
from envs.standin.picture.statics import shading
from envs.standin.picture.types import Image
from envs.standin.picture.weather import Light
from envs.standin.town.model import Scenery

Array = NDArray[np.float64]

CELL = 0.4
#: A gain of 1 as a byte.
UNIT = 140.0
_UP = np.array([[0.0, 0.0, 1.0]])
_LONGEST = 45.0
_LAMP_REACH = 11.0
_SHADOW_REACH = 70.0


class LightMap:
    """Gain of the ground's colours, seen from above, for one light."""

    def __init__(self, scenery: Scenery, low: Array, size: Array, light: Light) -> None:
        self.light = light
        self.low = low
        columns, rows = np.ceil(size / CELL).astype(int)
        # Wet ground is darker.
        dry = 1.0 - 0.5 * light.wet
        self.lit = _byte_colour(shading(_UP, light)[0] * dry)
        self.shaded = _byte_colour(light.ambient * dry)
        lamps = light.night > 0.3
        self.plain = not lamps and float(light.direct.max()) < 0.05
        self._lean = _lean(light)
        share = np.zeros((rows, columns), np.uint8)
        if lamps:
            self._lamps(share, scenery)
        elif not self.plain:
            share[:] = 255
            self._shadows(share, scenery)
            cv2.blur(share, (3, 3), dst=share)
        self.texture = _ramp(self.shaded, self._brightest(lamps))[share]

    def draw(
        self, ground: GroundView | HillView, view: View, top: int, movers: Movers, out: Image
    ) -> None:
        """Multiplies the rows of `out` from `top` on with the light that falls on them."""
        rows, columns = out.shape[0] - top, out.shape[1]
        step = 2 if columns > 240 else 1
        size = (-(-columns // step), -(-rows // step))
        if self.plain:
            gain = np.full((size[1], size[0], 4), self.shaded, np.uint8)
        else:
            outside = self.lit if self.light.night <= 0.3 else self.shaded
            gain = ground.look_down(self.texture, self.low, CELL, view, top, step,
                                    tuple(int(c) for c in outside))
        self._vehicles(view, top, step, movers, gain)
        if step > 1:
            gain = cv2.resize(gain, (size[0] * step, size[1] * step))
        _shine(out[top:].reshape(rows, -1), gain.reshape(len(gain), -1))

    def _vehicles(self, view: View, top: int, step: int, movers: Movers, gain: Image) -> None:
        movers = movers.take(_near(view.place, movers.centre))
        if not len(movers):
            return
        blue, green, red, opaque = self.shaded.tolist()
        shade = (blue, green, red, opaque)
        contact = (int(0.45 * blue), int(0.45 * green), int(0.45 * red), opaque)
        sunny = not self.plain and self.light.night < 0.3
        steps = (4 if step > 1 else 2) if sunny else 0
        patches = _patches(movers.centre, movers.half, movers.turn, self._lean, steps)
        self._fill(view, top, step, patches, [shade] * steps + [contact], gain)
        if self.light.night <= 0.2:
            return
        on = np.flatnonzero(movers.beams(self.light))
        if len(on):
            pool = np.zeros_like(gain)
            some = movers.take(on)
            beams = np.concatenate([_beam(some, 26.0, 4.2), _beam(some, 15.0, 2.6)])
            self._fill(view, top, step, beams, [(50, 62, 66, 0), (92, 112, 118, 0)], pool)
            wide = max(3, gain.shape[1] // 24)
            cv2.add(gain, cv2.blur(pool, (wide, wide)), dst=gain)

    def _fill(
        self, view: View, top: int, step: int, patches: Array, colours: list[tuple[int, ...]],
        out: Image,
    ) -> None:
        """Draws quadrilaterals (len(colours) * N, 4, 3), N of each colour."""
        shapes = outlines(view, patches, top, step)
        group = shapes.index // (len(patches) // len(colours))
        paint = pixels(np.array(colours, np.uint8))
        fill(shapes.points, shapes.counts, paint[group], 0, len(group), pixels(out))

    def _brightest(self, lamps: bool) -> NDArray[np.uint8]:
        if not lamps:
            return self.lit
        return _byte_colour(self.light.ambient + np.array([0.34, 0.55, 0.68]) * self.light.night)

    def _texels(self, points: Array) -> NDArray[np.int32]:
        return np.rint(((points - self.low) / CELL - 0.5) * 16.0).astype(np.int32)

    def _shadows(self, share: Image, scenery: Scenery) -> None:
        lean = self._lean
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


@compiled
def _near(place: Array, centre: Array) -> Index:
    """Things whose shadow or headlights may reach what the camera sees of the ground."""
    found, count = np.empty(len(centre), np.int64), 0
    for i in range(len(centre)):
        if (centre[i, 0] - place[0]) ** 2 + (centre[i, 1] - place[1]) ** 2 < _SHADOW_REACH**2:
            found[count] = i
            count += 1
    return found[:count]


_X, _Y = np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, -1.0, 1.0])


@compiled
def _patches(centre: Array, half: Array, turn: Array, lean: Array, steps: int) -> Array:
    """Shadows of boxes on the ground, then the dark under them: ((steps + 1) * N, 4, 3).

    A shadow is the outline of its box, moved away from the sun in steps of the box's height.
    """
    count = len(centre)
    patches = np.empty(((steps + 1) * count, 4, 3))
    for group in range(steps + 1):
        under = group == steps
        share = 0.0 if under else 1.8 * (group + 1.0) / steps
        for i in range(count):
            long = (0.98 if under else 0.97) * half[i, 0]
            wide = (1.02 if under else 0.97) * half[i, 1]
            for corner in range(4):
                x, y = long * _X[corner], wide * _Y[corner]
                patch = patches[group * count + i, corner]
                for axis in (0, 1):
                    patch[axis] = (centre[i, axis] + turn[i, axis, 0] * x + turn[i, axis, 1] * y
                                   + share * half[i, 2] * lean[axis])
                patch[2] = centre[i, 2] - half[i, 2] + 0.01
    return patches


def _beam(movers: Movers, reach: float, spread: float) -> Array:
    """Trapezoids on the road ahead of cars."""
    x = movers.half[:, :1] + np.array([0.8, 0.8, reach, reach])
    y = np.array([-0.9, 0.9, spread, -spread])
    turn = movers.turn
    world = np.empty((len(movers), 4, 3))
    for axis in (0, 1):
        world[..., axis] = (movers.centre[:, axis, None] + turn[:, axis, 0, None] * x
                            + turn[:, axis, 1, None] * y)
    world[..., 2] = (movers.centre[:, 2] - movers.half[:, 2])[:, None] + 0.01
    return world


@compiled
def _shine(rows: Image, gain: Image) -> None:
    """Multiplies bytes by gains, of which UNIT stands for 1."""
    one, half, width = np.float32(1.0 / UNIT), np.float32(0.5), rows.shape[1]
    for row in range(len(rows)):
        for i in range(width):
            value = np.float32(rows[row, i]) * np.float32(gain[row, i]) * one + half
            rows[row, i] = np.uint8(np.int32(min(value, np.float32(255.0))))
