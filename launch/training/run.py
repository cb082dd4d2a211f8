"""One training run, from its configuration to its report."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from envs.errors import EnvError
from launch.config.run import RunConfig, to_json
from launch.errors import NonFinite
from launch.signals import StopRequest
from launch.training.environments import make_env, spaces_of
from launch.training.evaluation import Stopped
from launch.training.finish import finish, report
from launch.training.folder import CONFIG, SIMULATOR_LOG, locked, note_start, write_whole
from launch.training.loop import StoppedNoGo, train
from launch.training.machine import cache_compilations, describe, tune
from launch.training.progress import say
from launch.training.session import Session, open_session


def run_in(
    folder: Path, config: RunConfig, notes: Sequence[str], resumed: Path | None, stop: StopRequest
) -> int:
    """A new run in an empty folder, or the rest of one from a checkpoint; the exit code."""
    cache_compilations()
    with locked(folder), contextlib.ExitStack() as cleanup:
        try:
            env = make_env(config, folder / SIMULATOR_LOG, lambda line: say(f"simulator: {line}"))
            cleanup.callback(env.close)
            tune(spaces_of(env))
            session = open_session(config, folder, env, stop, resumed)
            cleanup.callback(session.close)
            if resumed is None:
                session.collector.begin()
        except BaseException as error:
            if resumed is None:  # nothing happened in it: it would be half a run
                _discard(folder, isinstance(error, EnvError))
            raise
        return _train(session, notes, resumed)


def _discard(folder: Path, keep_log: bool) -> None:
    """Removes a folder; what a simulator that failed has said stays, for its error names it."""
    if not keep_log or not (folder / SIMULATOR_LOG).exists():
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path in folder.iterdir():
        if path.name != SIMULATOR_LOG:
            path.unlink()


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
