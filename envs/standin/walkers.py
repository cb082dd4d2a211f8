"""Walkers: people who go where they are told, as arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.standin.boxes import Boxes
from envs.standin.geometry import Pose, Vector

_FASTEST = 10.0
MASS = 80.0  # kg
_SLIDING = 6.0  # m/s^2 by which a walker who was hit comes to rest
_STEP = 0.5  # m by which navigation may be off the ground


class Walkers:
    """State of all walkers: rows of `data` are x, y, z, yaw (rad), direction (3), speed, jump.

    Rows of `half` are half sizes.
    """

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.data: NDArray[np.float64] = np.zeros((9, 0))
        self.half: NDArray[np.float64] = np.zeros((3, 0))
        self.velocity: NDArray[np.float64] = np.zeros((3, 0))
        self.acceleration: NDArray[np.float64] = np.zeros((3, 0))
        self.fall: NDArray[np.float64] = np.zeros(0)
        self.collides: dict[int, bool] = {}
        self.physics: dict[int, bool] = {}
        #: Walkers that a controller leads: the client's navigation places them before each step and
        #: turns their physics and collisions off, but bodies they are.
        self.led: set[int] = set()
        #: Walkers who lie on the ground for good.
        self.fallen: set[int] = set()
        #: Velocities (2, N) of walkers who were hit, until they have come to rest.
        self.slide: NDArray[np.float64] = np.zeros((2, 0))

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, actor_id: int, pose: Pose, half: Vector) -> None:
        """Add a walker at rest; `pose` is the middle of the body."""
        self.ids.append(actor_id)
        column = np.zeros((9, 1))
        column[:4, 0] = (*pose[:3], math.radians(pose[4]))
        column[4, 0] = 1.0
        self.data = np.concatenate([self.data, column], axis=1)
        self.half = np.concatenate([self.half, np.array(half)[:, None]], axis=1)
        self._resize()
        self.collides[actor_id] = self.physics[actor_id] = True

    def remove(self, actor_id: int) -> None:
        """Take a walker out."""
        index = self.ids.index(actor_id)
        self.led.discard(actor_id)
        self.fallen.discard(actor_id)
        del self.ids[index], self.collides[actor_id], self.physics[actor_id]
        self.data = np.delete(self.data, index, axis=1)
        self.half = np.delete(self.half, index, axis=1)
        self._resize()

    def _resize(self) -> None:
        count = len(self.ids)
        self.velocity, self.acceleration = np.zeros((3, count)), np.zeros((3, count))
        self.fall = np.zeros(count)
        self.slide = np.zeros((2, count))

    def control(self, actor_id: int, direction: Vector, speed: float, jump: bool) -> None:
        """Walk on in a direction (world frame) at a speed in m/s; who has fallen stays there."""
        if actor_id in self.fallen:
            return
        index = self.ids.index(actor_id)
        length = math.hypot(*direction[:2])
        pace = max(0.0, min(speed, _FASTEST)) if math.isfinite(speed) else 0.0
        self.data[4:, index] = (*direction, pace, float(jump))
        if length > 1e-6 and pace > 0:
            self.data[3, index] = math.atan2(direction[1], direction[0])

    def set_pose(self, actor_id: int, pose: Pose) -> None:
        """Teleports a walker."""
        index = self.ids.index(actor_id)
        self.data[:4, index] = (*pose[:3], math.radians(pose[4]))

    def place(self, actor_id: int, pose: Pose, speed: float) -> None:
        """Set a walker's feet and speed as navigation decided; ignore unknown and fallen ones."""
        if actor_id in self.collides and actor_id not in self.fallen:
            index = self.ids.index(actor_id)
            self.set_pose(actor_id, (*pose[:2], pose[2] + float(self.half[2, index]), *pose[3:]))
            yaw = math.radians(pose[4])
            self.control(actor_id, (math.cos(yaw), math.sin(yaw), 0.0), speed, False)

    def release(self, actor_id: int) -> None:
        """Let a walker stand where its controller left it; ignore those that none led."""
        if actor_id in self.led:
            self.led.discard(actor_id)
            self.data[7, self.ids.index(actor_id)] = 0.0

    def hit(self, actor_id: int, impulse: Vector) -> None:
        """Push a walker by an impulse (N*s)."""
        self.slide[:, self.ids.index(actor_id)] += np.array(impulse[:2]) / MASS

    def fall_down(self, actor_id: int) -> None:
        """Let a walker lie where it is, or slides to, for good; ignore unknown ids."""
        if actor_id in self.collides:
            self.data[7, self.ids.index(actor_id)] = 0.0
            self.led.discard(actor_id)
            self.fallen.add(actor_id)
            self.collides[actor_id] = False

    def pose_of(self, actor_id: int) -> Pose:
        """Location in m and rotation in degrees."""
        x, y, z, yaw = self.data[:4, self.ids.index(actor_id)].tolist()
        return x, y, z, 0.0, math.degrees(yaw), 0.0

    def step(self, dt: float, town: Any) -> None:
        """Move every walker; feet stay on the ground."""
        if not self.ids:
            return
        moving = np.array([self.physics[i] and i not in self.led for i in self.ids], np.float64)
        direction = self.data[4:6]
        length = np.maximum(np.hypot(*direction), 1e-9)
        before = self.velocity
        velocity = np.zeros_like(before)
        velocity[:2] = direction / length * self.data[7]
        sliding = self.slide.any()
        if sliding:
            velocity[:2] *= ~self.slide.any(axis=0)
        self.data[:2] += velocity[:2] * (dt * moving)
        led = np.array([i in self.led for i in self.ids]) if self.led else None
        velocity[:2] *= moving if led is None else np.maximum(moving, led)
        if sliding:
            self._slide(dt, velocity)
        ground, _ = town.height(self.data[:2].T, self.data[2] - self.half[2])
        height = self.data[2] - self.half[2] - ground
        self.fall = np.where(height > 0.02, self.fall - 9.81 * dt, 0.0) * moving
        drop = np.where(height > 0.02, np.maximum(self.fall * dt, -height), -height) * moving
        if led is not None:
            drop = np.where(led & (np.abs(height) < _STEP), -height, drop)
        self.data[2] += drop
        velocity[2] = self.fall
        self.acceleration = (velocity - before) / dt
        self.velocity = velocity

    def _slide(self, dt: float, velocity: NDArray[np.float64]) -> None:
        """Move those who were hit, and slow them down."""
        velocity[:2] += self.slide
        self.data[:2] += self.slide * dt
        pace = np.maximum(np.hypot(*self.slide), 1e-9)
        self.slide *= np.maximum(0.0, 1.0 - _SLIDING * dt / pace)

    @property
    def colliding(self) -> NDArray[np.bool_]:
        """Mask of the walkers that `boxes` lists."""
        return np.array([self.collides[i] or i in self.led for i in self.ids], bool)

    @property
    def colliding_ids(self) -> list[int]:
        """Ids of the walkers that `boxes` lists."""
        return [i for i in self.ids if self.collides[i] or i in self.led]

    def boxes(self) -> Boxes:
        """The outlines of the walkers whose collisions are on."""
        table = np.concatenate([self.data[:4], self.half])
        return Boxes(np.compress(self.colliding, table, axis=1))
