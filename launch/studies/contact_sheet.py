"""Draw the stand-in's towns, weathers and cameras in one picture.

Started by `td3jax contact_sheet` or `python -m launch.studies.contact_sheet`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import carla
import cv2
import numpy as np
from numpy.typing import NDArray

from envs.standin.picture import BIKE, BOX, CAR, SIGNAL, TRUCK, WALKER, Camera, Renderer
from envs.standin.town import TOWNS, Town, load_town
from launch.cli import run_command
from launch.config.flags import Command, Flag
from launch.errors import DONE, BadInput
from launch.files import write_whole

COMMAND = Command(
    "contact_sheet",
    __doc__,
    "td3jax contact_sheet --out=contact_sheet.jpg",
    (
        Flag("out", str, "docs/contact_sheet.jpg", "file to write, .jpg or .png"),
        Flag("frames", str, "", "folder for single frames of 800x600; none if empty"),
    ),
)

_WEATHERS = (
    "ClearNoon",
    "CloudyNoon",
    "ClearSunset",
    "WetSunset",
    "HardRainNoon",
    "ClearNight",
    "DustStorm",
)
_CAMERAS = ("grey 84x84", "rgb", "semantic", "instance", "depth", "from above", "chase")
_FIELDS = (
    "cloudiness",
    "precipitation",
    "precipitation_deposits",
    "wind_intensity",
    "sun_azimuth_angle",
    "sun_altitude_angle",
    "fog_density",
    "fog_distance",
    "fog_falloff",
    "wetness",
    "scattering_intensity",
    "mie_scattering_scale",
    "rayleigh_scattering_scale",
    "dust_storm",
)
_SIZE = (288, 192)
#: A spawn point of each town that shows its character.
_VIEWS = {"Town01": 16, "Town02": 16, "Town03": 34, "Town04": 10, "Town05": 185, "Town10HD": 40}
_MARGIN, _HEAD = 4, 16
_SHAPES = {
    CAR: (2.35, 0.98, 0.76, 14),
    TRUCK: (4.2, 1.25, 1.7, 15),
    BIKE: (1.1, 0.4, 0.8, 18),
    WALKER: (0.25, 0.3, 0.93, 12),
}

Image = NDArray[Any]


def weather(name: str) -> NDArray[np.float64]:
    """The numbers of a preset of `carla.WeatherParameters`."""
    preset = getattr(carla.WeatherParameters, name)
    return np.array([getattr(preset, field) for field in _FIELDS])


def traffic(town: Town, ego: int, seed: int = 5) -> NDArray[np.void]:
    """A car at a spawn point, traffic and walkers around it, and all traffic lights."""
    rng = np.random.default_rng(seed)
    points = town.spawn_points
    away = np.hypot(*(points[:, :2] - points[ego, :2]).T)
    boxes = np.zeros(25 + len(town.signals), BOX)
    for row, index in enumerate(np.argsort(away)[:25]):
        style = (CAR, CAR, CAR, CAR, TRUCK, CAR, BIKE, CAR, WALKER)[row % 9]
        half_x, half_y, half_z, tag = _SHAPES[style]
        x, y, z, pitch, yaw, _ = points[index]
        beside = 4.2 if style == WALKER else 0.0
        angle = math.radians(yaw)
        boxes[row] = (
            row + 1,
            x - beside * math.sin(angle),
            y + beside * math.cos(angle),
            z - 0.3 + half_z,
            pitch,
            yaw,
            0.0,
            half_x,
            half_y,
            half_z,
            *rng.integers(30, 250, 3),
            tag,
            style,
            8 if row % 3 == 0 else 0,
        )
    for row, light in enumerate(town.signals, start=25):
        boxes[row] = (
            row + 1,
            light.x,
            light.y,
            light.z,
            0.0,
            light.yaw,
            0.0,
            0.2,
            0.2,
            0.5,
            0,
            0,
            0,
            7,
            SIGNAL,
            2 * (light.phase_group % 2),
        )
    return boxes


def camera(town: Town, ego: int, kind: str = "rgb", size: tuple[int, int] = _SIZE) -> Camera:
    """The driver's camera of a car at a spawn point; kinds "from above" and "chase" as well."""
    x, y, z, pitch, yaw, _ = town.spawn_points[ego]
    forward, up, tilt = {"from above": (8.0, 38.0, -80.0), "chase": (-6.5, 3.2, -12.0)}.get(
        kind, (2.0, 1.5, 0.0)
    )
    angle = math.radians(yaw)
    sensor = kind if kind in ("semantic", "instance", "depth") else "rgb"
    return Camera(
        sensor,  # type: ignore[arg-type]
        *size,
        90.0,
        x + forward * math.cos(angle),
        y + forward * math.sin(angle),
        z - 0.3 + up,
        pitch + tilt,
        yaw,
    )


