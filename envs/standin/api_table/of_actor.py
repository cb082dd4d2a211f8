"""Probes of `carla.Vehicle` (with what it has from `carla.Actor`) and `carla.Sensor`."""

from __future__ import annotations

import carla

from envs.standin.api_table.rig import Probe, Rig


def _push(x: float) -> carla.Vector3D:
    return carla.Vector3D(x, x, 0.0)


def _turned(rig: Rig, call: object) -> bool:
    rig.ticks()
    return bool(abs(rig.car.get_angular_velocity().z) > 0.01)


def _speed(rig: Rig) -> bool:
    rig.car.set_target_velocity(_push(3.0))
    rig.ticks()
    return bool(rig.car.get_velocity().length() > 1.0)


def _held(rig: Rig) -> bool:
    rig.car.enable_constant_velocity(carla.Vector3D(x=3.0))
    rig.ticks(5)
    fast = rig.car.get_velocity().length() > 2.5
    rig.car.disable_constant_velocity()
    rig.ticks(80)
    return bool(fast and rig.car.get_velocity().length() < 2.5)


def _destroyed(rig: Rig) -> bool:
    other = rig.spawn("vehicle.audi.tt", rig.points[6])
    rig.ticks()
    return bool(other.destroy())


def _teleported(rig: Rig, call: object) -> bool:
    rig.ticks()
    return bool(rig.car.get_location().distance(rig.points[7].location) < 0.6)


def _still(rig: Rig) -> bool:
    rig.car.set_simulate_physics(False)
    return not rig.moved(lambda: rig.car.apply_control(carla.VehicleControl(throttle=1.0)))


def _floating(rig: Rig) -> bool:
    place = rig.car.get_transform()
    place.location.z += 5.0
    rig.car.set_enable_gravity(False)
    rig.car.set_transform(place)
    rig.ticks(10)
    return bool(rig.car.get_location().z > place.location.z - 0.5)


def _ghost(rig: Rig) -> bool:
    ahead = rig.car.get_transform()
    ahead.location += ahead.get_forward_vector() * 8.0
    ahead.location.z += 0.3
    rig.spawn("vehicle.audi.tt", ahead)
    rig.car.set_collisions(False)
    rig.car.set_target_velocity(ahead.get_forward_vector() * 10.0)
    rig.ticks(30)
    return bool(rig.car.get_velocity().length() > 5.0)


def _heavier(rig: Rig) -> bool:
    physics = rig.car.get_physics_control()
    physics.mass = 5000.0
    rig.car.apply_physics_control(physics)
    return bool(rig.car.get_physics_control().mass == 5000.0)


def _lit(rig: Rig) -> bool:
    rig.car.set_light_state(carla.VehicleLightState.LowBeam)
    return bool(rig.car.get_light_state() == carla.VehicleLightState.LowBeam)


def _gains(rig: Rig) -> bool:
    settings = rig.car.get_ackermann_controller_settings()
    settings.speed_kp = 0.5
    rig.car.apply_ackermann_controller_settings(settings)
    return bool(rig.car.get_ackermann_controller_settings().speed_kp == 0.5)


def _steered(rig: Rig) -> bool:
    rig.car.apply_control(carla.VehicleControl(steer=0.2))
    rig.ticks(10)
    return bool(rig.car.get_wheel_steer_angle(carla.VehicleWheelLocation.FL_Wheel) > 5.0)


def _piloted(rig: Rig) -> bool:
    manager = rig.client.get_trafficmanager(23457)
    manager.set_synchronous_mode(True)
    moved = rig.moved(lambda: rig.car.set_autopilot(True, 23457), 40)
    rig.car.set_autopilot(False, 23457)
    manager.shut_down()
    return moved


_WHEEL, _DOOR = carla.VehicleWheelLocation.FL_Wheel, carla.VehicleDoor.FL

ACTOR_WORKS: dict[str, Probe] = {
    "actor_state": lambda rig: rig.car.actor_state == carla.ActorState.Active,
    "add_angular_impulse": lambda rig: _turned(
        rig, rig.car.add_angular_impulse(carla.Vector3D(z=5e4))
    ),
    "add_force": lambda rig: rig.moved(lambda: rig.car.add_force(_push(2e5))),
    "add_impulse": lambda rig: rig.moved(lambda: rig.car.add_impulse(_push(2e4))),
    "add_torque": lambda rig: _turned(rig, rig.car.add_torque(carla.Vector3D(z=1e5))),
    "attributes": lambda rig: rig.car.attributes["number_of_wheels"] == "4",
    "bounding_box": lambda rig: rig.car.bounding_box.extent.x > 2.0,
    "destroy": _destroyed,
    "disable_constant_velocity": _held,
    "enable_constant_velocity": _held,
    "get_acceleration": lambda rig: rig.car.get_acceleration() is not None,
    "get_angular_velocity": lambda rig: rig.car.get_angular_velocity() is not None,
    "get_component_names": lambda rig: len(rig.car.get_component_names()),
    "get_component_relative_transform": lambda rig: (
        rig.car.get_component_relative_transform("root") is not None
    ),
    "get_component_world_transform": lambda rig: (
        rig.car.get_component_world_transform("root").location.distance(rig.car.get_location())
        < 0.1
    ),
    "get_bone_names": lambda rig: len(rig.car.get_bone_names()),
    "get_bone_relative_transforms": lambda rig: len(rig.car.get_bone_relative_transforms()),
    "get_bone_world_transforms": lambda rig: len(rig.car.get_bone_world_transforms()),
    "get_socket_names": lambda rig: len(rig.car.get_socket_names()),
    "get_socket_relative_transforms": lambda rig: len(rig.car.get_socket_relative_transforms()),
    "get_socket_world_transforms": lambda rig: len(rig.car.get_socket_world_transforms()),
    "get_location": lambda rig: rig.car.get_location().distance(rig.points[0].location) < 1.0,
    "get_transform": lambda rig: rig.car.get_transform() is not None,
    "get_velocity": _speed,
    "get_world": lambda rig: rig.car.get_world().id == rig.world.id,
    "id": lambda rig: rig.car.id,
    "is_active": lambda rig: rig.car.is_active,
    "is_alive": lambda rig: rig.car.is_alive,
    "is_dormant": lambda rig: not rig.car.is_dormant,
    "parent": lambda rig: rig.camera.parent.id == rig.car.id,
    "semantic_tags": lambda rig: 14 in list(rig.car.semantic_tags),
    "set_collisions": _ghost,
    "set_enable_gravity": _floating,
    "set_location": lambda rig: _teleported(rig, rig.car.set_location(rig.points[7].location)),
    "set_simulate_physics": _still,
    "set_target_angular_velocity": lambda rig: _turned(
        rig, rig.car.set_target_angular_velocity(carla.Vector3D(z=60.0))
    ),
    "set_target_velocity": _speed,
    "set_transform": lambda rig: _teleported(rig, rig.car.set_transform(rig.points[7])),
    "type_id": lambda rig: rig.car.type_id == "vehicle.tesla.model3",
}

