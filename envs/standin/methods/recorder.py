"""Calls of the recorder and the replayer."""

from __future__ import annotations

from typing import Any

from envs.standin import recording, recording_texts
from envs.standin.geometry import pose
from envs.standin.methods.registry import value, void
from envs.standin.replay import Follow, Replay
from envs.standin.rpc import RpcFailure
from envs.standin.simulation import Simulation


@value("start_recorder")
def start_recorder(sim: Simulation, name: str, additional_data: bool = False) -> str:
    """Write every tick from here on to a file on this machine; its path."""
    sim.stop_recorder()
    sim.recorder = recording.Recorder(recording.path_of(name), sim.world, sim.map_name)
    return str(sim.recorder.path)


@void("stop_recorder")
def stop_recorder(sim: Simulation) -> None:
    """End the file."""
    sim.stop_recorder()


@value("show_recorder_file_info")
def show_recorder_file_info(sim: Simulation, name: str, show_all: bool = False) -> str:
    """Events of a recording by frame."""
    return recording_texts.events(_read(sim, name), bool(show_all))


@value("show_recorder_collisions")
def show_recorder_collisions(sim: Simulation, name: str, first: Any, second: Any) -> str:
    """Collisions between two kinds of actor."""
    return recording_texts.collisions(_read(sim, name), _letter(first), _letter(second))


@value("show_recorder_actors_blocked")
def show_recorder_actors_blocked(
    sim: Simulation, name: str, min_time: float, min_distance: float
) -> str:
    """Vehicles that stood for long."""
    return recording_texts.blocked(_read(sim, name), float(min_time), float(min_distance))


@value("replay_file")
def replay_file(
    sim: Simulation,
    name: str,
    start: float,
    duration: float,
    follow_id: int = 0,
    replay_sensors: bool = False,
    offset: list[Any] | None = None,
) -> str:
    """Plays a recording back in the ticks to come; sensors are not made again."""
    found = _read(sim, name)
    sim.stop_recorder()
    _end_replay(sim, keep=False)
    if found.header["map"] != sim.map_name:
        sim.load(found.header["map"], reset_settings=False)
    options = sim.replay_options
    follow = Follow(int(follow_id)) if offset is None else Follow(int(follow_id), pose(offset))
    replay = Replay(found, sim.world, sim.hub, options, float(start), float(duration), follow)
    sim.replay = replay
    return (
        f"Replaying File: {found.path}\n\n{found.head()}\n"
        f"Total time recorded: {found.seconds:.2f}\n\n"
        f"Replaying from {replay.start:.2f} s - {replay.end:.2f} s at "
        f"{options.factor:.1f}x\n"
    )


@void("stop_replayer")
def stop_replayer(sim: Simulation, keep_actors: bool = True) -> None:
    """End a playback; its actors stay where they are, or go."""
    _end_replay(sim, bool(keep_actors))


@void("set_replayer_time_factor")
def set_replayer_time_factor(sim: Simulation, factor: float) -> None:
    """Seconds of the recording for each second of the world."""
    if not 0.0 < float(factor) < 1e6:
        raise RpcFailure(f"set_replayer_time_factor: {factor} is not a number above 0")
    sim.replay_options.factor = float(factor)


@void("set_replayer_ignore_hero")
def set_replayer_ignore_hero(sim: Simulation, ignored: bool) -> None:
    """Tell whether vehicles with the role hero are left out of the next playback."""
    sim.replay_options.ignore_hero = bool(ignored)


@void("set_replayer_ignore_spectator")
def set_replayer_ignore_spectator(sim: Simulation, ignored: bool) -> None:
    """Tell whether the spectator stays where it is during a playback."""
    sim.replay_options.ignore_spectator = bool(ignored)


def _read(sim: Simulation, name: str) -> recording.Recording:
    if sim.recorder is not None:
        sim.recorder.flush()
    return recording.read(name)


def _end_replay(sim: Simulation, keep: bool) -> None:
    if sim.replay is not None:
        sim.replay.stop(keep)
        sim.replay = None


def _letter(code: Any) -> str:
    """The client sends a character as its number."""
    return chr(code) if isinstance(code, int) else str(code)
