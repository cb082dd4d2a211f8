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
    "set_timeout": lambda rig: rig.client.set_timeout(10.0) is None,
}

ACCEPTED: dict[str, Probe] = {
    "set_replayer_ignore_hero": lambda rig: rig.client.set_replayer_ignore_hero(True),
    "set_replayer_ignore_spectator": lambda rig: rig.client.set_replayer_ignore_spectator(True),
    "set_replayer_time_factor": lambda rig: rig.client.set_replayer_time_factor(1.0),
    "stop_recorder": lambda rig: rig.client.stop_recorder(),
    "stop_replayer": lambda rig: rig.client.stop_replayer(True),
}

REFUSED: dict[str, Probe] = {
    "replay_file": lambda rig: rig.client.replay_file("a.log", 0, 0, 0),
    "request_file": lambda rig: rig.client.request_file("no_such_file"),
    "show_recorder_actors_blocked": lambda rig: rig.client.show_recorder_actors_blocked(
        "a.log", 1, 1
    ),
    "show_recorder_collisions": lambda rig: rig.client.show_recorder_collisions("a.log", "a", "a"),
    "show_recorder_file_info": lambda rig: rig.client.show_recorder_file_info("a.log", False),
    "start_recorder": lambda rig: rig.client.start_recorder("a.log"),
}
