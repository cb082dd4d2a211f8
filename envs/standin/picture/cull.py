"""Which things a camera can see at all: those in the picture, not hidden behind houses."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from envs.standin.picture.camera import View
from envs.standin.picture.statics import Statics

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_BINS = 64
_NEAR = 0.12


def visible(view: View, centre: Array, radius: Array, reach: float) -> Index:
    """Things whose sphere is in the picture and nearer than `reach`."""
    local = view.to_camera(centre)
    depth = local[:, 0]
    wide = view.camera.width / (2.0 * view.focal)
    tall = view.camera.height / (2.0 * view.focal)
    inside = (depth > _NEAR - radius) & (depth < reach)
    inside &= np.abs(local[:, 1]) - depth * wide < radius * math.hypot(1.0, wide)
    inside &= np.abs(local[:, 2]) - depth * tall < radius * math.hypot(1.0, tall)
    return np.flatnonzero(inside)


class Screen:
    """The skyline of the houses in front of a camera, by bearing and distance."""

    def __init__(self, view: View, statics: Statics, chosen: Index) -> None:
        """chosen: the static things in the picture; the houses among them hide what is behind."""
        self._view = view
        half = math.atan(view.camera.width / (2.0 * view.focal)) * 1.05
        self._half, self._bin = half, 2.0 * half / _BINS
        camera = view.camera
        usable = abs(camera.pitch) < 30.0 and abs(camera.roll) < 20.0 and half < 1.2
        houses = chosen[statics.house[chosen]] if usable else chosen[:0]
        bearing, reach = self._polar(statics.footprint[houses].reshape(-1, 2))
        bearing, reach = bearing.reshape(-1, 4), reach.reshape(-1, 4)
        first, last = bearing.min(axis=1), bearing.max(axis=1)
        far = reach.max(axis=1)
        good = (last - first < 2.0) & (reach.min(axis=1) > 1.0)
        rise = statics.top[houses] - camera.z
        slope = np.where(rise > 0.0, rise / far, rise / reach.min(axis=1))
        order = np.argsort(far, kind="stable")
        order = order[good[order]]
        self._far = far[order]
        begin = np.ceil((first[order] + half) / self._bin)
        end = np.floor((last[order] + half) / self._bin)
        bins = np.arange(_BINS)
        covered = (bins >= begin[:, None]) & (bins < end[:, None])
        profile = np.full((len(order) + 1, _BINS), -np.inf)
        profile[1:] = np.where(covered, slope[order, None], -np.inf)
        self._profile = np.maximum.accumulate(profile, axis=0)

    def shows(self, centre: Array, radius: Array, top: Array) -> NDArray[np.bool_]:
        """Whether any part of things may rise above the houses before them; (N,) each."""
        if len(self._far) == 0:
            return np.ones(len(centre), bool)
        bearing, reach = self._polar(centre[:, :2])
        close = reach < 1.5 * radius
        width = np.arcsin(np.minimum(radius / np.maximum(reach, 1e-6), 0.99))
        first = np.floor((bearing - width + self._half) / self._bin)
        last = np.floor((bearing + width + self._half) / self._bin)
        rise = top - self._view.camera.z
        near = np.maximum(reach - radius, 0.1)
        slope = rise / np.where(rise > 0.0, near, reach + radius)
        before = self._profile[np.searchsorted(self._far, near)]
        bins = np.arange(_BINS)
        own = (bins >= first[:, None]) & (bins <= last[:, None])
        hidden = ~(own & (before < slope[:, None])).any(axis=1) & own.any(axis=1)
        return close | ~hidden

    def _polar(self, places: Array) -> tuple[Array, Array]:
        """Bearing from the camera's yaw in rad, and horizontal distance."""
        yaw = math.radians(self._view.camera.yaw)
        dx, dy = places[:, 0] - self._view.camera.x, places[:, 1] - self._view.camera.y
        cos, sin = math.cos(yaw), math.sin(yaw)
        return np.arctan2(dy * cos - dx * sin, dx * cos + dy * sin), np.hypot(dx, dy)
