"""Walkers: people who go where they are told, as arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.standin.boxes import Boxes
from envs.standin.geometry import Pose, Vector

_FASTEST = 10.0


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
        #: Walkers that a controller leads: they walk although their physics is off.
        self.led: set[int] = set()

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
        del self.ids[index], self.collides[actor_id], self.physics[actor_id]
        self.data = np.delete(self.data, index, axis=1)
        self.half = np.delete(self.half, index, axis=1)
        self._resize()

    def _resize(self) -> None:
        count = len(self.ids)
        self.velocity, self.acceleration = np.zeros((3, count)), np.zeros((3, count))
        self.fall = np.zeros(count)

    def control(self, actor_id: int, direction: Vector, speed: float, jump: bool) -> None:
        """Walks on in a direction (world frame) at a speed in m/s until told otherwise."""
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
        """Set a walker's place and speed as navigation decided; ignore unknown ids."""
        if actor_id in self.collides:
            self.set_pose(actor_id, pose)
            self.data[7, self.ids.index(actor_id)] = speed if math.isfinite(speed) else 0.0

    def pose_of(self, actor_id: int) -> Pose:
        """Location in m and rotation in degrees."""
        x, y, z, yaw = self.data[:4, self.ids.index(actor_id)].tolist()
        return x, y, z, 0.0, math.degrees(yaw), 0.0

    def step(self, dt: float, town: Any) -> None:
        """Move every walker; feet stay on the ground."""
        if not self.ids:
            return
        moving = np.array([self.physics[i] or i in self.led for i in self.ids], np.float64)
        direction = self.data[4:6]
        length = np.maximum(np.hypot(*direction), 1e-9)
        before = self.velocity
        velocity = np.zeros_like(before)
        velocity[:2] = direction / length * self.data[7] * moving
        self.data[:2] += velocity[:2] * dt
        ground, _ = town.height(np.ascontiguousarray(self.data[:2].T))
        height = self.data[2] - self.half[2] - ground
        self.fall = np.where(height > 0.02, self.fall - 9.81 * dt, 0.0) * moving
        drop = np.where(height > 0.02, np.maximum(self.fall * dt, -height), -height) * moving
        self.data[2] += drop
        velocity[2] = self.fall
        self.acceleration = (velocity - before) / dt
        self.velocity = velocity

    @property
    def colliding_ids(self) -> list[int]:
        """Ids of the walkers that `boxes` lists."""
        return [i for i in self.ids if self.collides[i] or i in self.led]

    def boxes(self) -> Boxes:
        """The outlines of the walkers whose collisions are on."""
        keep = np.array([self.collides[i] or i in self.led for i in self.ids], bool)
        return Boxes(np.compress(keep, np.concatenate([self.data[:4], self.half]), axis=1))