WORKS: dict[str, Probe] = ACTOR_WORKS | {
    "apply_ackermann_control": lambda rig: rig.moved(
        lambda: rig.car.apply_ackermann_control(carla.VehicleAckermannControl(speed=5.0)), 40
    ),
    "apply_ackermann_controller_settings": _gains,
    "apply_control": lambda rig: rig.moved(
        lambda: rig.car.apply_control(carla.VehicleControl(throttle=1.0))
    ),
    "apply_physics_control": _heavier,
    "get_ackermann_controller_settings": _gains,
    "get_control": lambda rig: rig.car.get_control() is not None,
    "get_failure_state": lambda rig: rig.car.get_failure_state() is not None,
    "get_light_state": _lit,
    "get_physics_control": _heavier,
    "get_speed_limit": lambda rig: rig.car.get_speed_limit() > 0,
    "get_telemetry_data": lambda rig: len(rig.car.get_telemetry_data().wheels) == 4,
    "get_traffic_light": lambda rig: rig.car.get_traffic_light() is not False,
    "get_traffic_light_state": lambda rig: rig.car.get_traffic_light_state() is not None,
    "get_vehicle_bone_world_transforms": lambda rig: len(
        rig.car.get_vehicle_bone_world_transforms()
    ),
    "get_wheel_steer_angle": _steered,
    "is_at_traffic_light": lambda rig: rig.car.is_at_traffic_light() is not None,
    "set_autopilot": _piloted,
    "set_light_state": _lit,
}

ACCEPTED: dict[str, Probe] = {
    "close_door": lambda rig: rig.car.close_door(_DOOR),
    "get_wheel_pitch_angle": lambda rig: rig.car.get_wheel_pitch_angle(_WHEEL),
    "open_door": lambda rig: rig.car.open_door(_DOOR),
    "set_wheel_pitch_angle": lambda rig: rig.car.set_wheel_pitch_angle(_WHEEL, 10.0),
    "set_wheel_steer_direction": lambda rig: rig.car.set_wheel_steer_direction(_WHEEL, 10.0),
    "show_debug_telemetry": lambda rig: rig.car.show_debug_telemetry(True),
    "enable_carsim": lambda rig: rig.car.enable_carsim("file"),
    "enable_chrono_physics": lambda rig: rig.car.enable_chrono_physics(5, 0.01),
    "restore_physx_physics": lambda rig: rig.car.restore_physx_physics(),
    "use_carsim_road": lambda rig: rig.car.use_carsim_road(True),
}

REFUSED: dict[str, Probe] = {}

_BUFFER = carla.GBufferTextureID.SceneDepth

SENSOR_WORKS: dict[str, Probe] = {
    "is_listening": lambda rig: not rig.camera.is_listening(),
    "listen": lambda rig: rig.heard(rig.camera),
    "stop": lambda rig: rig.heard(rig.camera) and not rig.camera.is_listening(),
    "get_ignored_vehicles": lambda rig: len(rig.camera.get_ignored_vehicles()) == 0,
    "is_enabled_for_ros": lambda rig: not rig.camera.is_enabled_for_ros(),
    "is_listening_gbuffer": lambda rig: not rig.camera.is_listening_gbuffer(_BUFFER),
}

SENSOR_ACCEPTED: dict[str, Probe] = {
    "disable_for_ros": lambda rig: rig.camera.disable_for_ros(),
    "enable_for_ros": lambda rig: rig.camera.enable_for_ros(),
    "set_ignored_vehicles": lambda rig: rig.camera.set_ignored_vehicles([rig.car.id]),
    "listen_to_gbuffer": lambda rig: rig.camera.listen_to_gbuffer(_BUFFER, lambda image: None),
    "stop_gbuffer": lambda rig: rig.camera.stop_gbuffer(_BUFFER),
    "send": lambda rig: rig.camera.send("text"),
}

SENSOR_REFUSED: dict[str, Probe] = {
    "enable_gbuffers": lambda rig: rig.camera.enable_gbuffers(True),
}
