"""The driven car and its sensors: spawned once, then only moved from start to start."""

from __future__ import annotations

import math
from typing import Any

import carla
import numpy as np

from envs.config import EnvConfig
from envs.errors import SimulatorFault
from envs.task.expert import Car
from envs.world import sensors
from envs.world.actors import ROLE, Actors
from envs.world.client import Session, faults
from envs.world.sensors import Sensor

CHASE_POSE = (-6.5, 3.2, -14.0)  # x, z in m and pitch in degrees of the camera for people


class Ego:
    """The car of one world with its camera, event sensors and, for videos, a chase camera."""

    def __init__(self, session: Session, config: EnvConfig, actors: Actors, start: Any) -> None:
        self.session = session
        self.config = config
        self.actors = actors
        library = session.world.get_blueprint_library()
        car = sensors.blueprint(library, config.task.ego_blueprint, role_name=f"{ROLE}_ego")
        with faults("spawning the ego"):
            self.vehicle = session.world.try_spawn_actor(car, start)
        if self.vehicle is None:
            raise SimulatorFault("the ego's start is blocked by another actor")
        actors.ego = self.vehicle
        with faults("measuring the ego"):
            self.car = _measure(self.vehicle, config.task.steering_limit)
        self._attach(library)

    def _attach(self, library: Any) -> None:
        size, origin = self.config.sensors, carla.Transform()
        view = {"image_size_x": size.camera_width, "image_size_y": size.camera_height}
        front = sensors.camera_pose(size.camera_x, size.camera_z)
        self.camera: Sensor | None = None
        if size.image_size:
            eye = sensors.blueprint(library, "sensor.camera.rgb", fov=size.camera_fov, **view)
            self.camera = self._sensor(eye, front, "the camera", sensors.picture)
        crash = sensors.blueprint(library, "sensor.other.collision")
        self.collisions = self._sensor(crash, origin, "the collision sensor", sensors.collision)
        lanes = sensors.blueprint(library, "sensor.other.lane_invasion")
        self.crossings = self._sensor(lanes, origin, "the lane sensor", sensors.crossing)
        self.imu: Sensor | None = None
        if size.imu:
            imu = sensors.blueprint(library, "sensor.other.imu")
            self.imu = self._sensor(imu, origin, "the inertial sensor", sensors.inertia)
        wide = {"image_size_x": size.render_width, "image_size_y": size.render_height}
        chase = sensors.blueprint(library, "sensor.camera.rgb", fov=90.0, **wide)
        pose = sensors.camera_pose(*CHASE_POSE)
        self.chase = self._sensor(chase, pose, "the chase camera", sensors.picture)

    def _sensor(self, plan: Any, pose: Any, name: str, read: Any) -> Sensor:
        with faults(f"attaching {name}"):
            actor = self.session.world.spawn_actor(plan, pose, attach_to=self.vehicle)
        sensor = Sensor(actor, name, read)
        self.actors.sensors.append(sensor)
        return sensor

    def listen(self, video: bool) -> None:
        """Start every stream that is not running; the chase camera only when recording."""
        with faults("starting the sensors"):
            for sensor in self.actors.sensors:
                wanted = video or sensor is not self.chase
                if wanted and not sensor.listening:
                    sensor.listen()
                elif not wanted:
                    sensor.stop()

    def place(self, start: Any) -> None:
        """Put the car at `start` with no speed; physics off and on clears forces and wheels."""
        with faults("placing the ego"):
            self.vehicle.set_simulate_physics(False)
            self.vehicle.set_transform(start)
            self.vehicle.set_target_velocity(carla.Vector3D())
            self.vehicle.set_target_angular_velocity(carla.Vector3D())
        self.session.tick()
        with faults("placing the ego"):
            self.vehicle.set_simulate_physics(True)
            self.vehicle.set_target_velocity(carla.Vector3D())
        # One tick in first gear wakes a car that would else stand for seconds after a spawn.
        gear = carla.VehicleControl(brake=1.0, manual_gear_shift=True, gear=1)
        self._control(gear)
        self.session.tick()
        self._control(carla.VehicleControl(brake=1.0))

    def drive(self, action: np.ndarray) -> None:
        """Apply (steering, pedal) in [-1, 1]: steering of `steering_limit` of the lock; brake if
        negative."""
        self._control(vehicle_control(action, self.config.task.steering_limit))

    def _control(self, control: Any) -> None:
        with faults("steering the ego"):
            self.vehicle.apply_control(control)

    def clear_events(self) -> None:
        """Forget collisions and crossings, which else would count for the next episode."""
        self.collisions.clear()
        self.crossings.clear()


def vehicle_control(action: np.ndarray, steering_limit: float) -> Any:
    """Return the carla.VehicleControl of (steering, pedal) in [-1, 1]."""
    steer, pedal = steering_limit * float(action[0]), float(action[1])
    return carla.VehicleControl(throttle=max(pedal, 0.0), steer=steer, brake=max(-pedal, 0.0))


def _measure(vehicle: Any, steering_limit: float) -> Car:
    extent = vehicle.bounding_box.extent
    wheels = vehicle.get_physics_control().wheels
    lock = max((wheel.max_steer_angle for wheel in wheels), default=70.0)
    wheelbase = 1.2 * extent.x  # near enough forevery car; wheel positions differ by version
    most_steering = steering_limit * math.radians(lock or 70.0)
    return Car(wheelbase, most_steering, extent.x, extent.y)
