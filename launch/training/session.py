"""A run under way: its parts, put together fresh or from a checkpoint."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from launch.config.run import RunConfig
from launch.config.tree import to_dict
from launch.diagnosis.facts import facts_from_config
from launch.diagnosis.limits import VerdictLimits, parse_limits
from launch.diagnosis.live import LiveChecker
from launch.errors import BadInput
from launch.signals import StopRequest
from launch.training import checkpoint
from launch.training.checkpoint import Snapshot
from launch.training.collector import Collector
from launch.training.environments import Env, spaces_of
from launch.training.learner import Learner
from launch.training.progress import Progress
from launch.training.scalars import ScalarWriter, cut_back, read_rows
from td3jax.algorithm import Algorithm, find
from td3jax.errors import BadCheckpoint
from td3jax.replay.buffer import ReplayBuffer


@dataclasses.dataclass
class Session:
    """The parts of a run; `step` counts transitions, `evaluated` is the last evaluation's step,
    `best` the highest return of one."""

    config: RunConfig
    algorithm: Algorithm
    folder: Path
    env: Env
    buffer: ReplayBuffer
    learner: Learner
    collector: Collector
    writer: ScalarWriter
    limits: VerdictLimits
    watch: LiveChecker
    progress: Progress
    stop: StopRequest
    step: int = 0
    evaluated: int = 0
    best: float = -math.inf
    warned: bool = False
    saved: tuple[int, Path] | None = None  # step and folder of the newest checkpoint written

    def log(self, scalars: dict[str, float]) -> None:
        """Write scalars at the present step; pass them to the NO-GO check and the progress line."""
        self.writer.write(self.step, scalars)
        self.watch.feed(self.step, scalars)
        self.progress.show(scalars)

    def save(self) -> Path:
        """Write a checkpoint of this moment; one of this step that is whole stays as it is."""
        if self.saved is None or self.saved[0] != self.step:
            self.learner.finish()
            self.writer.flush()
            buffer = self.buffer if self.config.loop.save_replay else None
            path = checkpoint.save(self.folder, self.config, self.snapshot(), buffer)
            self.saved = self.step, path
        return self.saved[1]

    def keep_best(self, evaluation: Mapping[str, float]) -> None:
        """A checkpoint beside the others when an evaluation's return is the highest so far."""
        value = evaluation.get("eval/return", -math.inf)
        if value > self.best:
            self.best = value
            self.learner.finish()
            checkpoint.save_best(self.folder, self.config, self.snapshot())

    def dump(self) -> Path:
        """Keep a state that went wrong, beside the good checkpoints and without the buffer."""
        self.learner.finish()
        path = self.folder / f"dump-step-{self.step:09d}"
        checkpoint.write(path, self.config, self.snapshot(), None)
        return path

    def snapshot(self) -> Snapshot:
        """The state of this moment."""
        collector = self.collector
        loop = {
            "evaluated": self.evaluated,
            "best": self.best if math.isfinite(self.best) else None,
            "episode": collector.episode,
            "faults": collector.faults,
            "exploration_rng": collector.rng.bit_generator.state,
            "exploration_noise": collector.noise.tolist(),
            "tally": collector.tally.state(),
            "learner": self.learner.loose_state(),
            "metrics_bytes": self.writer.position,
        }
        return Snapshot(
            self.step, self.learner.state, self.buffer.spaces, loop, _episode_arrays(collector)
        )

    def close(self) -> None:
        """Close the progress line and the writers; the caller owns the environment."""
        self.progress.close()
        self.writer.close()


def _episode_arrays(collector: Collector) -> dict[str, np.ndarray]:
    if collector.observation is None:
        return {}
    width = collector.buffer.spaces.action
    actions = np.array(collector.actions, np.float32).reshape(-1, width)
    rewards = np.array(collector.rewards, np.float64)
    return {"actions": actions, "rewards": rewards, **collector.observation}


def find_algorithm(config: RunConfig) -> Algorithm:
    """Return the algorithm that the configuration names; BadInput where there is none."""
    try:
        return find(config.loop.algorithm, config.loop.rules)
    except ValueError as error:
        raise BadInput(str(error)) from error


