"""Light on the ground: sun and shadows by day, street lamps at night, headlights of cars."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numba import f8, i8, u4
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled
from envs.standin.picture.camera import EYE, Eye, View
from envs.standin.picture.faces import Index, outlines
from envs.standin.picture.fill import Points, fill
from envs.standin.picture.groundview import GroundView
from envs.standin.picture.hillview import HillView
from envs.standin.picture.movers import MOVERS, Movers, beams
from envs.standin.picture.runs import Runs, multiply
from envs.standin.picture.statics import shading
from envs.standin.picture.types import Image, Pixels, pixels
from envs.standin.picture.weather import LIGHT, Light
from envs.standin.town.model import Scenery

Array = NDArray[np.float64]

CELL = 0.4
#: A gain of 1 as a byte.
UNIT = 140.0
#: Columns beyond which shadows of vehicles are drawn in more steps.
_FINE = 240
#: Corners of a box's foot, and the light of far and of near headlights.
_X, _Y = np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, -1.0, 1.0])
_BEAM_COLOURS = np.array([[50, 62, 66, 0], [92, 112, 118, 0]], np.uint8)
_UP = np.array([[0.0, 0.0, 1.0]])
_LAMP_REACH = 11.0
_SHADOW_REACH = 70.0


class Patches(NamedTuple):
    """Polygons in a picture, as in `Outlines`, each with its colour."""

    points: Points
    counts: Index
    colours: Pixels


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
        self.texture[0, 0] = self.shaded if lamps else self.lit

    def draw(
        self,
        ground: GroundView | HillView,
        view: View,
        runs: Runs,
        shadows: Patches,
        beams: Image | None,
        gain: Image,
        out: Image,
    ) -> None:
        """Multiplies the ground with the light that falls on it; `gain` is a picture to work in."""
        rows = slice(*runs.rows)
        if self.plain:
            gain[rows] = self.shaded
        else:
            ground.look_down(self.texture, self.low, CELL, view, runs, gain)
        _fill(shadows, runs.top, gain[rows])
        if beams is not None:
            cv2.add(gain[rows], beams[rows], dst=gain[rows])
        multiply(out, gain, UNIT, runs)

    def shadows(self, eye: Eye, movers: Movers) -> Patches:
        """The dark under vehicles, and by day their shadows."""
        sunny = not self.plain and self.light.night < 0.3
        steps = (4 if eye.width > _FINE else 2) if sunny else 0
        dark = (*(0.45 * self.shaded[:3]).astype(np.uint8), self.shaded[3])
        colours = pixels(np.array([self.shaded, dark], np.uint8))
        return _shadows(eye, movers, self._lean, steps, colours)

    def beams(self, eye: Eye, movers: Movers) -> Image | None:
        """Light of headlights on the ground, BGRA, to be added to the gain; None by day."""
        if self.light.night <= 0.2:
            return None
        pool = np.zeros((eye.height, eye.width, 4), np.uint8)
        _fill(_pools(eye, movers, self.light, pixels(_BEAM_COLOURS)), 0, pool)
        wide = max(3, eye.width // 24)
        return np.asarray(cv2.blur(pool, (wide, wide)))

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
                [along + across, along - across, -along - across, -along + across]
            )
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
                block = share[line : line + len(stamp), column : column + len(stamp)]
                cv2.max(block, stamp[: block.shape[0], : block.shape[1]], dst=block)


def _fill(patches: Patches, top: int, rows: Image) -> None:
    fill(patches.points, patches.counts, patches.colours, 0, len(patches.counts), top, pixels(rows))


def _lean(light: Light) -> Array:
    """Return a shadow's reach per metre of height, at most a few metres."""
    length = min(np.hypot(*light.sun[:2]) / max(light.sun[2], 0.02), 4.0)
    return -light.sun[:2] / max(np.hypot(*light.sun[:2]), 1e-6) * length


def _byte_colour(gain: Array) -> NDArray[np.uint8]:
    return np.append(np.clip(gain * UNIT, 0, 255), UNIT).astype(np.uint8)


def _ramp(low: NDArray[np.uint8], high: NDArray[np.uint8]) -> Image:
    share = np.linspace(0.0, 1.0, 256)[:, None]
    return np.rint(low + (high.astype(float) - low) * share).astype(np.uint8)


@called_with(EYE, MOVERS, f8[::1], i8, u4[::1])
@compiled
def _shadows(eye: Eye, movers: Movers, lean: Array, steps: int, colours: Pixels) -> Patches:
    """Shadows of boxes on the ground, then the dark under them.

    A shadow is the outline of its box, moved away from the sun in steps of the box's height.
    """
    near = _near(eye.place, movers.centre)
    corners, group = np.empty(((steps + 1) * len(near), 4, 3)), 0
    for step in range(steps + 1):
        under = step == steps
        share = 0.0 if under else 1.8 * (step + 1.0) / steps
        for i in near:
            centre, half, turn = movers.centre[i], movers.half[i], movers.turn[i]
            long = (0.98 if under else 0.97) * half[0]
            wide = (1.02 if under else 0.97) * half[1]
            for corner in range(4):
                x, y = long * _X[corner], wide * _Y[corner]
                for axis in (0, 1):
                    corners[group, corner, axis] = (
                        centre[axis]
                        + turn[axis, 0] * x
                        + turn[axis, 1] * y
                        + share * half[2] * lean[axis]
                    )
                corners[group, corner, 2] = centre[2] - half[2] + 0.01
            group += 1
    seen = outlines(eye, corners)
    colour = np.empty(len(seen.face), np.uint32)
    for row, patch in enumerate(seen.face):
        colour[row] = colours[0 if patch < steps * len(near) else 1]
    return Patches(seen.points, seen.counts, colour)


@called_with(EYE, MOVERS, LIGHT, u4[::1])
@compiled
def _pools(eye: Eye, movers: Movers, light: Light, colours: Pixels) -> Patches:
    """Trapezoids on the road ahead of cars: wide and faint ones, then short and bright ones."""
    near = _near(eye.place, movers.centre)
    corners, count = np.empty((2 * len(near), 4, 3)), 0
    for reach, spread in ((26.0, 4.2), (15.0, 2.6)):
        for i in near:
            if not beams(movers, i, light):
                continue
            centre, half, turn = movers.centre[i], movers.half[i], movers.turn[i]
            for corner in range(4):
                x = half[0] + (0.8 if corner < 2 else reach)
                y = (0.9 if corner < 2 else spread) * (1.0 if corner in (1, 2) else -1.0)
                for axis in (0, 1):
                    corners[count, corner, axis] = (
                        centre[axis] + turn[axis, 0] * x + turn[axis, 1] * y
                    )
                corners[count, corner, 2] = centre[2] - half[2] + 0.01
            count += 1
    seen = outlines(eye, corners[:count])
    colour = np.empty(len(seen.face), np.uint32)
    for row, patch in enumerate(seen.face):
        colour[row] = colours[0 if 2 * patch < count else 1]
    return Patches(seen.points, seen.counts, colour)


@compiled
def _near(place: Array, centre: Array) -> Index:
    """Things whose shadow or headlights may reach what the camera sees of the ground."""
    found, count = np.empty(len(centre), np.int64), 0
    for i in range(len(centre)):
        if (centre[i, 0] - place[0]) ** 2 + (centre[i, 1] - place[1]) ** 2 < _SHADOW_REACH**2:
            found[count] = i
            count += 1
    return found[:count]
