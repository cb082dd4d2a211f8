"""The blueprint library: every actor that can be spawned, with its attributes."""

from __future__ import annotations

from functools import cache
from typing import Any

from envs.standin import box_table
from envs.standin.vehicle_table import VEHICLES, VehicleSpec

BOOL, INT, FLOAT, STRING, COLOR = 1, 2, 3, 4, 5

_COLORS = ("17,37,103", "180,0,0", "230,230,230", "25,25,28", "120,125,130", "13,90,60")

Attribute = list[Any]


def _attribute(
    name: str, kind: int, value: str, recommended: tuple[str, ...] = (), modifiable: bool = True
) -> Attribute:
    return [name, kind, value, list(recommended or (value,)), modifiable, False]


def _fixed(name: str, kind: int, value: str) -> Attribute:
    return _attribute(name, kind, value, (), False)


def _role(value: str = "default") -> Attribute:
    choices = ("autopilot", "scenario", "ego_vehicle") if value == "autopilot" else ()
    return _attribute("role_name", STRING, value, choices)


def _floats(**values: float) -> list[Attribute]:
    return [_attribute(name, FLOAT, repr(float(value))) for name, value in values.items()]


def _tick() -> Attribute:
    return _attribute("sensor_tick", FLOAT, "0.0")


def _vehicle(spec: VehicleSpec) -> tuple[str, str, list[Attribute]]:
    first = sum(map(ord, spec.name)) % len(_COLORS)
    colors = _COLORS[first:] + _COLORS[:first]
    base = "motorcycle" if spec.kind == "motorcycle" else spec.kind
    dynamic_doors = spec.generation == 2 and spec.wheels == 4
    attributes = [
        _fixed("number_of_wheels", INT, str(spec.wheels)),
        _fixed("base_type", STRING, base),
        _fixed("special_type", STRING, spec.special),
        _fixed("generation", INT, str(spec.generation)),
        _fixed("object_type", STRING, ""),
        _fixed("has_lights", BOOL, "true" if spec.kind != "bicycle" else "false"),
        _fixed("has_dynamic_doors", BOOL, "true" if dynamic_doors else "false"),
        _attribute("sticky_control", BOOL, "true"),
        _attribute("terramechanics", BOOL, "false"),
        _attribute("color", COLOR, colors[0], colors),
        _role("autopilot"),
    ]
    if spec.wheels == 2:
        drivers = tuple(str(number) for number in range(1, 4))
        attributes.append(_attribute("driver_id", INT, "1", drivers))
    maker, model = spec.name.split(".")
    return f"vehicle.{spec.name}", f"{maker},vehicle,{model}", attributes


def _people() -> list[str]:
    return [f"walker.pedestrian.{number:04d}" for number in box_table.WALKERS]


def _walker(name: str) -> tuple[str, str, list[Attribute]]:
    number = int(name.rsplit(".", 1)[1])
    age = "adult" if box_table.WALKERS[number][2] > 1.5 else "child"
    attributes = [
        _fixed("gender", STRING, "female" if number % 2 == 0 else "male"),
        _fixed("age", STRING, age),
        _fixed("generation", INT, "2" if number > 14 else "1"),
        _attribute("is_invincible", BOOL, "true"),
        _attribute("speed", FLOAT, "0.0", ("0.0", "1.45", "2.95")),
        _fixed("can_use_wheelchair", BOOL, "false"),
        _attribute("use_wheelchair", BOOL, "false"),
        _role("pedestrian"),
    ]
    return name, f"{number:04d},pedestrian,walker", attributes


def _camera_size() -> list[Attribute]:
    return [
        _attribute("image_size_x", INT, "800"),
        _attribute("image_size_y", INT, "600"),
        _attribute("fov", FLOAT, "90.0"),
        *_floats(
            lens_circle_falloff=5.0,
            lens_circle_multiplier=0.0,
            lens_k=-1.0,
            lens_kcube=0.0,
            lens_x_size=0.08,
            lens_y_size=0.08,
        ),
    ]


def _film() -> list[Attribute]:
    return [
        _attribute("enable_postprocess_effects", BOOL, "true"),
        _attribute("exposure_mode", STRING, "histogram", ("histogram", "manual")),
        _attribute("chromatic_aberration_intensity", FLOAT, "0.0"),
        *_floats(
            gamma=2.2,
            shutter_speed=200.0,
            iso=100.0,
            fstop=1.4,
            min_fstop=1.2,
            blade_count=5,
            exposure_compensation=0.0,
            exposure_min_bright=10.0,
            exposure_max_bright=12.0,
            exposure_speed_up=3.0,
            exposure_speed_down=1.0,
            calibration_constant=16.0,
            focal_distance=1000.0,
            blur_amount=1.0,
            blur_radius=0.0,
            bloom_intensity=0.675,
            lens_flare_intensity=0.1,
            motion_blur_intensity=0.45,
            motion_blur_max_distortion=0.35,
            motion_blur_min_object_screen_size=0.1,
            slope=0.88,
            toe=0.55,
            shoulder=0.26,
            black_clip=0.0,
            white_clip=0.04,
            temp=6500.0,
            tint=0.0,
            chromatic_aberration_offset=0.0,
        ),
    ]


