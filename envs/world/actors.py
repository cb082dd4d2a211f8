"""The actors that are ours, and no others; destroyed in the one order that is safe.

Stop the sensors, tick once, destroy the sensors, take the NPCs from the Traffic Manager, destroy
them as a batch, and the ego last. A sensor destroyed while it sends, or a vehicle destroyed while
the Traffic Manager steers it, takes the client process down.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import carla

from envs.errors import EnvError
from envs.world.client import Session, faults
from envs.world.sensors import Sensor

ROLE = "td3jax"  # role_name prefix of our vehicles: how leftovers of a dead client are known


@dataclasses.dataclass
class Actors:
    """Our actors on one world. `vehicles` and `walkers` are ids; `half` holds half sizes by id."""

    ego: Any = None
    sensors: list[Sensor] = dataclasses.field(default_factory=list)
    vehicles: list[int] = dataclasses.field(default_factory=list)
    walkers: list[int] = dataclasses.field(default_factory=list)
    tm_port: int = 0
    half: dict[int, tuple[float, float]] = dataclasses.field(default_factory=dict)

    def destroy(self, session: Session) -> None:
        """Destroy everything of ours; goes on past errors, since the server may be gone."""
        silence(self.sensors)
        with contextlib.suppress(RuntimeError, EnvError):
            session.tick()
        for sensor in self.sensors:
            with contextlib.suppress(RuntimeError):
                sensor.actor.destroy()
        with contextlib.suppress(RuntimeError):
            release(session, self.vehicles, self.tm_port)
            ids = [*self.vehicles, *self.walkers]
            batch(session, [carla.command.DestroyActor(i) for i in ids])
        if self.ego is not None:
            with contextlib.suppress(RuntimeError):
                self.ego.destroy()
        self.forget()

    def forget(self) -> None:
        """Drop every reference, for a world that no longer exists."""
        self.ego = None
        self.sensors = []
        self.vehicles = []
        self.walkers = []
        self.half = {}


def silence(sensors: list[Sensor]) -> None:
    """Stop every stream, also those of a server that is gone."""
    for sensor in sensors:
        with contextlib.suppress(RuntimeError):
            sensor.stop()


def release(session: Session, vehicles: list[int], tm_port: int) -> None:
    """Take vehicles away from the Traffic Manager, if there is one."""
    if tm_port and vehicles:
        set_autopilot = carla.command.SetAutopilot
        batch(session, [set_autopilot(i, False, tm_port) for i in vehicles])


def batch(session: Session, commands: list[Any]) -> list[Any]:
    """Run commands at once without a tick: with one, 0.9.16 can dead-lock on the GIL."""
    if not commands:
        return []
    return list(session.client.apply_batch_sync(commands, False))


def remove_leftovers(session: Session) -> int:
    """Destroy what a dead client of ours left behind; return the number of actors.

    Only vehicles and walkers with our role name, and sensors attached to them.
    """
    session.tick()
    with faults("looking for leftovers"):
        actors = list(session.world.get_actors())
        ours = {a.id for a in actors if a.attributes.get("role_name", "").startswith(ROLE)}
        attached = [a.id for a in actors if a.parent is not None and a.parent.id in ours]
        batch(session, [carla.command.DestroyActor(i) for i in attached])
        batch(session, [carla.command.DestroyActor(i) for i in sorted(ours)])
    return len(ours) + len(attached)