def open_session(
    config: RunConfig, folder: Path, env: Env, stop: StopRequest, resume: Path | None
) -> Session:
    """The parts of a run, from the checkpoint `resume` where there is one."""
    spaces, algorithm = spaces_of(env), find_algorithm(config)
    snapshot = checkpoint.read(resume, config, spaces, algorithm) if resume else None
    try:
        buffer = ReplayBuffer(config.replay, spaces, config.agent.discount)
    except MemoryError as error:
        raise BadInput(str(error)) from error
    learner = Learner(config, algorithm, buffer)
    collector = Collector(config, algorithm, env, buffer)
    limits = parse_limits(config.loop.limits)
    watch = LiveChecker(limits, facts_from_config(to_dict(config)))
    said = _before_resuming(folder, resume, snapshot) if snapshot and resume else []
    writer = ScalarWriter(folder, snapshot.step if snapshot else 0, resumed=snapshot is not None)
    session = Session(
        config,
        algorithm,
        folder,
        env,
        buffer,
        learner,
        collector,
        writer,
        limits,
        watch,
        Progress(snapshot.step if snapshot else 0, config.loop.steps),
        stop,
    )
    for line in said:
        session.progress.say(line)
    with contextlib.ExitStack() as undo:
        undo.callback(session.close)
        if snapshot is not None and resume is not None:
            _restore(session, snapshot, resume)
        undo.pop_all()
    return session


def _before_resuming(folder: Path, resume: Path, snapshot: Snapshot) -> list[str]:
    """Make the folder what it was at the checkpoint; return lines to print of what was moved."""
    keep = snapshot.loop.get("metrics_bytes")
    if not isinstance(keep, int):
        raise checkpoint.corrupt(resume / checkpoint.LOOP, f"metrics_bytes {keep!r}")
    abandoned = checkpoint.set_aside(folder, resume)
    said = [f"later checkpoints of this run are moved to {abandoned}"] if abandoned else []
    shorter = cut_back(folder, keep)
    return said + ([shorter] if shorter else [])


def _restore(session: Session, snapshot: Snapshot, path: Path) -> None:
    try:
        _restore_counters(session, snapshot)
    except (KeyError, TypeError, ValueError) as error:
        raise checkpoint.corrupt(path / checkpoint.LOOP, repr(error)) from error
    for step, scalars in read_rows(session.folder):
        session.watch.feed(step, scalars)
    has_replay = (path / checkpoint.REPLAY).is_dir()
    if has_replay:
        _load_replay(session.buffer, path)
    if snapshot.episode:
        _resume_episode(session, dict(snapshot.episode), has_replay)


def _restore_counters(session: Session, snapshot: Snapshot) -> None:
    loop, collector = snapshot.loop, session.collector
    session.step, session.evaluated = snapshot.step, int(loop["evaluated"])
    session.best = -math.inf if loop["best"] is None else float(loop["best"])
    session.learner.restore(snapshot.state, loop["learner"])
    collector.episode, collector.faults = int(loop["episode"]), int(loop["faults"])
    collector.rng.bit_generator.state = loop["exploration_rng"]
    collector.noise = np.array(loop["exploration_noise"])
    collector.tally.restore(loop["tally"])


def _load_replay(buffer: ReplayBuffer, path: Path) -> None:
    try:
        buffer.load(path / checkpoint.REPLAY)
    except ValueError as error:
        raise BadCheckpoint(str(error)) from error


def _resume_episode(session: Session, arrays: dict[str, Any], has_replay: bool) -> None:
    actions, rewards = arrays.pop("actions"), arrays.pop("rewards")
    if not has_replay:
        session.collector.episode += 1
        session.progress.say("the checkpoint has no replay buffer: collecting anew before updates")
        return
    if not session.collector.repeat_episode(actions, rewards, arrays):
        session.progress.say(
            "the interrupted episode came out differently: it ends as truncated, a new one begins"
        )
