"""A fixed lens: the middle of the picture, where the road meets the horizon, is shown larger, and
the field of view stays what it is.

A row or column of the result at u, from -1 at one edge to 1 at the other, shows the camera's at
u / m + (1 - 1 / m) u^3: m times larger in the middle, smaller towards the edges, which stay.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np


def shown(places: np.ndarray, magnification: float) -> np.ndarray:
    """Return the camera's places that the result shows at `places`, both in [-1, 1]."""
    least = 1.0 / magnification
    return least * places + (1.0 - least) * places**3


@functools.cache
def edges(size: int, length: int, magnification: float) -> np.ndarray:
    """Return float64 (size + 1,): where each pixel begins and ends, in the camera's pixels."""
    places = shown(np.linspace(-1.0, 1.0, size + 1), magnification)
    found = 0.5 * (places + 1.0) * length
    found.flags.writeable = False
    return found


def through_lens(picture: np.ndarray, size: int, magnification: float) -> np.ndarray:
    """Return uint8 (size, size) of a grey uint8 (H, W): each pixel the mean of the area it shows,
    so nothing that is smaller flickers."""
    down, right = (edges(size, length, magnification) for length in picture.shape)
    sums = _between(_between(cv2.integral(picture), down).T, right).T
    areas = np.diff(down)[:, None] * np.diff(right)
    return np.rint(sums / areas).astype(np.uint8)


def _between(integral: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the sums (N - 1, M) between `places` (N,) along the first axis of an integral."""
    whole = np.minimum(places.astype(np.intp), len(integral) - 2)
    share = (places - whole)[:, None]
    return np.diff(integral[whole] * (1.0 - share) + integral[whole + 1] * share, axis=0)
