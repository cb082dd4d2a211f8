"""The world's state and its step: settings, actors, vehicles, lights, weather and time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from envs.standin import collisions, dynamics
from envs.standin.actors import ACTIVE, Actor, Kind
from envs.standin.boxes import Boxes, ObstacleGrid
from envs.standin.fleet import Fleet
from envs.standin.geometry import ORIGIN, Pose, compose
from envs.standin.lights import TrafficLights
from envs.standin.signs import GiveWay
from envs.standin.walkers import Walkers

#: Weather of a fresh world, in the order of `carla.WeatherParameters`.
CLEAR_NOON = (10.0, 0.0, 0.0, 10.0, 225.0, 45.0, 2.0, 0.75, 0.1, 0.0, 1.0, 0.03, 0.0331, 0.0)
MAX_SUBSTEPS = 16
_DRIVEN_OVER = 0.1  # m, half the height of things that wheels roll over


@dataclass
class Settings:
    """Episode settings, in the order of the protocol."""

    synchronous: bool = False
    no_rendering: bool = False
    fixed_delta: float | None = None
    substepping: bool = True
    max_substep_delta: float = 0.01
    max_substeps: int = 10
    max_culling_distance: float = 0.0
    deterministic_ragdolls: bool = True
    tile_stream_distance: float = 3000.0
    actor_active_distance: float = 2000.0
    spectator_as_ego: bool = True

    def substeps(self, dt: float) -> int:
        """Physics steps in a tick of `dt` seconds."""
        if not self.substepping:
            return 1
        wanted = math.ceil(dt / self.max_substep_delta - 1e-6)
        return max(1, min(wanted, self.max_substeps, MAX_SUBSTEPS))


@dataclass
class Identity:
    """Numbers that outlive a world: actor ids and episodes are never used twice."""

    next_actor: int = 1
    episode: int = 0

    def actor(self) -> int:
        """A fresh actor id."""
        self.next_actor += 1
        return self.next_actor - 1


@dataclass
class World:
    """One episode on one town."""

    town: Any
    seed: int
    identity: Identity
    settings: Settings
    frame: int = 0
    elapsed: float = 0.0
    delta: float = 0.0
    weather: list[float] = field(default_factory=lambda: list(CLEAR_NOON))
    actors: dict[int, Actor] = field(default_factory=dict)
    fleet: Fleet = field(default_factory=Fleet)
    walkers: Walkers = field(default_factory=Walkers)
    sensors: list[Actor] = field(default_factory=list)
    light_flags: dict[int, int] = field(default_factory=dict)
    contacts: list[collisions.Contact] = field(default_factory=list)
    #: Called once before each step; RPCs leave work here that lasts until it is undone.
    controllers: dict[int, Callable[[float], None]] = field(default_factory=dict)
    ackermann_settings: dict[int, tuple[float, ...]] = field(default_factory=dict)
    imu_gravity: float = 9.81
    layout_changed: bool = True
    map_changed_until: int = 0

    def __post_init__(self) -> None:
        self.identity.episode += 1
        self.episode = self.identity.episode
        self.first_actor = self.identity.next_actor
        self.geo_origin = geo_origin(self.town.opendrive)
        self.grid = ObstacleGrid(self.town.obstacles)
        self.map_changed_until = self.frame + 2
        self.fixtures = Boxes.rows(np.empty((0, 7)))
        self.fixture_ids: list[int] = []
        self.hurdles = self.fixtures  # those of them that stop a car: the first ones
        spectator = Actor(
            self.identity.actor(),
            "spectator",
            Kind.OTHER,
            [0, "spectator", []],
            {},
            pose=(0.0, 0.0, 10.0, -20.0, 0.0, 0.0),
        )
        self.spectator = spectator
        self.actors[spectator.id] = spectator
        self.lights = self._make_lights()
        self.at_light = np.empty(0, np.int64)
        self.give_way = GiveWay(tuple(self.town.signs))
        self.told_to_wait = np.empty(0, np.int64)

    def _make_lights(self) -> TrafficLights:
        ids = []
        for signal in self.town.signals:
            actor = _light_actor(self.identity.actor(), signal)
            self.actors[actor.id] = actor
            ids.append(actor.id)
        for sign in self.town.signs:
            actor = _sign_actor(self.identity.actor(), sign)
            self.actors[actor.id] = actor
        return TrafficLights(tuple(self.town.signals), ids)

    def step(self, dt: float) -> None:
        """Advance the world by `dt` seconds."""
        for controller in tuple(self.controllers.values()):
            controller(dt)
        fleet = self.fleet
        ground, normal = self.town.height(fleet.data[:2].T, fleet.z)
        dynamics.advance(fleet, dt, self.settings.substeps(dt), ground, normal)
        self.walkers.step(dt, self.town)
        self.contacts = collisions.collide(fleet, self.grid, *self._bystanders())
        for contact in self.contacts:
            if contact.second in self.walkers.collides:
                x, y, _ = contact.impulse
                self.walkers.hit(contact.second, (-x, -y, 0.0))
        if len(fleet):
            dynamics.report(fleet, dt)
        self.lights.step(dt)
        self.at_light = self.lights.facing(fleet)
        self.told_to_wait = self.give_way.waiting(fleet)
        self.frame += 1
        self.elapsed += dt
        self.delta = dt

    def pose_of(self, actor: Actor) -> Pose:
        """Return an actor's present transform."""
        if actor.kind is Kind.VEHICLE:
            return self.fleet.pose_of(self.column(actor.id))
        if actor.kind is Kind.WALKER:
            return self.walkers.pose_of(actor.id)
        parent = self.actors.get(actor.parent)
        if parent is not None:
            return compose(self.pose_of(parent), actor.relative)
        return actor.pose

    def column(self, actor_id: int) -> int:
        """The fleet's column of a vehicle. Raises KeyError when it is no vehicle."""
        try:
            return self.fleet.columns[actor_id]
        except KeyError:
            raise KeyError(f"actor {actor_id} is not a vehicle") from None

    def refresh_fixtures(self) -> None:
        """Rebuilds the boxes of props after one came, went or moved."""
        props = [a for a in self.actors.values() if a.type_id.startswith("static.prop.")]
        props.sort(key=lambda prop: prop.box_half[2] < _DRIVEN_OVER)
        rows = []
        for prop in props:
            x, y, z, _, yaw, _ = self.pose_of(prop)
            rows.append((x, y, z + prop.box_half[2], math.radians(yaw), *prop.box_half))
        self.fixture_ids = [prop.id for prop in props]
        self.fixtures = Boxes.rows(np.array(rows))
        count = sum(prop.box_half[2] >= _DRIVEN_OVER for prop in props)
        self.hurdles = self.fixtures.take(np.arange(count))

    def _bystanders(self) -> tuple[Boxes, list[int], int]:
        """Boxes and ids of walkers and props, and how many are walkers."""
        if not self.walkers.ids:
            return self.hurdles, self.fixture_ids, 0
        walkers = self.walkers.boxes()
        boxes = Boxes.join([walkers, self.hurdles])
        ids = [*self.walkers.colliding_ids, *self.fixture_ids]
        return boxes, ids, len(walkers)


