"""One run in its folder: environment, training, last evaluation, report."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from envs.errors import EnvError, SimulatorUnavailable
from launch.config.run import RunConfig, to_json
from launch.errors import LaunchError, NonFinite
from launch.files import write_whole
from launch.signals import StopRequest
from launch.training.environments import Env, make_envs, spaces_of
from launch.training.evaluation import Stopped
from launch.training.finish import finish, report
from launch.training.folder import SIMULATOR_LOG, locked, note_start
from launch.training.loop import StoppedNoGo, simulator_gone, train
from launch.training.machine import cache_compilations, describe, devices, tune
from launch.training.progress import say
from launch.training.session import Session, open_session
from td3jax.checkpoint import CONFIG


def run_training(
    config: RunConfig,
    folder: Path,
    stop: StopRequest,
    notes: Sequence[str] = (),
    resume: Path | None = None,
) -> int:
    """Train to the configured number of steps; returns the exit code.

    notes: lines to print at the start. resume: the checkpoint to go on from.
    """
    cache_compilations()
    with locked(folder), contextlib.ExitStack() as cleanup:
        try:
            envs = _made(config, folder, cleanup)
            tune(spaces_of(envs[0]))
            session = open_session(config, folder, envs, stop, resume)
            cleanup.callback(session.close)
            if resume is None:
                for collector in session.simulators.collectors:
                    collector.begin()
        except BaseException as error:
            if resume is None:  # nothing happened in it: it would be half a run
                _discard(folder, isinstance(error, EnvError))
            raise
        _announce(session, notes, resume)
        return _train(session)


def _made(config: RunConfig, folder: Path, cleanup: contextlib.ExitStack) -> Sequence[Env]:
    """Make the environments, here or on the hosts of a Ray cluster; `cleanup` closes them."""

    def tell(line: str) -> None:
        say(f"simulator: {line}")

    envs: Sequence[Env]
    if config.loop.ray_address:
        from launch.training.remote import cluster, remote_envs

        cleanup.enter_context(cluster(config.loop))
        envs = remote_envs(config, tell)
    else:
        envs = make_envs(config, folder / SIMULATOR_LOG, tell)
    for env in envs:
        cleanup.callback(env.close)
    return envs


def _discard(folder: Path, keep_log: bool) -> None:
    """Remove a folder; the log of a simulator that failed stays, for the error names it."""
    if not keep_log or not (folder / SIMULATOR_LOG).exists():
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path in folder.iterdir():
        if path.name != SIMULATOR_LOG:
            path.unlink()


def _announce(session: Session, notes: Sequence[str], resume: Path | None) -> None:
    folder, tell = session.folder, session.progress.say
    write_whole(folder / CONFIG, to_json(session.config))
    note_start(folder, devices())
    tell(describe(folder, session.buffer, session.buffer.spaces))
    for note in notes:
        tell(note)
    if resume is not None:
        tell(f"resumed from {resume} at step {session.step:,}")
        if session.step >= session.config.loop.steps:
            steps = session.config.loop.steps
            tell(f"it has finished, it has --steps={steps} already: a larger number goes on")


def _train(session: Session) -> int:
    try:
        ended = train(session)
    except (NonFinite, StoppedNoGo):
        _report_anyway(session)
        raise
    if not ended:
        return _stopped(session)
    try:
        lines = finish(session)
    except Stopped:
        return _stopped(session)
    except SimulatorUnavailable as error:
        raise simulator_gone(session, error) from error
    session.progress.close()
    print(*lines, sep="\n")
    return 0 if not session.stop else session.stop.exit_code


def _report_anyway(session: Session) -> None:
    """Write the report of a run that failed; what stopped the run is told, whatever fails here."""
    try:
        report(session)
    except (LaunchError, OSError) as error:
        line = f"no report: {error}; td3jax diagnose {session.folder} writes one"
        session.progress.say(line)


def _stopped(session: Session) -> int:
    session.progress.close()
    print(
        f"stopped by {session.stop.name} at step {session.step:,}; "
        f"--resume={session.folder} continues"
    )
    return session.stop.exit_code
