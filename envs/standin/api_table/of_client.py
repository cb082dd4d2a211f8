"""Probes of `carla.Client`."""

from __future__ import annotations

import carla

from envs.standin.api_table.rig import Probe, Rig


def _batch(rig: Rig) -> carla.command.ApplyVehicleControl:
    return carla.command.ApplyVehicleControl(rig.car.id, carla.VehicleControl(throttle=0.5))


def _changed(rig: Rig, world: carla.World) -> bool:
    return bool(world.id != rig.world.id and world.get_map().name)


def _traffic_manager(rig: Rig) -> bool:
    manager = rig.client.get_trafficmanager(23456)
    port = manager.get_port()
    manager.shut_down()
    return bool(port == 23456)


def _recording(rig: Rig, ticks: int = 20) -> str:
    """The name of a recording in which the car drives off."""
    rig.car.apply_control(carla.VehicleControl(throttle=1.0))
    name = rig.client.start_recorder("api_table.rec")
    rig.ticks(ticks)
    rig.client.stop_recorder()
    return str(name)


def _replayed(rig: Rig) -> bool:
    """Tell whether a playback brings the car back to where it was."""
    start = rig.car.get_location()
    name = _recording(rig, 40)
    moved = start.distance(rig.car.get_location())
    rig.client.replay_file(name, 0.0, 0.0, 0)
    rig.ticks(2)
    away = start.distance(rig.car.get_location())
    rig.client.stop_replayer(True)
    return bool(moved > 1.0 and away < 0.1)


def _left_out(rig: Rig) -> bool:
    """Tell whether a recording's hero is not made again."""
    blueprint = rig.library.find("vehicle.audi.tt")
    blueprint.set_attribute("role_name", "hero")
    hero = rig.world.spawn_actor(blueprint, rig.points[5])
    name = _recording(rig, 2)
    hero.destroy()
    rig.client.set_replayer_ignore_hero(True)
    rig.client.replay_file(name, 0.0, 0.0, 0)
    rig.ticks(2)
    rig.client.set_replayer_ignore_hero(False)
    return not rig.world.get_actors().filter("vehicle.audi.tt")


def _spectator_back(rig: Rig) -> bool:
    """Tell whether a playback puts the spectator where it was."""
    here = carla.Location(1.0, 2.0, 33.0)
    rig.world.get_spectator().set_location(here)
    name = _recording(rig, 3)
    rig.world.get_spectator().set_location(carla.Location())
    rig.client.set_replayer_ignore_spectator(False)
    rig.client.replay_file(name, 0.0, 0.0, 0)
    rig.ticks(2)
    rig.client.set_replayer_ignore_spectator(True)
    return bool(rig.world.get_spectator().get_location().distance(here) < 0.01)


def _sooner(rig: Rig) -> bool:
    """Tell whether a playback at four times the speed is further on after as many ticks."""
    name, places = _recording(rig, 40), []
    for factor in (1.0, 4.0):
        rig.client.set_replayer_time_factor(factor)
        rig.client.replay_file(name, 0.0, 0.0, 0)
        rig.ticks(8)
        places.append(rig.car.get_location())
        rig.client.stop_replayer(True)
    rig.client.set_replayer_time_factor(1.0)
    return bool(places[0].distance(places[1]) > 1.0)


def _ended(rig: Rig) -> bool:
    """Tell whether the car obeys again once a playback was stopped."""
    rig.client.replay_file(_recording(rig, 60), 0.0, 0.0, 0)
    rig.ticks(2)
    rig.client.stop_replayer(True)
    rig.car.apply_control(carla.VehicleControl(brake=1.0))
    rig.ticks(60)
    return bool(rig.car.get_velocity().length() < 0.1)


WORKS: dict[str, Probe] = {
    "apply_batch": lambda rig: rig.moved(lambda: rig.client.apply_batch([_batch(rig)])),
    "apply_batch_sync": lambda rig: not rig.client.apply_batch_sync([_batch(rig)])[0].error,
    "generate_opendrive_world": lambda rig: _changed(
        rig, rig.client.generate_opendrive_world(rig.map.to_opendrive())
    ),
    "get_available_maps": lambda rig: len(rig.client.get_available_maps()),
    "get_client_version": lambda rig: rig.client.get_client_version() == "0.9.16",
    "get_required_files": lambda rig: rig.client.get_required_files() is not None,
    "get_server_version": lambda rig: rig.client.get_server_version() == "0.9.16",
    "get_trafficmanager": _traffic_manager,
    "get_world": lambda rig: rig.client.get_world().id == rig.world.id,
    "load_world": lambda rig: _changed(rig, rig.client.load_world("Town01")),
    "load_world_if_different": lambda rig: rig.client.load_world_if_different("Town01") is None,
    "reload_world": lambda rig: _changed(rig, rig.client.reload_world()),
    "set_files_base_folder": lambda rig: rig.client.set_files_base_folder("/tmp") is not False,
    "replay_file": _replayed,
    "set_replayer_ignore_hero": _left_out,
    "set_replayer_ignore_spectator": _spectator_back,
    "set_replayer_time_factor": _sooner,
    "show_recorder_actors_blocked": lambda rig: (
        "Duration" in rig.client.show_recorder_actors_blocked(_recording(rig), 1, 1)
    ),
    "show_recorder_collisions": lambda rig: (
        "Actor 1" in rig.client.show_recorder_collisions(_recording(rig), "a", "a")
    ),
    "show_recorder_file_info": lambda rig: (
        "Create" in rig.client.show_recorder_file_info(_recording(rig), False)
    ),
    "start_recorder": _recording,
    "stop_recorder": lambda rig: (
        "Frames: 4" in rig.client.show_recorder_file_info(_recording(rig, 3), False)
    ),
    "stop_replayer": _ended,
    "set_timeout": lambda rig: rig.client.set_timeout(10.0) is None,
}

ACCEPTED: dict[str, Probe] = {}

REFUSED: dict[str, Probe] = {
    "request_file": lambda rig: rig.client.request_file("no_such_file"),
}
