"""Probes of `carla.World`."""

from __future__ import annotations

import time
from typing import Any

import carla

from envs.standin.api_table.rig import Probe, Rig


def _weather(rig: Rig) -> bool:
    rig.world.set_weather(carla.WeatherParameters(cloudiness=77.0))
    return bool(rig.world.get_weather().cloudiness == 77.0)


def _settings(rig: Rig) -> bool:
    settings = rig.world.get_settings()
    settings.max_substeps = 5
    rig.world.apply_settings(settings)
    return bool(rig.world.get_settings().max_substeps == 5)


def _callback(rig: Rig) -> bool:
    seen: list[int] = []
    identity = rig.world.on_tick(lambda snapshot: seen.append(snapshot.frame))
    frame = rig.ticks()
    deadline = time.monotonic() + 2.0
    while frame not in seen and time.monotonic() < deadline:
        time.sleep(0.01)
    rig.world.remove_on_tick(identity)
    return frame in seen


def _waited(rig: Rig) -> bool:
    settings = rig.world.get_settings()
    settings.synchronous_mode = False
    rig.world.apply_settings(settings)
    return bool(rig.world.wait_for_tick(2.0).frame > 0)


def _gravity(rig: Rig) -> bool:
    rig.world.set_imui_sensor_gravity(1.5)
    return bool(rig.world.get_imui_sensor_gravity() == 1.5)


def _frozen(rig: Rig) -> bool:
    rig.world.freeze_all_traffic_lights(True)
    rig.ticks()
    return all(light.is_frozen() for light in _lights(rig))


def _lights(rig: Rig) -> list[Any]:
    rig.ticks()
    return list(rig.world.get_actors().filter("traffic.traffic_light"))


def _blocked(rig: Rig) -> bool:
    return rig.world.try_spawn_actor(rig.library.find("vehicle.audi.tt"), rig.points[0]) is None


def _ray(rig: Rig) -> int:
    start = rig.points[1].location + carla.Location(z=5)
    return len(rig.world.cast_ray(start, start - carla.Location(z=20)))


def _projected(rig: Rig) -> object:
    start = rig.points[1].location + carla.Location(z=5)
    return rig.world.project_point(start, carla.Vector3D(0, 0, -1), 20.0)


def _light_of_junction(rig: Rig) -> bool:
    lights = _lights(rig)
    junctions = [j for a, b in rig.map.get_topology() for j in (a, b) if j.is_junction]
    found = rig.world.get_traffic_lights_in_junction(junctions[0].junction_id)
    return not lights or found is not None


def _texture(rig: Rig, kind: str) -> Any:
    pixels = carla.TextureColor(2, 2) if kind == "plain" else carla.TextureFloatColor(2, 2)
    return pixels


def _navigation(rig: Rig) -> bool:
    """The same seed gives the same places, on pavements."""
    rig.world.set_pedestrians_cross_factor(0.5)
    places = []
    for _ in range(2):
        rig.world.set_pedestrians_seed(7)
        places.append(rig.world.get_random_location_from_navigation())
    return places[0] is not None and bool(places[0] == places[1])


_DIFFUSE = carla.MaterialParameter.Diffuse

