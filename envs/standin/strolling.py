"""Walkers with an AI controller: they walk straight on and turn back at obstacles.

The real controller finds its way in the client, on a navigation mesh that this server does not
have; without one it leaves its walker standing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from envs.standin.actors import Actor
from envs.standin.rays import GROUND, NOTHING, cast, scene_near
from envs.standin.world import World

CONTROLLER = "controller.ai.walker"

_PACE = 1.4
_LOOK_AHEAD = 1.2
_LOOK_EVERY_S = 0.5
_LONGEST_LEG = 40.0


@dataclass
class Stroll:
    """Leads one walker; called before every step."""

    world: World
    actor_id: int
    yaw: float
    since_look: float = 0.0
    walked: float = 0.0

    def __call__(self, dt: float) -> None:
        """Keep the walker going, and turn it round where the way ends."""
        self.since_look += dt
        self.walked += _PACE * dt
        if self.since_look >= _LOOK_EVERY_S:
            self.since_look = 0.0
            if self.walked > _LONGEST_LEG or self._blocked():
                self.yaw += math.pi
                self.walked = 0.0
        direction = (math.cos(self.yaw), math.sin(self.yaw), 0.0)
        self.world.walkers.control(self.actor_id, direction, _PACE, False)

    def _blocked(self) -> bool:
        x, y, z, _, _, _ = self.world.walkers.pose_of(self.actor_id)
        scene = scene_near(self.world, x, y, _LOOK_AHEAD, without=self.actor_id)
        ahead = np.array([[math.cos(self.yaw), math.sin(self.yaw), 0.0]])
        target = int(cast(self.world, scene, np.array([x, y, z]), ahead, _LOOK_AHEAD).target[0])
        return target not in (NOTHING, GROUND)


def lead(world: World, walker: Actor, on: bool) -> None:
    """Start or end the stroll of a walker that has an AI controller; others stay as they are."""
    children = (world.actors.get(child) for child in walker.children)
    if not any(child is not None and child.type_id == CONTROLLER for child in children):
        return
    if on:
        yaw = math.radians(world.walkers.pose_of(walker.id)[4])
        world.walkers.led.add(walker.id)
        world.controllers[walker.id] = Stroll(world, walker.id, yaw)
    else:
        world.walkers.led.discard(walker.id)
        world.controllers.pop(walker.id, None)
        world.walkers.control(walker.id, (1.0, 0.0, 0.0), 0.0, False)