def show(picture: Image, kind: str) -> Image:
    """A camera's picture as one can look at it, B, G, R."""
    if kind == "semantic":
        palette = np.random.default_rng(3).integers(40, 230, (256, 3)).astype(np.uint8)
        return np.asarray(palette[picture[..., 2]])
    if kind == "instance":
        code = picture[..., :3].astype(np.uint32) @ np.array([97, 193, 389], np.uint32)
        return np.stack([(code * k) % 200 + 30 for k in (3, 7, 11)], axis=-1).astype(np.uint8)
    if kind == "depth":
        depth = picture[..., :3].astype(float) @ (65536.0, 256.0, 1.0) / (2**24 - 1) * 1000.0
        grey = 255.0 * np.log(np.clip(depth, 1.0, 1000.0)) / math.log(1000.0)
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    if kind.startswith("grey"):
        small = cv2.cvtColor(picture, cv2.COLOR_BGRA2GRAY)
        large = cv2.resize(small, (_SIZE[1], _SIZE[1]), interpolation=cv2.INTER_NEAREST)
        side = (_SIZE[0] - _SIZE[1]) // 2
        return cv2.cvtColor(np.pad(large, ((0, 0), (side, side))), cv2.COLOR_GRAY2BGR)
    return np.ascontiguousarray(picture[..., :3])


def labelled(picture: Image, text: str) -> Image:
    """The picture under a line of text."""
    head = np.full((_HEAD, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(head, text, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (30, 30, 30), 1, cv2.LINE_AA)
    cell = np.vstack([head, picture])
    return np.pad(cell, ((0, _MARGIN), (0, _MARGIN), (0, 0)), constant_values=255)


def sheet(towns: tuple[str, ...] = TOWNS) -> Image:
    """For each town one row under the weathers and one row through the cameras."""
    rows = []
    for name in towns:
        town, ego = load_town(name), _VIEWS[name]
        renderer = Renderer(town)
        boxes = traffic(town, ego)
        rows.append(
            np.hstack(
                [
                    labelled(
                        show(renderer.render(camera(town, ego), boxes, weather(kind)), "rgb"),
                        f"{name}  {kind}",
                    )
                    for kind in _WEATHERS
                ]
            )
        )
        rows.append(
            np.hstack(
                [
                    labelled(
                        show(
                            renderer.render(
                                camera(
                                    town, ego, kind, (84, 84) if kind.startswith("grey") else _SIZE
                                ),
                                boxes,
                                weather("ClearNoon"),
                            ),
                            kind,
                        ),
                        f"{name}  {kind}",
                    )
                    for kind in _CAMERAS
                ]
            )
        )
    return np.vstack(rows)


def frames(folder: Path) -> None:
    """Three single frames for the docs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in (("Town01", "ClearNoon"), ("Town04", "WetSunset"), ("Town02", "ClearNight")):
        town, ego = load_town(name), _VIEWS[name]
        picture = Renderer(town).render(
            camera(town, ego, "rgb", (800, 600)), traffic(town, ego), weather(kind)
        )
        _write(folder / f"{name.lower()}_{kind.lower()}.png", show(picture, "rgb"))


def _write(path: Path, picture: Image) -> None:
    options = [cv2.IMWRITE_JPEG_QUALITY, 82] if path.suffix == ".jpg" else []
    done, data = cv2.imencode(path.suffix, picture, options)
    if not done:
        raise OSError(f"cannot encode {path.name}")
    write_whole(path, data.tobytes())


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(COMMAND, argv, _body)


def _body(given: dict[str, Any]) -> int:
    out = Path(COMMAND.value(given, "out"))
    if out.suffix not in (".jpg", ".png"):
        raise BadInput(f"--out={out}: the file name must end in .jpg or .png")
    out.parent.mkdir(parents=True, exist_ok=True)
    _write(out, sheet())
    if given.get("frames"):
        frames(Path(given["frames"]))
    print(f"{out}: {out.stat().st_size // 1024} KiB")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