WORKS: dict[str, Probe] = {
    "apply_settings": _settings,
    "cast_ray": _ray,
    "freeze_all_traffic_lights": _frozen,
    "get_actor": lambda rig: rig.world.get_actor(rig.car.id).id == rig.car.id,
    "get_actors": lambda rig: rig.world.get_actors().find(rig.car.id) is not None,
    "get_blueprint_library": lambda rig: len(rig.world.get_blueprint_library()) > 100,
    "get_environment_objects": lambda rig: len(rig.world.get_environment_objects()),
    "get_imui_sensor_gravity": _gravity,
    "get_level_bbs": lambda rig: len(rig.world.get_level_bbs()),
    "get_lightmanager": lambda rig: rig.world.get_lightmanager() is not None,
    "get_map": lambda rig: rig.world.get_map().name,
    "get_names_of_all_objects": lambda rig: len(rig.world.get_names_of_all_objects()),
    "get_random_location_from_navigation": _navigation,
    "get_settings": lambda rig: rig.world.get_settings().synchronous_mode,
    "get_snapshot": lambda rig: rig.world.get_snapshot().find(rig.car.id) is not None,
    "get_spectator": lambda rig: rig.world.get_spectator().type_id == "spectator",
    "get_traffic_light": lambda rig: rig.world.get_traffic_light(_landmark(rig)) is not False,
    "get_traffic_light_from_opendrive_id": lambda rig: (
        rig.world.get_traffic_light_from_opendrive_id("none") is None
    ),
    "get_traffic_lights_from_waypoint": lambda rig: (
        rig.world.get_traffic_lights_from_waypoint(_waypoint(rig), 50.0) is not None
    ),
    "get_traffic_lights_in_junction": _light_of_junction,
    "get_vehicles_light_states": lambda rig: (
        rig.car.id in dict(rig.world.get_vehicles_light_states())
    ),
    "get_weather": _weather,
    "ground_projection": lambda rig: rig.world.ground_projection(
        rig.points[1].location + carla.Location(z=2), 10.0
    ),
    "id": lambda rig: rig.world.id,
    "on_tick": _callback,
    "project_point": _projected,
    "remove_on_tick": _callback,
    "reset_all_traffic_lights": lambda rig: rig.world.reset_all_traffic_lights() is None,
    "set_imui_sensor_gravity": _gravity,
    "set_pedestrians_cross_factor": _navigation,
    "set_pedestrians_seed": _navigation,
    "set_weather": _weather,
    "spawn_actor": lambda rig: rig.spawn("vehicle.audi.tt", rig.points[9]).id,
    "tick": lambda rig: rig.ticks(2) > rig.world.get_snapshot().frame - 1,
    "try_spawn_actor": _blocked,
    "wait_for_tick": _waited,
}


def _waypoint(rig: Rig) -> carla.Waypoint:
    return rig.map.get_waypoint(rig.points[0].location)


def _landmark(rig: Rig) -> Any:
    landmarks = rig.map.get_all_landmarks_of_type("1000001")
    if not landmarks:
        raise LookupError("the map has no traffic light to ask for")
    return landmarks[0]


ACCEPTED: dict[str, Probe] = {
    "debug": lambda rig: rig.world.debug.draw_point(rig.points[0].location),
    "enable_environment_objects": lambda rig: rig.world.enable_environment_objects({1}, False),
    "load_map_layer": lambda rig: rig.world.load_map_layer(carla.MapLayer.Props),
    "set_annotations_traverse_translucency": lambda rig: (
        rig.world.set_annotations_traverse_translucency(True)
    ),
    "unload_map_layer": lambda rig: rig.world.unload_map_layer(carla.MapLayer.Props),
    "get_traffic_sign": lambda rig: rig.world.get_traffic_sign(_landmark(rig)),
}

REFUSED: dict[str, Probe] = {
    "apply_color_texture_to_object": lambda rig: rig.world.apply_color_texture_to_object(
        "a", _DIFFUSE, _texture(rig, "plain")
    ),
    "apply_color_texture_to_objects": lambda rig: rig.world.apply_color_texture_to_objects(
        ["a"], _DIFFUSE, _texture(rig, "plain")
    ),
    "apply_float_color_texture_to_object": lambda rig: (
        rig.world.apply_float_color_texture_to_object("a", _DIFFUSE, _texture(rig, "float"))
    ),
    "apply_float_color_texture_to_objects": lambda rig: (
        rig.world.apply_float_color_texture_to_objects(["a"], _DIFFUSE, _texture(rig, "float"))
    ),
    "apply_textures_to_object": lambda rig: rig.world.apply_textures_to_object(
        "a",
        _texture(rig, "plain"),
        _texture(rig, "float"),
        _texture(rig, "float"),
        _texture(rig, "float"),
    ),
    "apply_textures_to_objects": lambda rig: rig.world.apply_textures_to_objects(
        ["a"],
        _texture(rig, "plain"),
        _texture(rig, "float"),
        _texture(rig, "float"),
        _texture(rig, "float"),
    ),
}
