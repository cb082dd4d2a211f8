"""Train an agent, and leave a run folder: configuration, events, checkpoints, report, video.

Started by `td3jax train` or `python -m launch.train`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from launch.cli import run_command
from launch.config.flags import Command, Flag
from launch.config.presets import preset
from launch.config.run import CARLA, RunConfig, resolve
from launch.config.run_flags import ABOUT_PRESETS, configuration, from_checkpoint, run_flags
from launch.errors import BadInput
from launch.signals import StopRequest, stop_on_signals
from launch.training.fitting import fitting_preset
from launch.training.folder import exact_run_folder, new_run_folder

COMMAND = Command(
    "train",
    __doc__,
    "td3jax train --steps=5000 --seed=1",
    (
        Flag("run_dir", str, "", "exact folder of the run, which must be new or empty", True),
        Flag("name", str, "", "or its name in --runs_dir, which gets a number [env's name]", True),
        Flag("runs_dir", str, "runs", "folder of run folders"),
        Flag("resume", str, "", "run folder, or one of its checkpoints, to continue", True),
        *run_flags(common=("preset", "env", "steps", "seed", "simulators", "town", "host", "port")),
    ),
    notes=ABOUT_PRESETS,
)
_FIXED = ("env", "seed", "simulators", "overlap")  # of a run that is resumed
_OF_NEW_RUNS = ("preset", "name", "runs_dir", "run_dir")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(COMMAND, argv, _body)


def _body(given: dict[str, Any]) -> int:
    """Train; jax, which takes seconds to import, comes after the checks and the first line."""
    with stop_on_signals() as stop:
        resume = COMMAND.value(given, "resume")
        if resume:
            return _resume(given, Path(resume), stop)
        config, notes = _fresh(given)
        folder = _new_folder(given, config)
        _announce(config)
        from launch.training.run import run_training

        return run_training(config, folder, stop, notes)


def _resume(given: dict[str, Any], place: Path, stop: StopRequest) -> int:
    print(f"loading jax, then reading {place}", flush=True)
    from launch.training import checkpoint
    from launch.training.run import run_training

    passed_over: list[str] = []
    path = checkpoint.find(place, passed_over.append)
    folder = checkpoint.run_folder(path)
    if folder is None:
        raise BadInput(f"{path}: in no run folder; copy it to RUN/checkpoints/ to continue there")
    config, notes = _resumed(given, checkpoint.read_config(path))
    return run_training(config, folder, stop, passed_over + notes, path)


def _announce(config: RunConfig) -> None:
    """Print the first line, which says what is waited for."""
    server, loop = config.env.server, config.loop
    if loop.ray_address:
        task = f"waiting for --collectors={loop.simulators} in the Ray cluster {loop.ray_address}"
    elif loop.env != CARLA:
        task = f"making {loop.env}"
    elif loop.servers:
        task = f"waiting for the simulators at {', '.join(loop.servers)}"
    elif server.host:
        task = f"waiting for the simulator at {server.host}:{server.port}"
    elif loop.simulators > 1:
        task = f"waiting for {loop.simulators} simulators, which start one after the other"
    elif server.server_command:
        task = "waiting for the simulator, which --server_command starts"
    else:
        task = "waiting for the stand-in simulator, which compiles for a minute on a new machine"
    print(f"loading jax, then {task}", flush=True)


def _fresh(given: dict[str, Any]) -> tuple[RunConfig, list[str]]:
    asked = COMMAND.value(given, "preset")
    name, said = (asked, []) if asked else fitting_preset(given)
    config, notes = resolve(configuration(given, preset(name)))
    return config, said + notes


def _resumed(given: dict[str, Any], stored: RunConfig) -> tuple[RunConfig, list[str]]:
    config, notes = resolve(from_checkpoint(given, stored))
    for name in _FIXED:
        old, new = getattr(stored.loop, name), getattr(config.loop, name)
        if old != new:
            raise BadInput(f"--{name}={new}: the run to resume has {old}; start a new one")
    unused = [f"--{name}" for name in _OF_NEW_RUNS if name in given]
    if unused:
        notes.append(f"not used with --resume, which keeps folder and preset: {', '.join(unused)}")
    return config, notes


def _new_folder(given: dict[str, Any], config: RunConfig) -> Path:
    exact = COMMAND.value(given, "run_dir")
    if exact:
        return exact_run_folder(Path(exact))
    name = COMMAND.value(given, "name") or config.loop.env
    return new_run_folder(Path(COMMAND.value(given, "runs_dir")), name)


if __name__ == "__main__":
    sys.exit(main())
