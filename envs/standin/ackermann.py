"""Ackermann control: a speed and steering controller that works the pedals."""

from __future__ import annotations

import math
from dataclasses import dataclass

from envs.standin.world import World

#: speed kp, ki, kd and acceleration kp, ki, kd, as in the protocol.
DEFAULT_SETTINGS = (0.15, 0.0, 0.25, 0.01, 0.0, 0.01)
_STRONGEST_BRAKE = 8.0
_COMFORT = 3.0


@dataclass
class Ackermann:
    """Works one vehicle's pedals towards a demanded motion until an ordinary control comes.

    steer in rad at the wheels, steer_speed in rad/s (0: at once), speed in m/s (negative:
    backwards), acceleration in m/s^2 (0: up to the controller).
    """

    world: World
    actor_id: int
    settings: tuple[float, ...]
    steer: float
    steer_speed: float
    speed: float
    acceleration: float
    angle: float = 0.0
    last_error: float = 0.0
    integral: float = 0.0

    def __call__(self, dt: float) -> None:
        """Set the controls for the coming step."""
        fleet = self.world.fleet
        column = self.world.column(self.actor_id)
        self._steer(dt)
        speed = float(fleet.vx[column])
        backwards = self.speed < 0
        error = abs(self.speed) - (-speed if backwards else speed)
        demand = self._acceleration(error, dt)
        mass = float(fleet.mass[column])
        pull = (
            min(
                float(fleet.drive_force[column]),
                float(fleet.drive_power[column]) / max(abs(speed), 0.1),
            )
            / mass
        )
        losses = (float(fleet.rolling[column]) + float(fleet.drag[column]) * speed**2) / mass
        throttle = max(0.0, min(1.0, (demand + losses) / max(pull, 0.1)))
        brake = max(0.0, min(1.0, -demand / _STRONGEST_BRAKE))
        if self.speed == 0 and abs(speed) < 0.5:
            throttle, brake = 0.0, 1.0
        gain = max(float(fleet.steer_gain[column]), 1e-3)
        steer = max(-1.0, min(1.0, self.angle / gain))
        fleet.control[:, column] = (
            throttle if demand > -0.1 else 0.0,
            steer,
            brake if demand < -0.1 or brake == 1 else 0.0,
            0.0,
            float(backwards),
            0.0,
            0.0,
        )

    def _steer(self, dt: float) -> None:
        if self.steer_speed <= 0:
            self.angle = self.steer
            return
        step = self.steer_speed * dt
        self.angle += max(-step, min(step, self.steer - self.angle))

    def _acceleration(self, error: float, dt: float) -> float:
        kp, ki, kd = self.settings[:3]
        self.integral = max(-10.0, min(10.0, self.integral + error * dt))
        slope = (error - self.last_error) / dt
        self.last_error = error
        wanted = 10 * kp * error + ki * self.integral + 0.1 * kd * slope
        limit = abs(self.acceleration) if self.acceleration else _COMFORT
        return max(-max(limit, _COMFORT), min(limit, wanted))


def angle_of(steer: float) -> float:
    """The demanded wheel angle, limited to what a wheel can do."""
    if not math.isfinite(steer):
        raise ValueError("steer is not finite")
    return max(-1.3, min(1.3, steer))
