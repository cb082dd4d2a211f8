"""The registry through which clients find each other's Traffic Managers."""

from __future__ import annotations

from typing import Any

from envs.standin.methods.registry import value, void
from envs.standin.simulation import Simulation


@value("is_traffic_manager_running")
def is_running(sim: Simulation, port: int) -> bool:
    """Tell whether a client has registered a Traffic Manager on the port."""
    return port in sim.traffic_managers


@value("get_traffic_manager_running")
def get_running(sim: Simulation, port: int) -> list[Any]:
    """Host and port of a registered Traffic Manager."""
    registered = sim.traffic_managers.get(port)
    return ["", 0] if registered is None else [registered[0], port]


@value("add_traffic_manager_running")
def add_running(sim: Simulation, endpoint: list[Any]) -> bool:
    """Registers a Traffic Manager; False when the port is taken."""
    host, port = str(endpoint[0]), int(endpoint[1])
    if port in sim.traffic_managers:
        return False
    sim.traffic_managers[port] = (host, sim.caller)
    return True


@void("destroy_traffic_manager")
def destroy(sim: Simulation, port: int) -> None:
    """Take a Traffic Manager off the registry."""
    sim.traffic_managers.pop(port, None)
