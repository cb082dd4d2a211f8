"""Train an agent: `python -m launch.train [--flag=value ...]`; --help explains every flag.

Exit codes: 0 done; 1 failed; 2 bad input; 3 stopped on NO-GO; 130, 143 stopped by a signal.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from launch.cli import guarded, wants_help
from launch.config.flags import Command, Extra
from launch.config.run import RunConfig, resolve, to_json
from launch.errors import BadInput, NonFinite
from launch.signals import StopRequest, stop_on_signals
from launch.training import checkpoint
from launch.training.environments import make_env, spaces_of
from launch.training.evaluation import Stopped
from launch.training.finish import finish, report
from launch.training.folder import (
    CONFIG,
    exact_run_folder,
    locked,
    new_run_folder,
    note_start,
    write_whole,
)
from launch.training.loop import StoppedNoGo, train
from launch.training.machine import cache_compilations, describe, tune
from launch.training.session import Session, open_session

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
    """One run, from flags to report; returns the exit code."""
    given = COMMAND.parse(argv)
    resume = COMMAND.extra(given, "resume")
    path = checkpoint.find(Path(resume)) if resume else None
    config, notes = resolve(_configuration(given, path))
    cache_compilations()
    folder = path.parent.parent if path else _new_folder(given, config)
    with locked(folder), contextlib.ExitStack() as cleanup:
        try:
            env = make_env(config, folder / "simulator.log")
            cleanup.callback(env.close)
            tune(spaces_of(env))
            session = open_session(config, folder, env, stop, path)
            cleanup.callback(session.close)
            if path is None:
                session.collector.begin()
        except BaseException:
            if path is None:  # nothing happened in it: it would be half a run
                shutil.rmtree(folder, ignore_errors=True)
            raise
        return _train(session, notes, path)


def _configuration(given: dict[str, object], path: Path | None) -> RunConfig:
    if path is None:
        return COMMAND.configuration(given)
    stored = checkpoint.read_config(path)
    config = COMMAND.configuration(given, stored)
    for name in _FIXED:
        old, new = getattr(stored.loop, name), getattr(config.loop, name)
        if old != new:
            raise BadInput(f"--{name}={new}: the run to resume has {old}; start a new one")
    return config


def _new_folder(given: dict[str, object], config: RunConfig) -> Path:
    exact = COMMAND.extra(given, "run_dir")
    if exact:
        return exact_run_folder(Path(exact))
    name = COMMAND.extra(given, "name") or config.loop.env
    return new_run_folder(Path(COMMAND.extra(given, "runs_dir")), name)


def _train(session: Session, notes: Sequence[str], resumed: Path | None) -> int:
    folder, stop = session.folder, session.stop
    write_whole(folder / CONFIG, to_json(session.config))
    note_start(folder)
    session.progress.say(describe(folder, session.buffer, session.learner.state.spaces))
    for note in notes:
        session.progress.say(note)
    if resumed is not None:
        session.progress.say(f"resumed from {resumed} at step {session.step:,}")
    try:
        ended = train(session)
    except (NonFinite, StoppedNoGo):
        report(session)
        raise
    if not ended:
        return _stopped(session)
    try:
        verdict = finish(session)
    except Stopped:
        return _stopped(session)
    session.progress.close()
    print(f"{verdict}\nreport: {folder / 'report.md'}")
    return 0 if not stop else stop.exit_code


def _stopped(session: Session) -> int:
    session.progress.close()
    print(
        f"stopped by {session.stop.name} at step {session.step:,}; "
        f"--resume={session.folder} continues"
    )
    return session.stop.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
