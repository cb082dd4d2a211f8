"""Train an agent: `python -m launch.train [--flag=value ...]`; --help explains every flag.

Exit codes: 0 done; 1 failed; 2 bad input; 3 stopped on NO-GO; 130, 143 stopped by a signal.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from launch.cli import guarded, wants_help
from launch.config.flags import Command, Extra
from launch.config.run import CARLA, RunConfig, resolve
from launch.errors import BadInput
from launch.signals import StopRequest, stop_on_signals
from launch.training.folder import exact_run_folder, new_run_folder

COMMAND = Command(
    "train",
    "Trains a TD3 agent and leaves a run folder: configuration, events, checkpoints, report, film.",
    [
        Extra("runs_dir", str, "runs", "folder of run folders"),
        Extra("name", str, "", "name of the run folder, which gets a number; empty = env's name"),
        Extra("run_dir", str, "", "exact run folder, which must be new or empty"),
        Extra("resume", str, "", "run folder, or one of its checkpoints, to continue"),
    ],
)
_FIXED = ("env", "seed")  # of a run that is resumed


def main(argv: Sequence[str]) -> int:
    """Entry point; returns the exit code."""
    if wants_help(argv):
        print(COMMAND.help(), end="")
        return 0

    def body() -> int:
        with stop_on_signals() as stop:
            return run(argv, stop)

    return guarded("train", body)


def run(argv: Sequence[str], stop: StopRequest) -> int:
    """One run, from flags to report; returns the exit code.

    Jax takes seconds to import, many on a busy machine: bad flags are told before, and what is
    waited for.
    """
    given = COMMAND.parse(argv)
    resume = COMMAND.extra(given, "resume")
    if resume:
        return _resume(given, Path(resume), stop)
    config, notes = resolve(COMMAND.configuration(given))
    folder = _new_folder(given, config)
    _announce(config)
    from launch.training.run import run_in

    return run_in(folder, config, notes, None, stop)


def _resume(given: dict[str, object], resume: Path, stop: StopRequest) -> int:
    from launch.training import checkpoint
    from launch.training.run import run_in

    path = checkpoint.find(resume)
    stored = checkpoint.read_config(path)
    config, notes = resolve(COMMAND.configuration(given, stored))
    for name in _FIXED:
        old, new = getattr(stored.loop, name), getattr(config.loop, name)
        if old != new:
            raise BadInput(f"--{name}={new}: the run to resume has {old}; start a new one")
    _announce(config)
    return run_in(path.parent.parent, config, notes, path, stop)


def _announce(config: RunConfig) -> None:
    """The first line, where a simulator has to be waited for."""
    server = config.env.server
    if config.loop.env != CARLA:
        return
    if server.host:
        what = f"the simulator at {server.host}:{server.port}"
    elif server.server_command:
        what = "the simulator, which --server_command starts"
    else:
        what = "the stand-in simulator, which compiles for about a minute when a machine is new"
    print(f"loading jax, then waiting for {what}", flush=True)


def _new_folder(given: dict[str, object], config: RunConfig) -> Path:
    exact = COMMAND.extra(given, "run_dir")
    if exact:
        return exact_run_folder(Path(exact))
    name = COMMAND.extra(given, "name") or config.loop.env
    return new_run_folder(Path(COMMAND.extra(given, "runs_dir")), name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