def geo_origin(opendrive: str) -> tuple[float, float]:
    """Latitude and longitude of the map's origin, from its geoReference; zero where it has none."""
    found = [
        re.search(rf"\+{key}=(-?[0-9.eE+-]+)", opendrive[:20000]) for key in ("lat_0", "lon_0")
    ]
    latitude, longitude = (float(match.group(1)) if match else 0.0 for match in found)
    return latitude, longitude


def _light_actor(actor_id: int, signal: Any) -> Actor:
    return _fixed(actor_id, "traffic.traffic_light", Kind.LIGHT, signal, 7)


def _sign_actor(actor_id: int, sign: Any) -> Actor:
    actor = _fixed(actor_id, sign.type_id, Kind.SIGN, sign, 8)
    actor.state = sign.id
    return actor


def _fixed(actor_id: int, type_id: str, kind: Kind, signal: Any, tag: int) -> Actor:
    """An actor of a light or sign; its box is its first stop zone."""
    pose: Pose = (float(signal.x), float(signal.y), float(signal.z), 0.0, float(signal.yaw), 0.0)
    actor = Actor(
        actor_id,
        type_id,
        kind,
        [0, type_id, [["role_name", 4, ""]]],
        {"role_name": ""},
        pose=pose,
        tags=bytes([tag]),
    )
    boxes = np.asarray(signal.boxes, np.float64).reshape(-1, 6)
    if len(boxes):
        x, y, _, half_x, half_y, yaw = boxes[0].tolist()
        angle = math.radians(pose[4])
        dx, dy = x - pose[0], y - pose[1]
        actor.box_centre = (
            dx * math.cos(angle) + dy * math.sin(angle),
            dy * math.cos(angle) - dx * math.sin(angle),
            0.0,
        )
        actor.box_half = (half_x, half_y, 1.0)
        actor.box_yaw = yaw - pose[4]
    return actor


__all__ = ["ACTIVE", "CLEAR_NOON", "ORIGIN", "Identity", "Settings", "World"]
