"""Crowns of trees as small images with holes, in several sizes."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numba import i8, u4
from numpy.typing import NDArray

from envs.standin.compiled import named
from envs.standin.picture.types import Image, Pixels, pixels
from envs.standin.picture.weather import Light

_SIZES = (128, 64, 32, 16, 8)
KINDS = 8


class Crowns(NamedTuple):
    """Square images of crowns behind one another, BGRA read as uint32: of each kind all sizes.

    Attributes:
      first (KINDS, sizes), size (sizes,): first texel, and rows or columns, of each.
    """

    texels: Pixels
    first: NDArray[np.int64]
    size: NDArray[np.int64]


#: `Crowns` in compiled code.
CROWNS = named(Crowns, u4[::1], i8[:, ::1], i8[::1])


class Foliage:
    """Crown images under one light: kinds 0..3 are round, 4..7 pointed."""

    def __init__(self, plain: list[Image], light: Light) -> None:
        gain = np.append(light.ambient * 0.95 + light.direct * 0.75, 1.0)
        self.colours = np.array([_mean(picture) for picture in plain]) * gain[:3]
        levels = [pixels(level) for picture in plain for level in _levels(_lit(picture, gain))]
        end = np.cumsum([level.size for level in levels])
        size = np.array(_SIZES)
        self.crowns = Crowns(
            np.concatenate([level.ravel() for level in levels]),
            end.reshape(KINDS, -1) - size * size,
            size,
        )


def crowns(seed: int) -> list[Image]:
    """Unlit pictures of all kinds, BGRA."""
    rng = np.random.default_rng(seed)
    return [_crown(rng, pointed=kind >= KINDS // 2) for kind in range(KINDS)]


def _crown(rng: np.random.Generator, pointed: bool) -> Image:
    size = _SIZES[0]
    picture = np.zeros((size, size, 4), np.uint8)
    tint = np.array([44, 104, 66]) if not pointed else np.array([46, 78, 44])
    tint = tint * rng.uniform(0.8, 1.2) + rng.uniform(-8, 8, 3)
    for step in range(170):
        x, y = _leaf_place(rng, pointed)
        # Later tufts lie in front and catch more light; so do those at the top left.
        bright = 0.5 + 0.42 * step / 170.0 + 0.28 * (0.5 - y) + 0.1 * (0.5 - x)
        colour = np.clip(tint * bright * rng.uniform(0.85, 1.15), 0, 255)
        radius = rng.uniform(0.035, 0.085) * size
        cv2.ellipse(
            picture,
            (int(x * size), int(y * size)),
            (int(radius * 1.2), int(radius)),
            float(rng.uniform(0, 180)),
            0,
            360,
            (*(int(c) for c in colour), 255),
            -1,
            cv2.LINE_8,
        )
    return picture


def _leaf_place(rng: np.random.Generator, pointed: bool) -> tuple[float, float]:
    if pointed:
        y = float(rng.uniform(0.06, 0.94))
        return 0.5 + float(rng.uniform(-1, 1)) * 0.36 * (0.12 + 0.88 * y), y
    angle, reach = float(rng.uniform(0, 2 * np.pi)), float(np.sqrt(rng.uniform(0, 1)))
    return 0.5 + 0.39 * reach * float(np.cos(angle)), 0.5 + 0.4 * reach * float(np.sin(angle))


def _mean(picture: Image) -> NDArray[np.float64]:
    return picture[picture[..., 3] > 0, :3].mean(axis=0)


def _lit(picture: Image, gain: NDArray[np.float64]) -> Image:
    return np.clip(picture * gain, 0, 255).astype(np.uint8)


def _levels(picture: Image) -> list[Image]:
    levels = [picture]
    for size in _SIZES[1:]:
        levels.append(cv2.resize(levels[-1], (size, size), interpolation=cv2.INTER_AREA))
    return levels
