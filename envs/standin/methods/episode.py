"""Calls about the episode: version, settings, ticks, map and weather."""

from __future__ import annotations

import math
from typing import Any

from envs.standin.blueprints import library
from envs.standin.geometry import wire
from envs.standin.methods.registry import value, void
from envs.standin.rpc import RpcFailure
from envs.standin.simulation import MAX_DELTA_S, Simulation
from envs.standin.streams import WORLD_STREAM
from envs.standin.world import MAX_SUBSTEPS, Settings

VERSION = "0.9.16"


@value("version")
def version(sim: Simulation) -> str:
    """The CARLA version whose protocol this is."""
    return VERSION


@value("get_episode_info")
def get_episode_info(sim: Simulation) -> list[Any]:
    """Episode id and where its snapshots come from."""
    return [sim.world.episode, [sim.hub.token(WORLD_STREAM)]]


@value("get_episode_settings")
def get_episode_settings(sim: Simulation) -> list[Any]:
    """The settings in force."""
    s = sim.world.settings
    delta = [False] if s.fixed_delta is None else [True, s.fixed_delta]
    return [
        s.synchronous,
        s.no_rendering,
        delta,
        s.substepping,
        s.max_substep_delta,
        s.max_substeps,
        s.max_culling_distance,
        s.deterministic_ragdolls,
        s.tile_stream_distance,
        s.actor_active_distance,
        s.spectator_as_ego,
    ]


@value("set_episode_settings")
def set_episode_settings(sim: Simulation, settings: list[Any]) -> int:
    """Put settings in force; return the frame from which they hold.

    Synchronous mode begins with the step that was under way, as on a real server: scripts rely on
    having heard of their sensors by then.
    """
    synchronous, no_rendering, delta, substepping, substep, count, *rest = settings
    fixed = float(delta[1]) if delta[0] else None
    if fixed is not None and not 0 <= fixed <= MAX_DELTA_S:
        raise RpcFailure(f"fixed_delta_seconds {fixed} is not in 0 to {MAX_DELTA_S}")
    substep, count = float(substep), int(count)
    if not (math.isfinite(substep) and substep > 0 and 1 <= count <= MAX_SUBSTEPS):
        raise RpcFailure(f"substepping needs a positive step and 1 to {MAX_SUBSTEPS} substeps")
    culling, ragdolls, tiles, active, ego = rest
    begins = bool(synchronous) and not sim.world.settings.synchronous
    sim.world.settings = Settings(
        bool(synchronous),
        bool(no_rendering),
        fixed or None,
        bool(substepping),
        substep,
        count,
        float(culling),
        bool(ragdolls),
        float(tiles),
        float(active),
        bool(ego),
    )
    return sim.tick() if begins else sim.world.frame


@value("tick_cue")
def tick_cue(sim: Simulation) -> int:
    """Step once; return the new frame."""
    return sim.tick()


@value("get_map_info")
def get_map_info(sim: Simulation) -> list[Any]:
    """Name of the map and the places where vehicles may start."""
    town = sim.world.town
    return [f"Carla/Maps/{sim.map_name}", [wire(tuple(row)) for row in town.spawn_points.tolist()]]


@value("get_map_data")
def get_map_data(sim: Simulation) -> str:
    """The OpenDRIVE text."""
    return sim.world.town.opendrive


@value("get_required_files")
def get_required_files(sim: Simulation, folder: str = "", download: bool = False) -> list[str]:
    """Files that the client should fetch: where walkers may go, and none of other folders."""
    town = sim.world.town
    return [town.navigation_file] if folder == "Nav" and town.navigation else []


@value("request_file")
def request_file(sim: Simulation, name: str) -> bytes:
    """The navigation of the present town, the only file that is listed."""
    if name == sim.world.town.navigation_file:
        return sim.world.town.navigation
    raise RpcFailure(f"request_file: '{name}' is not on this server")


@value("get_available_maps")
def get_available_maps(sim: Simulation) -> list[str]:
    """The built-in towns."""
    return [f"/Game/Carla/Maps/{name}" for name in sim.towns]


@value("get_navigation_mesh")
def get_navigation_mesh(sim: Simulation) -> bytes:
    """Where walkers may go."""
    return sim.world.town.navigation


@void("load_new_episode")
def load_new_episode(
    sim: Simulation, name: str, reset_settings: bool = True, layers: int = 0
) -> None:
    """Start a new world on a map; an empty name is the present one."""
    sim.load(str(name), bool(reset_settings))


@void("copy_opendrive_to_file")
def copy_opendrive_to_file(sim: Simulation, text: str, parameters: list[Any]) -> None:
    """Take the map of `generate_opendrive_world`."""
    sim.prepare_opendrive(text)


@value("get_actor_definitions")
def get_actor_definitions(sim: Simulation) -> list[Any]:
    """The blueprint library."""
    return list(library().values())


@value("get_spectator")
def get_spectator(sim: Simulation) -> list[Any]:
    """The spectator actor."""
    return sim.world.spectator.wire()


@value("get_weather_parameters")
def get_weather_parameters(sim: Simulation) -> list[float]:
    """The weather."""
    return sim.world.weather


@void("set_weather_parameters")
def set_weather_parameters(sim: Simulation, weather: list[Any]) -> None:
    """Changes the weather; what is missing or not finite keeps its value."""
    for index, number in enumerate(weather[: len(sim.world.weather)]):
        if math.isfinite(number):
            sim.world.weather[index] = float(number)
