"""A recording played back: its actors are moved before each step, without physics of their own."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

import numpy as np

from envs.standin import spawning
from envs.standin.actors import Actor, Kind
from envs.standin.fleet import LED
from envs.standin.geometry import Pose, compose
from envs.standin.recording import Recording, poses_of
from envs.standin.rpc import RpcFailure
from envs.standin.streams import StreamHub
from envs.standin.world import World

_MOVED = ("vehicle.", "walker.pedestrian.", "static.prop.")
#: Key among the world's controllers; no actor has it.
CONTROLLER = 0


@dataclass(frozen=True)
class Follow:
    """The recorded actor that the spectator follows, 0 = none, and from where, in its frame."""

    actor_id: int = 0
    offset: Pose = (-10.0, 0.0, 5.0, -25.0, 0.0, 0.0)


@dataclass
class Options:
    """Settings of a playback that a client may change before or during it."""

    factor: float = 1.0
    ignore_hero: bool = False
    ignore_spectator: bool = True


class Replay:
    """Plays [start, end) seconds of a recording into a world.

    An actor of the world with a recorded id and the same blueprint is taken over, others are made.
    In the end all of them get their physics back; they have no driver then.
    """

    def __init__(
        self,
        recording: Recording,
        world: World,
        hub: StreamHub,
        options: Options,
        start: float,
        duration: float,
        follow: Follow,
    ) -> None:
        self._recording, self._world, self._hub = recording, world, hub
        self.options = options
        self._times = [frame["time"] for frame in recording.frames]
        total = recording.seconds
        self.start = min(max(start if start >= 0.0 else total + start, 0.0), total)
        self.end = min(self.start + duration, total) if duration > 0.0 else total
        self._follow = follow
        self.now = self.start
        self._seen = -1  # frames up to this one have had their events applied
        self._ids: dict[int, int] = {}
        self._made: set[int] = set()
        self._frozen = world.lights.frozen
        world.lights.frozen = True
        world.controllers[CONTROLLER] = self.advance
        self._show()

    def advance(self, dt: float) -> None:
        """Move everything to where it was `dt` seconds later, before the world's own step."""
        if self.now >= self.end:
            self.stop(keep=True)
            return
        self.now = min(self.now + dt * self.options.factor, self.end)
        self._show()

    def stop(self, keep: bool) -> None:
        """End the playback; actors that it made stay only where `keep` says so.

        One that has come to its end by itself is left alone: its lights may be frozen by others.
        """
        world = self._world
        if world.controllers.pop(CONTROLLER, None) is None:
            return
        world.lights.frozen = self._frozen
        for actor_id in self._ids.values():
            if not keep and actor_id in self._made:
                spawning.destroy(world, actor_id)
            elif actor_id in world.actors:
                _hold(world, world.actors[actor_id], False)
        self._ids = {}

    def _show(self) -> None:
        frames, world = self._recording.frames, self._world
        index = max(bisect.bisect_right(self._times, self.now + 1e-9) - 1, 0)
        for frame in frames[self._seen + 1 : index + 1]:
            for actor_id, description, pose, _ in frame.get("created", ()):
                self._create(actor_id, description, tuple(pose))
            for actor_id in frame.get("destroyed", ()):
                self._destroy(actor_id)
            lights = frame.get("lights", b"")
            if len(lights) == len(world.lights):  # a town may have none
                world.lights.state[:] = np.frombuffer(lights, np.uint8)
            for actor_id, flags in frame.get("flags", ()):
                if self._ids.get(actor_id) in world.light_flags:
                    world.light_flags[self._ids[actor_id]] = flags
        self._seen = index
        first = max(min(index, len(frames) - 2), 0)  # the last frame ends a step, begins none
        before, after = frames[first], frames[min(first + 1, len(frames) - 1)]
        gap = after["time"] - before["time"]
        share = (self.now - before["time"]) / gap if gap > 0.0 else 0.0
        self._move(poses_of(before), poses_of(after), share, gap)
        if not self.options.ignore_spectator:
            world.spectator.pose = tuple(before["spectator"])
        followed = world.actors.get(self._ids.get(self._follow.actor_id, 0))
        if followed is not None:
            world.spectator.pose = compose(world.pose_of(followed), self._follow.offset)

    def _create(self, recorded: int, description: list, pose: Pose) -> None:
        world, type_id = self._world, description[1]
        attributes = {name: value for name, _, value in description[2]}
        hero = attributes.get("role_name") == "hero"
        if not type_id.startswith(_MOVED) or (hero and self.options.ignore_hero):
            return
        actor = world.actors.get(recorded)
        if actor is None or actor.type_id != type_id:
            try:
                actor = spawning.spawn(world, self._hub, description, pose, anywhere=True)
            except RpcFailure:  # a blueprint of another version: the rest can still be seen
                return
            self._made.add(actor.id)
        self._ids[recorded] = actor.id
        _hold(world, actor, True)

    def _destroy(self, recorded: int) -> None:
        actor_id = self._ids.pop(recorded, None)
        if actor_id is not None:
            spawning.destroy(self._world, actor_id)

    def _move(
        self, before: dict[int, np.ndarray], after: dict[int, np.ndarray], share: float, gap: float
    ) -> None:
        world = self._world
        for recorded, actor_id in self._ids.items():
            actor, pose = world.actors.get(actor_id), before.get(recorded)
            if actor is None or pose is None:
                continue
            step = after.get(recorded, pose) - pose
            step[3:] = (step[3:] + 180.0) % 360.0 - 180.0
            now: Pose = tuple((pose + share * step).tolist())
            if actor.kind is Kind.VEHICLE:
                column = world.column(actor_id)
                world.fleet.set_pose(column, now)
                speed = step[:3] / gap * self.options.factor if gap > 0.0 else np.zeros(3)
                world.fleet.set_world_velocity(column, tuple(speed.tolist()))
            elif actor.kind is Kind.WALKER:
                world.walkers.set_pose(actor_id, now)


def _hold(world: World, actor: Actor, held: bool) -> None:
    """Take an actor's physics and collisions away, or give them back."""
    if actor.kind is Kind.VEHICLE:
        column = world.column(actor.id)
        world.fleet.physics[column] = LED if held else 1.0
        world.fleet.collides[column] = float(not held)
    elif actor.kind is Kind.WALKER:
        world.walkers.physics[actor.id] = world.walkers.collides[actor.id] = not held
        world.walkers.control(actor.id, (1.0, 0.0, 0.0), 0.0, False)
