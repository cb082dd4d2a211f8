"""All vehicles of the world as arrays: one row per quantity, one column per vehicle."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from envs.standin.vehicle_fit import GRAVITY, VehicleModel

Array = NDArray[np.float64]

#: Normalised cornering stiffness of an axle, per rad of slip angle.
CORNERING = 14.0

POSE = ("x", "y", "z", "pitch", "yaw", "roll")
MOTION = ("vx", "vy", "vz", "yaw_rate", "steer_angle", "lean_pitch", "lean_roll")
#: World velocity and acceleration of the last step, for snapshots and sensors.
REPORT = (
    "wx",
    "wy",
    "wz",
    "ax",
    "ay",
    "az",
    "pitch_rate",
    "roll_rate",
    "last_pitch",
    "last_roll",
)
CONTROL = ("throttle", "steer", "brake", "hand_brake", "reverse", "manual", "gear")
PARAMETERS = (
    "mass",
    "inertia",
    "half_base",
    "grip",
    "drive_force",
    "drive_power",
    "drag",
    "rolling",
    "brake_force",
    "stiffness",
    "steer_gain",
    "steer_limit",
    "steer_rate",
    "top_speed",
    "reverse_speed",
    "half_length",
    "half_width",
    "half_height",
    "gears",
)
SWITCHES = ("physics", "gravity", "collides")
#: Value of `physics` of a vehicle that something else moves: it keeps the velocity it is given.
LED = -1.0
EXTERNAL = ("force_x", "force_y", "force_z", "torque", "hold", "hold_x", "hold_y", "hold_z")
FIELDS = POSE + MOTION + REPORT + CONTROL + PARAMETERS + SWITCHES + EXTERNAL
#: The row of each field in `Fleet.data`.
ROW = {name: index for index, name in enumerate(FIELDS)}


class Fleet:
    """Vehicle state, struct of arrays. SI units and radians; `vx`, `vy` are in the body frame.

    Every name of `FIELDS` is an attribute: a float64 array of shape (count,), a view of `data`.
    """

    data: Array
    control: Array
    x: Array
    y: Array
    z: Array
    pitch: Array
    yaw: Array
    roll: Array
    vx: Array
    vy: Array
    vz: Array
    yaw_rate: Array
    steer_angle: Array
    lean_pitch: Array
    lean_roll: Array
    wx: Array
    wy: Array
    wz: Array
    ax: Array
    ay: Array
    az: Array
    pitch_rate: Array
    roll_rate: Array
    last_pitch: Array
    last_roll: Array
    throttle: Array
    steer: Array
    brake: Array
    hand_brake: Array
    reverse: Array
    manual: Array
    gear: Array
    mass: Array
    inertia: Array
    half_base: Array
    grip: Array
    drive_force: Array
    drive_power: Array
    drag: Array
    rolling: Array
    brake_force: Array
    stiffness: Array
    steer_gain: Array
    steer_limit: Array
    steer_rate: Array
    top_speed: Array
    reverse_speed: Array
    half_length: Array
    half_width: Array
    half_height: Array
    gears: Array
    physics: Array  # 1, 0 for none, LED
    gravity: Array
    collides: Array
    force_x: Array
    force_y: Array
    force_z: Array
    torque: Array
    hold: Array
    hold_x: Array
    hold_y: Array
    hold_z: Array

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.columns: dict[int, int] = {}
        self._bind(np.zeros((len(FIELDS), 0)))

    def __len__(self) -> int:
        return len(self.ids)

    def _bind(self, data: Array) -> None:
        self.data = data
        self.columns = {actor_id: index for index, actor_id in enumerate(self.ids)}
        self.control = data[ROW[CONTROL[0]] : ROW[CONTROL[-1]] + 1]
        for name, row in ROW.items():
            setattr(self, name, data[row])

    def add(self, actor_id: int, model: VehicleModel) -> int:
        """Appends a vehicle at rest at the origin; returns its column."""
        column = np.zeros((len(FIELDS), 1))
        for name, value in parameters_of(model).items():
            column[ROW[name], 0] = value
        for name in SWITCHES:
            column[ROW[name], 0] = 1.0
        self.ids.append(actor_id)
        self._bind(np.concatenate([self.data, column], axis=1))
        return len(self.ids) - 1

    def remove(self, index: int) -> None:
        """Take out a vehicle; those behind it move up one column."""
        del self.ids[index]
        self._bind(np.ascontiguousarray(np.delete(self.data, index, axis=1)))

    def set_world_velocity(self, index: int, velocity: tuple[float, float, float]) -> None:
        """Give a vehicle a velocity in the world frame, m/s."""
        cos, sin = math.cos(self.yaw[index]), math.sin(self.yaw[index])
        vx, vy, vz = velocity
        self.vx[index] = vx * cos + vy * sin
        self.vy[index] = vy * cos - vx * sin
        self.vz[index] = vz
        self.wx[index], self.wy[index], self.wz[index] = velocity

    def pose_of(self, index: int) -> tuple[float, float, float, float, float, float]:
        """Location in m and rotation in degrees (pitch, yaw, roll)."""
        x, y, z, pitch, yaw, roll = self.data[:6, index].tolist()
        return x, y, z, math.degrees(pitch), math.degrees(yaw), math.degrees(roll)

    def set_pose(self, index: int, pose: tuple[float, float, float, float, float, float]) -> None:
        """Teleports; the velocity in the world frame stays, body and wheels stand straight."""
        x, y, z, pitch, yaw, roll = pose
        velocity = (float(self.wx[index]), float(self.wy[index]), float(self.vz[index]))
        self.data[:6, index] = (x, y, z, *map(math.radians, (pitch, yaw, roll)))
        self.lean_pitch[index] = self.lean_roll[index] = self.steer_angle[index] = 0.0
        self.ax[index] = self.ay[index] = self.az[index] = 0.0
        self.set_world_velocity(index, velocity)


def parameters_of(model: VehicleModel) -> dict[str, float]:
    """The parameter rows of a vehicle model."""
    return {
        "mass": model.mass,
        "inertia": model.inertia,
        "half_base": model.wheelbase / 2,
        "grip": model.grip,
        "drive_force": model.drive_force,
        "drive_power": model.drive_power,
        "drag": model.drag,
        "rolling": model.rolling * model.mass * GRAVITY,
        "brake_force": model.brake_force,
        "stiffness": CORNERING * model.mass * GRAVITY / 2,
        "steer_gain": model.steer_gain,
        "steer_limit": model.steer_limit,
        "steer_rate": model.steer_rate,
        "top_speed": model.top_speed,
        "reverse_speed": model.reverse_speed,
        "half_length": model.half_length,
        "half_width": model.half_width,
        "half_height": model.half_height,
        "gears": float(model.gears),
    }
