"""NPC vehicles under a Traffic Manager of our own.

The Traffic Manager lives in this process, is stepped by our tick and is seeded at every reset,
which also restarts the traffic lights. The NPCs are the same vehicles in every run and stay between
episodes, so that an episode's seed alone decides what happens in it. Where an episode has fewer,
the last are destroyed: for one that is only parked, the Traffic Manager asks the server for its
size at every tick.
"""

from __future__ import annotations

import logging
import math
import socket
from typing import Any

import carla
import numpy as np

from envs.config import TrafficConfig
from envs.errors import SimulatorFault
from envs.task.surroundings import NOBODY, NearbyActors
from envs.world.actors import ROLE, Actors, batch, release
from envs.world.client import Session, faults

LOG = logging.getLogger(__name__)
CLEAR = 14.0  # m free of NPCs about the ego's start
IDLE_SECONDS = 90.0  # an NPC that has not moved for so long is jammed and placed anew
FLEET_SEED = 0xF1EE7
LIFT = 0.3  # m above the ground at which vehicles are placed


class Traffic:
    """The other road users of one world; `actors` keeps their ids."""

    def __init__(self, config: TrafficConfig, actors: Actors, tm_port: int) -> None:
        self.config = config
        self.actors = actors
        self.tm_port = tm_port
        self._manager: Any = None
        self._count = 0  # vehicles of the episode
        self._still: dict[int, tuple[float, float, float]] = {}

    def start(self, session: Session) -> None:
        """Make the Traffic Manager, if there are vehicles for it."""
        most = max(self.config.vehicles, *self.config.train_npc_vehicles, 0)
        if not most or self._manager is not None:
            return
        _require_free_port(self.tm_port)
        with faults("starting the Traffic Manager"):
            self._manager = session.client.get_trafficmanager(self.tm_port)
            self._manager.set_synchronous_mode(True)
            self._manager.set_global_distance_to_leading_vehicle(self.config.npc_gap)
            self._manager.global_percentage_speed_difference(self.config.npc_slowdown)
        self.actors.tm_port = self.tm_port
        session.watch_traffic(self.tm_port)

    def seed(self, session: Session, seed: int) -> None:
        """Seed the Traffic Manager, if there is one, and restart the traffic lights."""
        if self._manager is not None:
            with faults("seeding the Traffic Manager"):
                self._manager.set_random_device_seed(seed)  # restarts the lights too
            return
        with faults("restarting the traffic lights"):
            session.world.reset_all_traffic_lights()

    def shut_down(self, session: Session) -> None:
        """End the Traffic Manager; needed before a map is loaded, or the client crashes."""
        session.end_watch()
        if self._manager is not None:
            with faults("ending the Traffic Manager"):
                self._manager.shut_down()
            self._manager = None
            self.actors.tm_port = 0

    def fill(self, session: Session, start: Any, rng: np.random.Generator) -> None:
        """Spawn the vehicles that are missing, on drawn spawn points away from `start`.

        The number of a vehicle decides what it is.
        """
        missing = self._count - len(self.actors.vehicles)
        if missing <= 0:
            return
        spots = free_spots(session.map, start, self._taken(session), rng)
        if len(spots) < missing:
            LOG.warning(
                "%s has room for %d of %d NPC vehicles: the rest is left out",
                session.town,
                len(spots),
                missing,
            )
        blueprints = _cars(session.world.get_blueprint_library())
        autopilot = carla.command.SetAutopilot(carla.command.FutureActor, True, self.tm_port)
        taste = np.random.default_rng(FLEET_SEED)
        for _ in self.actors.vehicles:
            _painted(blueprints, taste)
        commands = [
            carla.command.SpawnActor(_painted(blueprints, taste), spot).then(autopilot)
            for spot in spots[:missing]
        ]
        with faults("spawning NPC vehicles"):
            replies = batch(session, commands)
            spawned = [reply.actor_id for reply in replies if not reply.error]
            self.actors.vehicles += spawned
            self._measure(session, spawned)

    def muster(self, session: Session, count: int) -> bool:
        """Set how many vehicles an episode has; those beyond it are destroyed. Return whether it is
        another number than before: then `fill` and `place` must follow."""
        surplus = self.actors.vehicles[count:]
        if surplus:
            with faults("removing NPC vehicles"):
                release(session, surplus, self.tm_port)
                batch(session, [carla.command.DestroyActor(vehicle) for vehicle in surplus])
            self.actors.vehicles = self.actors.vehicles[:count]
        changed, self._count = count != self._count, count
        return changed

    def place(self, session: Session, start: Any, rng: np.random.Generator) -> None:
        """Put every vehicle on a drawn spawn point, standing, as after the first reset.

        The ego goes to `start` in the same step: where it stood may be a vehicle's new place.
        """
        vehicles = self.actors.vehicles
        spots = free_spots(session.map, start.location, NOBODY, rng)[: len(vehicles)]
        moved = [*vehicles[: len(spots)], self.actors.ego.id]
        self._move(session, moved, [*spots, start])

    def _move(self, session: Session, vehicles: list[int], spots: list[Any]) -> None:
        command, zero = carla.command, carla.Vector3D()
        driven = [i for i in vehicles if i != self.actors.ego.id]
        with faults("placing NPC vehicles"):
            release(session, driven, self.tm_port)
            commands: list[Any] = []
            for vehicle, spot in zip(vehicles, spots, strict=True):
                commands += [
                    command.ApplyVehicleControl(vehicle, carla.VehicleControl(brake=1.0)),
                    command.ApplyTransform(vehicle, spot),
                    command.ApplyTargetVelocity(vehicle, zero),
                    command.ApplyTargetAngularVelocity(vehicle, zero),
                ]
            batch(session, commands)
            session.tick()
            batch(session, [command.SetAutopilot(i, True, self.tm_port) for i in driven])

    def clear(self, session: Session, start: Any, rng: np.random.Generator) -> None:
        """Move the vehicles about `start` elsewhere, so that the ego can be put there."""
        snapshot = session.world.get_snapshot()
        near = [i for i in self.actors.vehicles if _distance(snapshot, i, start) < CLEAR]
        if near:
            spots = free_spots(session.map, start, self.places(session), rng)
            self._move(session, near[: len(spots)], spots[: len(near)])

    def tidy(self, session: Session, start: Any, rng: np.random.Generator) -> None:
        """Drop, between episodes, vehicles that are gone, and move jammed ones elsewhere."""
        snapshot = session.world.get_snapshot()
        now = snapshot.elapsed_seconds
        jammed = []
        self.actors.vehicles = [i for i in self.actors.vehicles if snapshot.has_actor(i)]
        for vehicle in self.actors.vehicles:
            place = snapshot.find(vehicle).get_transform().location
            x, y, since = self._still.get(vehicle, (math.inf, math.inf, now))
            if math.hypot(place.x - x, place.y - y) > 2.0:
                self._still[vehicle] = (place.x, place.y, now)
            elif now - since > IDLE_SECONDS:
                jammed.append(vehicle)
        if jammed:
            spots = free_spots(session.map, start, self.places(session), rng)
            count = min(len(jammed), len(spots))
            self._move(session, jammed[:count], spots[:count])

    def places(self, session: Session) -> NearbyActors:
        """Return where the others are now."""
        return others(session.world.get_snapshot(), self.actors)

    def _taken(self, session: Session) -> NearbyActors:
        """Return where the others and the ego are now."""
        here = self.actors.ego.get_location()
        return np.vstack([self.places(session), [here.x, here.y, *(0.0,) * 5]])

    def _measure(self, session: Session, ids: list[int]) -> None:
        for actor in session.world.get_actors(ids):
            extent = actor.bounding_box.extent
            self.actors.half[actor.id] = (extent.x, extent.y)


