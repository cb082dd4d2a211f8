"""Walkers that keep to the pavements, steered by us: no navigation mesh is needed."""

from __future__ import annotations

import logging
from typing import Any

import carla
import numpy as np

from envs.world.actors import ROLE, Actors, batch
from envs.world.client import Session, faults

LOG = logging.getLogger(__name__)
EVERY = 10  # ticks between two looks at where a walker should go
STRIDE = 3.0  # m ahead on the pavement that a walker makes for
SPEEDS = (0.9, 1.8)  # m/s


class Walkers:
    """Each walks along its pavement and turns round at the end of it."""

    def __init__(self, count: int, actors: Actors) -> None:
        self.count = count
        self.actors = actors
        self._pace: dict[int, float] = {}  # m/s, negative against the lane's direction
        self._ticks = 0

    def fill(self, session: Session, rng: np.random.Generator) -> None:
        """Spawn the walkers that are missing at drawn places of the pavements."""
        missing = self.count - len(self.actors.walkers)
        if missing <= 0:
            return
        places = pavement(session.map)
        if not places:
            LOG.warning("%s has no pavements: no walkers", session.town)
            return
        people = sorted(session.world.get_blueprint_library().filter("walker.*"), key=_id)
        commands = []
        for i in rng.permutation(len(places))[:missing]:
            person = people[int(rng.integers(len(people)))]
            person.set_attribute("role_name", f"{ROLE}_walker")
            commands.append(carla.command.SpawnActor(person, _standing(places[i])))
        with faults("spawning walkers"):
            replies = batch(session, commands)
        for reply in replies:
            if not reply.error:
                self.actors.walkers.append(reply.actor_id)
                self.actors.half[reply.actor_id] = (0.3, 0.3)
                way = 1.0 if rng.random() < 0.5 else -1.0
                self._pace[reply.actor_id] = way * float(rng.uniform(*SPEEDS))

    def steer(self, session: Session) -> None:
        """Point each walker along its pavement, every few ticks."""
        self._ticks += 1
        if not self.actors.walkers or self._ticks % EVERY:
            return
        snapshot = session.world.get_snapshot()
        with faults("steering walkers"):
            commands = [self._step(session, snapshot, i) for i in self.actors.walkers]
            batch(session, [command for command in commands if command])

    def _step(self, session: Session, snapshot: Any, walker: int) -> Any:
        found = snapshot.find(walker)
        if found is None:
            return None
        here = found.get_transform().location
        lane = session.map.get_waypoint(here, lane_type=carla.LaneType.Sidewalk)
        ahead = self._ahead(lane, walker)
        if not ahead:
            self._pace[walker] = -self._pace[walker]
            ahead = self._ahead(lane, walker)
        if not ahead:
            return None
        goal = ahead[0].transform.location
        way = carla.Vector3D(goal.x - here.x, goal.y - here.y, 0.0)
        if way.length() < 1e-3:
            return None
        control = carla.WalkerControl(way.make_unit_vector(), abs(self._pace[walker]))
        return carla.command.ApplyWalkerControl(walker, control)

    def _ahead(self, lane: Any, walker: int) -> list[Any]:
        forward = self._pace[walker] > 0.0
        return list(lane.next(STRIDE) if forward else lane.previous(STRIDE)) if lane else []


def pavement(world_map: Any) -> list[Any]:
    """Return waypoints on sidewalks beside the driving lanes, about every 20 m."""
    found = []
    for waypoint in world_map.generate_waypoints(20.0):
        side = waypoint
        while side is not None and side.lane_type != carla.LaneType.Sidewalk:
            following = side.get_right_lane()
            done = following is not None and following.lane_id * waypoint.lane_id <= 0
            side = None if done else following
        if side is not None:
            found.append(side)
    return found


def _standing(waypoint: Any) -> Any:
    place = waypoint.transform.location
    return carla.Transform(carla.Location(place.x, place.y, place.z + 1.0), carla.Rotation())


def _id(item: Any) -> str:
    return str(item.id)
