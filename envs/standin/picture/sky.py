"""The sky: gradient, sun, clouds and a far skyline, on a panorama of which a camera sees a part."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numba import f8, i8
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled
from envs.standin.picture import warp
from envs.standin.picture.camera import View
from envs.standin.picture.runs import SKY, Runs
from envs.standin.picture.types import Image, pixels
from envs.standin.picture.weather import Light

Array = NDArray[np.float64]
Floats = NDArray[Any]

_WIDTH, _HEIGHT = 1080, 200
#: The panorama reaches from this elevation (degrees) up to the zenith.
_LOWEST = -4.0
_PANELS = 24
_PANEL_WIDTH, _PANEL_HEIGHT = 448, 320
#: Half width, and lower and upper edge, of a panel at distance 1.
_SIDE, _BOTTOM, _TOP = 1.75, -0.35, 2.1


class Sky:
    """The sky under one light."""

    def __init__(self, light: Light, seed: int = 0) -> None:
        self._panorama = _panorama(light, seed)
        self._panels: dict[int, Image] = {}

    def draw(self, view: View, runs: Runs, rows: int, out: Image) -> None:
        """Draw the sky, which is in the first `rows` rows of `out` (H, W, 4)."""
        step = round(view.camera.yaw / (360.0 / _PANELS))
        matrix = _to_panel(view.eye.rays, math.radians(step * 360.0 / _PANELS))
        if _covered(matrix, view.camera.width, rows):
            panel = pixels(self._panel(step % _PANELS))
            warp.draw(panel, matrix, False, 1, runs, SKY, 0, rows, pixels(out))
        else:
            begin, end = runs.rows
            end = max(min(rows, end), begin)
            out[begin:end] = self._general(view, begin, end)

    def _panel(self, step: int) -> Image:
        if step not in self._panels:
            x = np.linspace(-_SIDE, _SIDE, _PANEL_WIDTH, dtype=np.float32)[None, :]
            y = np.linspace(_TOP, _BOTTOM, _PANEL_HEIGHT, dtype=np.float32)[:, None]
            azimuth = np.arctan(x) + np.float32(step * math.tau / _PANELS)
            elevation = np.arctan2(y, np.sqrt(1.0 + x * x))
            self._panels[step] = self._look_up(np.broadcast_to(azimuth, elevation.shape), elevation)
        return self._panels[step]

    def _general(self, view: View, begin: int, end: int) -> Image:
        """Any view, pixel by pixel: slower."""
        u = np.arange(view.camera.width) + 0.5
        v = np.arange(begin, end) + 0.5
        x, y, z = (row[0] * u[None, :] + row[1] * v[:, None] + row[2] for row in view.eye.rays)
        azimuth = np.arctan2(y, x).astype(np.float32)
        return self._look_up(azimuth, np.arctan2(z, np.hypot(x, y)).astype(np.float32))

    def _look_up(self, azimuth: Floats, elevation: Floats) -> Image:
        column = np.mod(azimuth, np.float32(math.tau)) * np.float32(_WIDTH / math.tau)
        share = (90.0 - np.degrees(elevation)) / (90.0 - _LOWEST)
        row = np.clip(share * (_HEIGHT - 1), 0, _HEIGHT - 1)
        return cv2.remap(
            self._panorama,
            column.astype(np.float32),
            row.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )


@called_with(f8[:, ::1], f8)
@compiled
def _to_panel(rays: Array, bearing: float) -> Array:
    """Image coordinates to panel index."""
    cos, sin = math.cos(bearing), math.sin(bearing)
    wide = (_PANEL_WIDTH - 1) / (2.0 * _SIDE)
    tall = (_PANEL_HEIGHT - 1) / (_TOP - _BOTTOM)
    matrix = np.empty((3, 3))
    for k in range(3):
        forward = cos * rays[0, k] + sin * rays[1, k]
        right = cos * rays[1, k] - sin * rays[0, k]
        matrix[0, k] = wide * right + wide * _SIDE * forward
        matrix[1, k] = tall * _TOP * forward - tall * rays[2, k]
        matrix[2, k] = forward
    return matrix


@called_with(f8[:, ::1], i8, i8)
@compiled
def _covered(matrix: Array, width: int, rows: int) -> bool:
    """Tell whether the panel holds all that the first rows of a picture see."""
    for column, row in ((0, 0), (width, 0), (0, rows), (width, rows)):
        x, y, w = matrix[:, 0] * column + matrix[:, 1] * row + matrix[:, 2]
        if w <= 1e-3 or x < -w or x > _PANEL_WIDTH * w or y < -w:
            return False
    return True


def _panorama(light: Light, seed: int) -> Image:
    """B, G, R, 255 by elevation (rows, zenith first) and azimuth (columns)."""
    azimuth = (np.arange(_WIDTH, dtype=np.float32) + 0.5) * np.float32(math.tau / _WIDTH)
    degrees = np.linspace(90.0, _LOWEST, _HEIGHT, dtype=np.float32)
    height = np.radians(degrees)[:, None]
    rise = np.clip(np.sin(height), 0.0, 1.0) ** 0.55
    zenith, horizon = light.zenith.astype(np.float32), light.horizon.astype(np.float32)
    colour = horizon + (zenith - horizon) * rise[..., None]
    colour = np.broadcast_to(colour, (_HEIGHT, _WIDTH, 3)).copy()
    bearing = math.atan2(light.sun[1], light.sun[0])
    sun_height = math.asin(light.sun[2])
    cosine = (
        np.sin(height) * math.sin(sun_height)
        + np.cos(height) * math.cos(sun_height) * np.cos(azimuth - bearing)[None, :]
    )
    _add_sun(colour, cosine, light)
    _add_clouds(colour, cosine, azimuth, height, light, seed)
    _add_skyline(colour, azimuth, degrees, light, seed)
    thick = 70.0 * (light.extinction - 0.0005) / (np.maximum(np.sin(height), 0.0) + 0.05)
    colour += (1.0 - np.exp(-thick))[..., None] * (light.haze - colour)
    image = np.full((_HEIGHT, _WIDTH, 4), 255, np.uint8)
    image[..., :3] = np.clip(colour, 0, 255)
    return image


def _add_sun(colour: Floats, cosine: Floats, light: Light) -> None:
    clear = 1.0 - light.clouds
    strength = np.float32(clear * (1.0 - light.night))
    tint = np.clip(light.direct / max(float(light.direct.max()), 1e-3), 0, 1).astype(np.float32)
    glow = np.maximum(cosine, 0.0) ** 24 * 90.0 + np.maximum(cosine, 0.0) ** 4 * 22.0
    disc = np.clip((cosine - 0.9988) / 0.0006, 0.0, 1.0) * 255.0
    colour += ((glow + disc) * strength)[..., None] * tint
    moon = np.clip((cosine - 0.9990) / 0.0005, 0.0, 1.0) * np.float32(190.0 * light.night * clear)
    colour += moon[..., None]


def _add_clouds(
    colour: Floats, cosine: Floats, azimuth: Floats, height: Floats, light: Light, seed: int
) -> None:
    reach = 1.0 / np.tan(np.maximum(height, np.radians(1.5)))
    scale = np.float32(60.0)
    x = (reach * np.cos(azimuth)[None, :]) * scale
    y = (reach * np.sin(azimuth)[None, :]) * scale
    noise = cv2.remap(
        _cloud_field(seed),
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    threshold = 0.78 - 0.8 * light.clouds
    cover = np.clip((noise - threshold) / 0.28, 0.0, 1.0)
    cover *= np.clip((np.degrees(height) - 1.0) / 9.0, 0.0, 1.0) * np.float32(0.92)
    bright = 0.5 + 0.5 * np.clip(light.ambient.mean() + light.direct.mean(), 0.0, 1.0)
    day = 1.0 - light.night
    white = np.array([250.0, 246.0, 244.0]) * bright * (1.0 - 0.32 * light.clouds)
    lit = white * (1.0 - 0.35 * light.rain) * day + light.horizon * (0.9 * light.night)
    lit = lit * (0.6 + 0.4 * np.clip(light.direct / max(light.direct.max(), 1e-3), 0, 1))
    shade = 1.0 - 0.30 * np.clip((noise - threshold - 0.2) / 0.5, 0.0, 1.0)
    shade = shade + 0.12 * np.maximum(cosine, 0.0) ** 6
    colour += cover[..., None] * (shade[..., None] * lit.astype(np.float32) - colour)


def _cloud_field(seed: int, size: int = 512) -> Floats:
    """Fractal noise around 0.5 that tiles."""
    rng = np.random.default_rng(seed)
    total = np.zeros((size, size), np.float32)
    weight = 0.0
    for cells, strength in ((8, 1.0), (16, 0.6), (32, 0.36), (64, 0.22), (128, 0.12)):
        coarse = np.pad(rng.random((cells, cells), dtype=np.float32), 2, mode="wrap")
        ratio = size // cells
        full = cv2.resize(coarse, (size + 4 * ratio,) * 2, interpolation=cv2.INTER_CUBIC)
        total += strength * full[2 * ratio : -2 * ratio, 2 * ratio : -2 * ratio]
        weight += strength
    return 0.5 + (total / weight - 0.5) * 2.0


def _add_skyline(colour: Floats, azimuth: Floats, degrees: Floats, light: Light, seed: int) -> None:
    """Hills and woods far away, hazy."""
    rng = np.random.default_rng(seed + 1)
    hills = np.full_like(azimuth, 1.3) + sum(
        rng.uniform(0.3, 0.7) * np.sin(azimuth * wave + rng.uniform(0, math.tau))
        for wave in (3, 5, 8, 13)
    )
    woods = 0.5 + 0.25 * rng.random(_WIDTH) + 0.25 * np.sin(azimuth * 21.0)
    light_level = light.ambient + 0.4 * light.direct
    for crest, tint, haze in (
        (hills, (118.0, 112.0, 92.0), 0.62),
        (woods, (70.0, 88.0, 66.0), 0.38),
    ):
        share = min(1.0, haze + 60.0 * light.extinction)
        paint = np.array(tint) * light_level * (1.0 - share) + light.haze * share
        soft = np.clip((crest[None, :] - degrees[:, None]) / 0.5 + 0.5, 0.0, 1.0)
        colour += soft[..., None].astype(np.float32) * (paint.astype(np.float32) - colour)


__all__ = ["Sky"]
