"""A run under way: its parts, put together fresh or from a checkpoint."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from launch.config.run import CARLA, EXPERT, LoopConfig, RunConfig
from launch.config.tree import to_dict
from launch.diagnosis.facts import facts_from_config
from launch.diagnosis.limits import VerdictLimits, parse_limits
from launch.diagnosis.live import LiveChecker
from launch.errors import BadInput
from launch.signals import StopRequest
from launch.training import checkpoint
from launch.training.checkpoint import Snapshot
from launch.training.collector import Collector, random_steps
from launch.training.environments import Env, spaces_of
from launch.training.learner import Learner
from launch.training.overlap import Overlap
from launch.training.progress import Progress
from launch.training.publisher import Publisher
from launch.training.scalars import Copy, ScalarWriter, cut_back, read_rows
from launch.training.simulators import Simulators
from td3jax import networks
from td3jax.algorithm import Algorithm, find
from td3jax.config import Spaces
from td3jax.errors import BadCheckpoint
from td3jax.replay.buffer import ReplayBuffer


@dataclasses.dataclass
class Session:
    """The parts of a run; `step` counts transitions, `evaluated` is the last evaluation's step,
    `best` the highest return of one, `seconds` the training before this start."""

    config: RunConfig
    algorithm: Algorithm
    folder: Path
    buffer: ReplayBuffer
    learner: Learner
    simulators: Simulators
    writer: ScalarWriter
    limits: VerdictLimits
    watch: LiveChecker
    progress: Progress
    stop: StopRequest
    overlap: Overlap | None = None  # None: in rounds
    step: int = 0
    evaluated: int = 0
    best: float = -math.inf
    seconds: float = 0.0
    warned: bool = False
    saved: tuple[int, Path] | None = None  # step and folder of the newest checkpoint written

    @property
    def collector(self) -> Collector:
        """The first simulator's, which evaluations use too."""
        return self.simulators.collectors[0]

    @property
    def env(self) -> Env:
        """The first simulator."""
        return self.collector.env

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
        loop = {
            "evaluated": self.evaluated,
            "best": self.best if math.isfinite(self.best) else None,
            **self.simulators.loose_state(),
            "learner": self.learner.loose_state(),
            "metrics_bytes": self.writer.position,
        }
        courses = [collector.course() for collector in self.simulators.collectors]
        return Snapshot(self.step, self.learner.state, self.buffer.spaces, loop, courses)

    def close(self) -> None:
        """Close the progress line and the writers; the caller owns the environments."""
        self.progress.close()
        self.writer.close()


def find_algorithm(config: RunConfig) -> Algorithm:
    """Return the algorithm that the configuration names; BadInput where there is none."""
    try:
        return find(config.loop.algorithm, config.loop.rules)
    except ValueError as error:
        raise BadInput(str(error)) from error


def open_session(
    config: RunConfig, folder: Path, envs: Sequence[Env], stop: StopRequest, resume: Path | None
) -> Session:
    """The parts of a run, from the checkpoint `resume` where there is one.

    envs: one for each simulator.
    """
    spaces, algorithm = spaces_of(envs[0]), find_algorithm(config)
    _check_parts(config, spaces)
    snapshot = checkpoint.read(resume, config, spaces, algorithm) if resume else None
    if snapshot is not None and len(snapshot.courses) != len(envs):
        count = len(snapshot.courses)
        raise BadCheckpoint(f"{resume}: of a run with --simulators={count}, not {len(envs)}")
    try:
        buffer = ReplayBuffer(config.replay, spaces, config.agent.discount)
    except MemoryError as error:
        raise BadInput(str(error)) from error
    learner = Learner(config, algorithm, buffer)
    simulators = Simulators(config, algorithm, envs, buffer)
    limits = parse_limits(config.loop.limits)
    watch = LiveChecker(limits, facts_from_config(to_dict(config)))
    said = _before_resuming(folder, resume, snapshot) if snapshot and resume else []
    step, resumed = snapshot.step if snapshot else 0, snapshot is not None
    writer = ScalarWriter(folder, step, resumed, _copy(config, folder))
    session = Session(
        config,
        algorithm,
        folder,
        buffer,
        learner,
        simulators,
        writer,
        limits,
        watch,
        Progress(step, config.loop.steps),
        stop,
        _overlap(simulators, learner, config.loop) if config.loop.overlap else None,
    )
    for line in said:
        session.progress.say(line)
    with contextlib.ExitStack() as undo:
        undo.callback(session.close)
        if snapshot is not None and resume is not None:
            _restore(session, snapshot, resume)
        writer.settings(step, config)
        undo.pop_all()
    return session


def _overlap(simulators: Simulators, learner: Learner, loop: LoopConfig) -> Overlap:
    if not loop.policy_on_collectors:
        return Overlap(simulators, learner, loop)
    from launch.training.remote import put  # needs the extra [scale]

    return Overlap(simulators, learner, loop, Publisher(learner, loop.max_lag, put))


def _copy(config: RunConfig, folder: Path) -> Copy | None:
    """Return where --track asks for a copy of what is logged."""
    if config.loop.track == "none":
        return None
    try:
        from launch.training.wandb_run import WandbRun  # an extra, and slow to import
    except ImportError as error:
        raise BadInput(
            f"--track=wandb: wandb cannot be imported ({error}): "
            "pip install --upgrade 'td3jax[wandb]' mends it"
        ) from error
    return WandbRun(folder, config)


def _check_parts(config: RunConfig, spaces: Spaces) -> None:
    """Raise BadInput where an option needs a part that the environment's observations lack."""
    loop = config.loop
    needs = loop.warm_up == EXPERT and random_steps(config) > 0 and loop.env != CARLA
    if needs and not spaces.expert:
        raise BadInput(f"--warm_up=expert: {loop.env} gives no 'expert' actions; --warm_up=random")
    if loop.algorithm == "td3":
        try:
            networks.make(config.agent, spaces)
        except ValueError as error:
            raise BadInput(f"--{error}") from error


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
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise checkpoint.corrupt(path / checkpoint.LOOP, repr(error)) from error
    for step, scalars in read_rows(session.folder):
        session.watch.feed(step, scalars)
        session.seconds = scalars.get("time/seconds", session.seconds)
    if (path / checkpoint.REPLAY).is_dir():
        _load_replay(session.buffer, path)
        _resume_episodes(session, snapshot)
    elif any(snapshot.courses):
        session.progress.say("the checkpoint has no replay buffer: collecting anew before updates")


def _restore_counters(session: Session, snapshot: Snapshot) -> None:
    loop = snapshot.loop
    session.step, session.evaluated = snapshot.step, int(loop["evaluated"])
    session.best = -math.inf if loop["best"] is None else float(loop["best"])
    session.learner.restore(snapshot.state, loop["learner"])
    session.simulators.restore(loop)


def _load_replay(buffer: ReplayBuffer, path: Path) -> None:
    try:
        buffer.load(path / checkpoint.REPLAY)
    except ValueError as error:
        raise BadCheckpoint(str(error)) from error


def _resume_episodes(session: Session, snapshot: Snapshot) -> None:
    for collector, course in zip(session.simulators.collectors, snapshot.courses, strict=True):
        if course and not collector.repeat(course):
            session.progress.say(
                "the interrupted episode came out differently: it ends as truncated, a new one "
                "begins"
            )
