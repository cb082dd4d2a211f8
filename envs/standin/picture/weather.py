"""Light under a weather. Parameters as in `carla.WeatherParameters`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import f8
from numpy.typing import NDArray

from envs.standin.compiled import called_with, compiled, named

Array = NDArray[np.float64]

CLOUDINESS, PRECIPITATION, DEPOSITS, WIND, AZIMUTH, ALTITUDE = range(6)
FOG_DENSITY, FOG_DISTANCE, FOG_FALLOFF, WETNESS = range(6, 10)
DUST = 13


class Light(NamedTuple):
    """Light, sky and air. Colours are B, G, R gains or values; directions are unit vectors.

    Attributes:
      sun: towards the sun (or the moon at night).
      direct, ambient: light from the sun and from the sky; on flat ground at noon they add to 1.
      zenith, horizon: colours of the sky, 0..255.
      haze: colour of the fog, 0..255.
      extinction: share of light lost per metre, beyond `clear` metres.
      night: 0 by day, 1 at night.
    """

    sun: Array
    direct: Array
    ambient: Array
    zenith: Array
    horizon: Array
    haze: Array
    extinction: float
    clear: float
    clouds: float
    wet: float
    rain: float
    night: float


#: `Light` in compiled code.
LIGHT = named(Light, f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8, f8, f8, f8, f8, f8)


@compiled
def fog(light: Light, distance: float) -> float:
    """Share of the haze in what is seen at a distance."""
    return 1.0 - math.exp(-light.extinction * max(distance - light.clear, 0.0))


@called_with(f8[::1])
@compiled
def bgra(colour: Array) -> int:
    """A colour (3,) of values 0 to 255 as an opaque pixel."""
    code = 255
    for c in (2, 1, 0):
        code = (code << 8) | int(np.rint(min(max(colour[c], 0.0), 255.0)))
    return code


def light_of(weather: Array) -> Light:
    """The light under these 14 weather parameters; missing ones (-1) count as 0."""
    share = np.clip(np.asarray(weather, float) / 100.0, 0.0, 1.0)
    altitude, azimuth = float(weather[ALTITUDE]), float(weather[AZIMUTH])
    clouds, rain, dust = share[CLOUDINESS], share[PRECIPITATION], share[DUST]
    day, high = _ramp(altitude, -8.0, 10.0), _ramp(altitude, -1.0, 40.0)
    low_sun = day * (1.0 - _ramp(altitude, 8.0, 36.0)) * (1.0 - 0.7 * clouds)
    gray = np.array([1.0, 1.0, 1.0])
    direct = (0.62 * _ramp(altitude, -1.0, 14.0) * (1.0 - 0.88 * clouds)) * _mix(
        gray, np.array([0.42, 0.80, 1.35]), low_sun
    )
    skylight = (0.46 + 0.16 * clouds) * (0.55 + 0.45 * high) * day
    ambient = skylight * _mix(np.array([1.08, 1.0, 0.94]), np.array([0.95, 0.9, 1.0]), low_sun)
    ambient = ambient * (1.0 - 0.25 * rain) + (1.0 - day) * np.array([0.19, 0.14, 0.12])
    brightness = (0.35 + 0.65 * high) * day * (1.0 - 0.35 * rain)
    zenith = _mix(np.array([205.0, 140.0, 75.0]), np.array([168.0, 160.0, 152.0]), clouds)
    horizon = _mix(np.array([232.0, 214.0, 190.0]), np.array([196.0, 192.0, 186.0]), clouds)
    horizon = _mix(horizon, np.array([120.0, 170.0, 250.0]), 0.85 * low_sun)
    tint = np.array([90.0, 140.0, 180.0])
    zenith, horizon = _mix(zenith, tint, 0.8 * dust), _mix(horizon, tint, 0.9 * dust)
    zenith = zenith * brightness + (1.0 - day) * np.array([26.0, 14.0, 9.0])
    horizon = horizon * (0.15 + 0.85 * brightness) * day
    horizon = horizon + (1.0 - day) * np.array([44.0, 29.0, 22.0])
    elevation = math.radians(max(altitude, 3.0) if altitude > -4.0 else 50.0)
    bearing = math.radians(azimuth)
    cos = math.cos(elevation)
    return Light(
        sun=np.array([cos * math.cos(bearing), cos * math.sin(bearing), math.sin(elevation)]),
        direct=direct,
        ambient=ambient,
        zenith=zenith,
        horizon=horizon,
        haze=_mix(horizon, gray * float(horizon.mean()), 0.4),
        extinction=float(0.0005 + 0.028 * share[FOG_DENSITY] ** 2 + 0.004 * rain + 0.02 * dust),
        clear=max(0.0, float(weather[FOG_DISTANCE])),
        clouds=float(clouds),
        rain=float(rain),
        night=1.0 - day,
        wet=min(1.0, float(max(share[WETNESS], 1.2 * share[DEPOSITS], 0.7 * rain))),
    )


def _ramp(value: float, low: float, high: float) -> float:
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    return share * share * (3.0 - 2.0 * share)


def _mix(a: Array, b: Array, share: float) -> Array:
    return a + (b - a) * share
