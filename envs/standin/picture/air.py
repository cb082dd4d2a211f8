"""Veils between camera and ground: fog, the sky in wet asphalt, falling rain."""

from __future__ import annotations

import cv2
import numpy as np
from numba import f8, i8, u4
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled
from envs.standin.picture.camera import EYE, Eye, descent
from envs.standin.picture.runs import GROUND, RUNS, Runs
from envs.standin.picture.types import Image, Pixels, pixels
from envs.standin.picture.warp import veil
from envs.standin.picture.weather import LIGHT, Light, bgra, fog

Array = NDArray[np.float64]

_SHEETS = 4
#: Smaller shares of haze are not seen.
_LEAST = 0.008


class Air:
    """Fog, reflections and rain under one light."""

    def __init__(self, light: Light) -> None:
        self._light = light
        self._mirrored = bgra(0.8 * light.horizon + 0.3 * light.zenith)
        self._haze = bgra(light.haze)
        self._rain: dict[tuple[int, int], list[Image]] = {}

    def veil(self, eye: Eye, runs: Runs, depth: Array, out: Image) -> None:
        """Mixes haze, and where it is wet the sky, into the ground.

        depth: distance of the ground in each row of the runs.
        """
        _veil(eye, self._light, runs, depth, self._mirrored, self._haze, pixels(out))

    def rain(self, out: Image, time: float) -> None:
        """Streaks over the whole picture, another sheet of them every 50 ms."""
        if self._light.rain < 0.05:
            return
        size = (out.shape[0], out.shape[1])
        if size not in self._rain:
            if len(self._rain) > 8:
                self._rain.clear()
            self._rain[size] = [self._sheet(size, seed) for seed in range(_SHEETS)]
        sheet = self._rain[size][round(time * 20.0) % _SHEETS]
        cv2.add(out, sheet, dst=out)

    def _sheet(self, size: tuple[int, int], seed: int) -> Image:
        rows, columns = size
        rng = np.random.default_rng(seed)
        sheet = np.zeros((rows, columns, 4), np.uint8)
        count = int(60 + 260 * self._light.rain)
        bright = 0.30 * float(self._light.horizon.mean()) + 12.0
        for x, y, length, strength in rng.random((count, 4)):
            start = (int(x * columns), int((1.3 * y - 0.15) * rows))
            long = (0.03 + 0.10 * length) * rows
            end = (int(start[0] + 0.12 * long), int(start[1] + long))
            value = (0.4 + 0.6 * strength) * bright
            wide = max(1, round(rows / 500.0))
            cv2.line(sheet, start, end, (value, value, value, 0), wide, cv2.LINE_AA)
        return sheet


@called_with(EYE, LIGHT, RUNS, f8[::1], i8, i8, u4[:, ::1])
@compiled
def _veil(
    eye: Eye, light: Light, runs: Runs, depth: Array, sky: int, haze: int, out: Pixels
) -> None:
    for row in range(len(depth)):
        y = runs.top + row
        grazing = min(max(1.0 - descent(eye, y) * 1.3, 0.0), 1.0)
        mirrored = light.wet * (0.16 + 0.8 * grazing**2) if light.wet > 0.02 else 0.0
        hazy = fog(light, depth[row])
        for run in range(runs.first[row], runs.first[row + 1]):
            if runs.what[run] == GROUND:
                line = out[y, runs.left[run] : runs.right[run]]
                if mirrored > _LEAST:
                    veil(line, min(mirrored, 1.0), sky)
                if hazy > _LEAST:
                    veil(line, hazy, haze)
