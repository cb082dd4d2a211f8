"""What lies between the camera and the ground: fog, the sky in wet asphalt, and falling rain."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.compiled import compiled
from envs.standin.picture.camera import View
from envs.standin.picture.types import Image
from envs.standin.picture.weather import Light

Array = NDArray[np.float64]

_SHEETS = 4


class Air:
    """Fog, reflections and rain under one light."""

    def __init__(self, light: Light) -> None:
        self._light = light
        self._rain: dict[tuple[int, int], list[Image]] = {}

    def veil(self, view: View, top: int, depth: Array, out: Image) -> None:
        """Mixes haze, and where it is wet the sky, into the rows from `top` on.

        depth: distance of the ground in each of these rows.
        """
        light = self._light
        fall = view.rays[2]
        rows = np.arange(top, len(out)) + 0.5
        slope = -(fall[0] * view.camera.width / 2.0 + fall[1] * rows + fall[2])
        if light.wet > 0.02:
            grazing = np.clip(1.0 - slope * 1.3, 0.0, 1.0)
            share = light.wet * (0.16 + 0.8 * grazing**2)
            _mix_rows(out[top:], share, 0.8 * light.horizon + 0.3 * light.zenith)
        if light.extinction * 200.0 > 0.01:
            _mix_rows(out[top:], light.fog(depth), light.haze)

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


def _mix_rows(rows: Image, share: Array, colour: Array) -> None:
    """Mixes a colour into rows, each to its own share."""
    paint = np.array([*np.clip(colour, 0.0, 255.0), 255.0], np.float32)
    _mix(rows.reshape(len(rows), -1), share.astype(np.float32), np.tile(paint, rows.shape[1]))


@compiled
def _mix(rows: Image, share: NDArray[np.float32], paint: NDArray[np.float32]) -> None:
    one, half, width = np.float32(1.0), np.float32(0.5), rows.shape[1]
    for row in range(len(rows)):
        if share[row] <= 0.008:
            continue
        veil = min(share[row], one)
        kept = one - veil
        for i in range(width):
            mixed = kept * np.float32(rows[row, i]) + veil * paint[i] + half
            rows[row, i] = np.uint8(np.int32(mixed))