def _lidar() -> list[Attribute]:
    return [
        _attribute("channels", INT, "32"),
        _attribute("points_per_second", INT, "56000"),
        *_floats(
            range=10.0,
            rotation_frequency=10.0,
            upper_fov=10.0,
            lower_fov=-30.0,
            horizontal_fov=360.0,
        ),
    ]


def _noise_axes(*names: str) -> list[Attribute]:
    return _floats(**{name: 0.0 for name in names})


def _cameras() -> list[tuple[str, list[Attribute]]]:
    plain = (
        "depth",
        "normals",
        "semantic_segmentation",
        "instance_segmentation",
        "optical_flow",
        "cosmos_visualization",
    )
    events = _floats(
        positive_threshold=0.3,
        negative_threshold=0.3,
        sigma_positive_threshold=0.0,
        sigma_negative_threshold=0.0,
        log_eps=0.001,
    )
    switches = [
        _attribute("refractory_period_ns", INT, "0"),
        _attribute("use_log", BOOL, "true"),
    ]
    return [
        ("sensor.camera.rgb", [*_camera_size(), *_film(), _tick()]),
        *((f"sensor.camera.{name}", [*_camera_size(), _tick()]) for name in plain),
        ("sensor.camera.dvs", [*_camera_size(), *_film(), *events, *switches, _tick()]),
    ]


def _rays() -> list[tuple[str, list[Attribute]]]:
    seed = _attribute("noise_seed", INT, "0")
    losses = _floats(
        atmosphere_attenuation_rate=0.004,
        dropoff_general_rate=0.45,
        dropoff_intensity_limit=0.8,
        dropoff_zero_intensity=0.4,
        noise_stddev=0.0,
    )
    radar = _floats(horizontal_fov=30.0, vertical_fov=30.0, range=100.0)
    points = _attribute("points_per_second", INT, "1500")
    obstacle = [
        *_floats(distance=5.0, hit_radius=0.5),
        _attribute("only_dynamics", BOOL, "false"),
        _attribute("debug_linetrace", BOOL, "false"),
    ]
    return [
        ("sensor.lidar.ray_cast", [*_lidar(), *losses, seed, _tick()]),
        ("sensor.lidar.ray_cast_semantic", [*_lidar(), _tick()]),
        ("sensor.other.radar", [*radar, points, seed, _tick()]),
        ("sensor.other.obstacle", [*obstacle, _tick()]),
    ]


def _motion_sensors() -> list[tuple[str, list[Attribute]]]:
    seed = _attribute("noise_seed", INT, "0")
    accel = _noise_axes(*(f"noise_accel_stddev_{axis}" for axis in "xyz"))
    gyro = _noise_axes(
        *(f"noise_gyro_{part}_{axis}" for part in ("bias", "stddev") for axis in "xyz")
    )
    places = _noise_axes(
        *(f"noise_{axis}_{part}" for axis in ("alt", "lat", "lon") for part in ("bias", "stddev"))
    )
    return [
        ("sensor.other.imu", [*accel, *gyro, seed, _tick()]),
        ("sensor.other.gnss", [*places, seed, _tick()]),
        ("sensor.other.collision", []),
        ("sensor.other.lane_invasion", []),
    ]


@cache
def library() -> dict[str, list[Any]]:
    """Every blueprint as `[uid, id, tags, attributes]` by id, in a fixed order."""
    entries = [_vehicle(spec) for spec in VEHICLES]
    entries += [_walker(name) for name in _people()]
    for name, attributes in [*_cameras(), *_rays(), *_motion_sensors()]:
        tags = ",".join(reversed(name.split(".")))
        entries.append(
            (name, tags, [*attributes, _role("front" if "camera" in name else "default")])
        )
    for name in box_table.PROPS:
        size = _attribute("size", STRING, "small", ("tiny", "small", "medium", "big"), False)
        entries.append((f"static.prop.{name}", f"{name},prop,static", [size, _role()]))
    for name in ("static.trigger.friction", "controller.ai.walker", "util.actor.empty"):
        extra = _floats(friction=3.5, extent_x=1.0, extent_y=1.0, extent_z=1.0)
        attributes = [*(extra if name.endswith("friction") else []), _role()]
        entries.append((name, ",".join(reversed(name.split("."))), attributes))
    return {
        name: [uid, name, tags, attributes]
        for uid, (name, tags, attributes) in enumerate(entries, start=1)
    }