def free_spots(
    world_map: Any, start: Any, taken: NearbyActors, rng: np.random.Generator
) -> list[Any]:
    """Spawn points in drawn order, lifted, clear of `start` and of the others in `taken`."""
    points = list(world_map.get_spawn_points())
    drawn = [points[i] for i in rng.permutation(len(points))]
    blocked = [(start.x, start.y)] + [(row[0], row[1]) for row in taken]
    spots = []
    for point in drawn:
        place = point.location
        if all(math.hypot(place.x - x, place.y - y) > CLEAR for x, y in blocked):
            spots.append(lifted(point))
    return spots


def lifted(transform: Any) -> Any:
    """Return the same place a little above the ground, so that wheels do not start in it."""
    place = transform.location
    return carla.Transform(carla.Location(place.x, place.y, place.z + LIFT), transform.rotation)


def others(snapshot: Any, actors: Actors) -> NearbyActors:
    """Return positions, velocities, headings and sizes of a snapshot's NPCs, float64 (N, 7)."""
    rows = []
    for i in (*actors.vehicles, *actors.walkers):
        actor = snapshot.find(i)
        if actor is None:
            continue
        transform, velocity = actor.get_transform(), actor.get_velocity()
        place = transform.location
        yaw = math.radians(transform.rotation.yaw)
        half = actors.half.get(i, (2.4, 1.0))
        rows.append((place.x, place.y, velocity.x, velocity.y, yaw, *half))
    return np.array(rows) if rows else NOBODY


def _cars(library: Any) -> list[Any]:
    """Return four-wheeled vehicles by id; the same list for the same server version."""
    cars = [
        item
        for item in library.filter("vehicle.*")
        if item.has_attribute("number_of_wheels")
        and int(item.get_attribute("number_of_wheels")) == 4
    ]
    if not cars:
        raise SimulatorFault("the server's blueprint library has no four-wheeled vehicle")
    return sorted(cars, key=lambda item: str(item.id))


def _distance(snapshot: Any, actor: int, place: Any) -> float:
    found = snapshot.find(actor)
    if found is None:
        return math.inf
    here = found.get_transform().location
    return math.hypot(here.x - place.x, here.y - place.y)


def _wheels(item: Any) -> int:
    name = "number_of_wheels"
    return int(item.get_attribute(name)) if item.has_attribute(name) else 0


def _painted(cars: list[Any], rng: np.random.Generator) -> Any:
    car = cars[int(rng.integers(len(cars)))]
    if car.has_attribute("color"):
        colours = list(car.get_attribute("color").recommended_values)
        if colours:
            car.set_attribute("color", colours[int(rng.integers(len(colours)))])
    car.set_attribute("role_name", f"{ROLE}_npc")
    return car


def _require_free_port(port: int) -> None:
    """Raise SimulatorFault where the port is taken; the supervisor's next try takes the next."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError as error:
            raise SimulatorFault(
                f"port {port} for the Traffic Manager is taken: choose another tm_port_offset"
            ) from error
