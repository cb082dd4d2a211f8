"""The training loop, in rounds: ask for actions, start to learn, step the simulators meanwhile.

The device computes the actions first and the updates while the simulators step. So batches are
drawn before a round's transitions are stored, and the next actions are of the policy after them.
Log points, checkpoints and the end of the warm-up wait for the end of the round they fall in.
With --overlap there are no rounds: simulators and the device go on as soon as each can.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from envs.errors import SimulatorUnavailable
from launch.diagnosis.alerts import alerts
from launch.errors import NO_GO, LaunchError, NonFinite
from launch.training.board import seen_strip
from launch.training.collector import Collector, random_steps
from launch.training.evaluation import (
    EpisodeResult,
    Record,
    Stopped,
    ValueCheck,
    run_episodes,
    summarise,
    unrecorded,
)
from launch.training.folder import SIMULATOR_LOG
from launch.training.overlap import Overlap
from launch.training.policies import greedy
from launch.training.remedy import remedy
from launch.training.session import Session

_PRETRAINED_AT_ONCE = 64  # updates between two looks at signals
_POLL_SECONDS = 0.002  # between looks at a device that has work left
_LOOK_SECONDS = 0.2  # at whether to stop
_RATES = ("actor_lr", "critic_lr", "actor_cnn_lr", "critic_cnn_lr")


class StoppedNoGo(LaunchError):
    """The run stopped itself on NO-GO."""

    exit_code = NO_GO


def train(session: Session) -> bool:
    """Run to the configured number of steps; False where a signal asked to stop before.

    Raises NonFinite and StoppedNoGo, each after a checkpoint.
    """
    pace = Pace(session.step, session.learner.updates, session.seconds)
    try:
        while session.step < session.config.loop.steps:
            if session.stop:
                session.save()
                return False
            if not _pretrained(session):
                continue
            if session.overlap is None:
                _in_step(session, pace)
            else:
                _side_by_side(session, session.overlap, pace)
    except NonFinite as error:
        raise NonFinite(
            f"{error}; {_dumped(session)}; the cause: td3jax diagnose {session.folder}"
        ) from error
    except SimulatorUnavailable as error:
        raise simulator_gone(session, error) from error
    except Stopped:
        session.save()
        return False
    session.save()
    return True


def simulator_gone(session: Session, error: SimulatorUnavailable) -> LaunchError:
    """Keep what there is; return the line that says so, and how to go on."""
    saved, log = session.save(), session.folder / SIMULATOR_LOG
    what = remedy(session.config, log)
    return LaunchError(f"{error}; checkpoint {saved}; {what}; --resume={session.folder} goes on")


def _dumped(session: Session) -> str:
    try:
        return f"state kept in {session.dump()}"
    except OSError as error:
        return f"its state cannot be kept ({error.strerror or error})"


def _pretrained(session: Session) -> bool:
    """Take the offline updates that are owed at the warm-up's end; False where a signal came."""
    learner = session.learner
    if not learner.owed() or session.step < random_steps(session.config) or not learner.ready():
        return True
    session.progress.say(f"{learner.owed():,} updates on {session.buffer.size:,} transitions")
    session.saved = None  # a checkpoint of this step would not have them
    while learner.owed() and not session.stop:
        learner.pretrain(min(learner.owed(), _PRETRAINED_AT_ONCE))
    return not session.stop


def _in_step(session: Session, pace: Pace) -> None:
    acting = session.simulators.acting(session.config.loop.steps - session.step)
    _between_episodes(session, acting)
    if not session.stop:
        _one_round(session, acting, pace)


def _between_episodes(session: Session, acting: Sequence[Collector]) -> None:
    """Begin an episode where none is under way; an evaluation comes before the first's."""
    for collector in acting:
        if collector.observation is None:
            if collector is session.collector:
                _evaluate_if_due(session)
            collector.begin()


def _evaluate_if_due(session: Session) -> None:
    loop = session.config.loop
    due = loop.eval_every and session.step - session.evaluated >= loop.eval_every
    if due and loop.eval_episodes and session.step < loop.steps:
        scalars, _ = evaluate_now(session, loop.eval_episodes)
        session.log(scalars)
        session.evaluated = session.step
        session.keep_best(scalars)


def evaluate_now(
    session: Session, episodes: int, record: Record = unrecorded
) -> tuple[dict[str, float], list[EpisodeResult]]:
    """eval/ scalars of the present policy and its episodes: own seeds, no noise, nothing stored.

    The first simulator must be between episodes, and is again afterwards; the others wait.
    """
    state, config, algorithm = session.learner.state, session.config, session.algorithm
    check = ValueCheck(
        lambda observation: np.asarray(algorithm.values(state, observation)),
        session.buffer.transform_rewards,
        config.agent.discount,
    )
    results = run_episodes(
        session.env,
        greedy(algorithm, state),
        episodes,
        config.loop.seed,
        record,
        check,
        stop=lambda: bool(session.stop),
        steps=config.loop.eval_steps,
    )
    scalars = {f"eval/{name}": value for name, value in summarise(results).items()}
    scalars["health/overestimation"] = check.overestimation()
    strip = seen_strip(check.first, session.buffer.spaces.frame_channels)
    if strip is not None:
        session.writer.picture(session.step, "evaluation/seen", strip)
    return {name: value for name, value in scalars.items() if np.isfinite(value)}, results


def _one_round(session: Session, acting: Sequence[Collector], pace: Pace) -> None:
    simulators, learner, began = session.simulators, session.learner, session.step
    chosen = simulators.choose(acting, learner.state, began)
    learning = learner.ready()
    due = learner.due(len(acting)) if learning else 0
    early, measured = min(due, learner.at_once), _measured(session, due)
    if early:
        learner.update(early, measured)
    actions = simulators.actions(acting, chosen, began)
    pairs = zip(acting, actions, strict=True)
    sent = [(collector, action) for collector, action in pairs if collector.send(action)]
    if due > early:  # with many simulators, more than the device takes before they have to go on
        learner.update(due - early, measured)
    for collector, action in sent:
        ended = collector.receive(action)
        _count(session, ended, learning)
    _after_round(session, began, pace)


def _count(session: Session, ended: dict[str, float] | None, learning: bool) -> None:
    """Count a transition, as `Collector.receive` returns it."""
    if ended is None:
        return
    session.step += 1
    session.progress.step()
    if learning:
        session.learner.earn()
    if ended:
        session.log(ended)


def _side_by_side(session: Session, overlap: Overlap, pace: Pace) -> None:
    """Go on until all have to stand still: for a checkpoint, the warm-up's end, the run's end."""
    began, until = session.step, _stands_still(session)
    learner, loop = session.learner, session.config.loop
    with overlap:
        while True:
            learning, before = learner.ready(), session.step
            owed = learner.due(0) if learning else 0
            if owed <= overlap.max_lag and not session.stop:
                _start(session, overlap, until)
            count = learner.one_call(min(owed, overlap.may_update()))
            if count > 0 and not session.stop and (learner.has_room() or not overlap.busy):
                learner.update(count, _worth_measuring(session, count))
            elif not overlap.busy:
                break
            for ended in overlap.receive(_POLL_SECONDS if count else _LOOK_SECONDS):
                _count(session, ended, learning)
            if _passed(loop.log_every, before, session.step) and session.step < loop.steps:
                _log_point(session, pace)
    if began < random_steps(session.config) <= session.step:
        session.simulators.cut()
    if session.step == loop.steps:
        _log_point(session, pace)
    _save_if_due(session, began)


def _stands_still(session: Session) -> int:
    """The next step at which a checkpoint is written, the warm-up ends, or the run does."""
    loop, step = session.config.loop, session.step
    ends = [loop.steps, random_steps(session.config)]
    if loop.checkpoint_every:
        ends.append((step // loop.checkpoint_every + 1) * loop.checkpoint_every)
    return min(end for end in ends if end > step)


def _start(session: Session, overlap: Overlap, until: int) -> None:
    """Give everything that is idle a step or, between episodes, a reset; not beyond `until`."""
    left = until - session.step - overlap.stepping
    idle = overlap.idle()[: max(left, 0)]
    for collector in [collector for collector in idle if collector.observation is None]:
        if collector is session.collector:
            _evaluate_if_due(session)
        overlap.begin(collector)
    acting = [collector for collector in idle if collector.observation is not None]
    if acting:
        overlap.send(acting, session.step, left)


def _worth_measuring(session: Session, count: int) -> bool:
    """Tell whether one of the updates is of a log interval's last, with the actor's step."""
    agent, loop = session.config.agent, session.config.loop
    every = max(int(loop.update_ratio * loop.log_every), agent.policy_delay)
    return session.learner.updates % every + count > every - agent.policy_delay


def _after_round(session: Session, began: int, pace: Pace) -> None:
    loop, step = session.config.loop, session.step
    if began < random_steps(session.config) <= step:
        session.simulators.cut()
    if _passed(loop.log_every, began, step) or step == loop.steps:
        _log_point(session, pace)
    _save_if_due(session, began)


def _save_if_due(session: Session, began: int) -> None:
    loop, step = session.config.loop, session.step
    if _passed(loop.checkpoint_every, began, step) and step < loop.steps:
        session.save()


def _passed(every: int, began: int, step: int) -> bool:
    """Tell whether a round from `began` to `step` reached a multiple of `every`; 0 = never."""
    return every > 0 and began // every < step // every


def _measured(session: Session, due: int) -> bool:
    """Tell whether the next log point shows these updates, or the actor's step just before it."""
    loop, step = session.config.loop, session.step
    count = len(session.simulators.collectors)
    rounds = -(-(loop.log_every - step % loop.log_every) // count)  # to that of the log point
    coming = session.learner.due(min(rounds * count, loop.steps - step))
    return coming - due < session.config.agent.policy_delay


def _log_point(session: Session, pace: Pace) -> None:
    learner, simulators = session.learner, session.simulators
    scalars = learner.drain()
    scalars |= alerts(scalars, session.limits)
    scalars |= simulators.tally.drain()
    scalars |= _agent_scalars(session)
    scalars |= session.overlap.drain() if session.overlap else {}
    scalars["env/sim_faults"] = float(simulators.faults)
    scalars |= pace.scalars(session.step, learner.updates)
    if len(simulators.collectors) > 1:
        slowest, seconds = simulators.slowest()
        scalars["time/slowest_simulator"] = float(slowest.index)
        scalars["time/slowest_step_seconds"] = seconds
        session.progress.pace(scalars, slowest.name)
    session.log(scalars)
    if scalars.get("health/non_finite", 0.0) > 0.0:
        raise NonFinite(f"a loss, value, gradient or reward is not finite at step {session.step:,}")
    reason = session.watch.no_go()
    if reason is None or session.warned:
        return
    if session.config.loop.stop_on_no_go:
        path = session.save()
        raise StoppedNoGo(
            f"NO-GO at step {session.step:,}: {reason}; checkpoint {path}; the cause: "
            f"td3jax diagnose {session.folder}"
        )
    session.warned = True
    session.progress.say(
        f"NO-GO at step {session.step:,}: {reason} (--stop_on_no_go would stop here)"
    )


def _agent_scalars(session: Session) -> dict[str, float]:
    learner, agent = session.learner, session.config.agent
    return {
        "agent/total_iterations": float(learner.updates),
        "agent/is_training": float(learner.updates > 0),
        "agent/buffer_utilization": session.buffer.size / session.buffer.capacity,
        "agent/update_ratio": learner.updates / session.step,
        **{f"agent/{name}": float(getattr(agent, name)) for name in _RATES},
    }


class Pace:
    """Steps and updates per second, overall and since the last log point.

    seconds: what earlier starts of the run have taken.
    """

    def __init__(self, step: int, updates: int, seconds: float) -> None:
        self._first = self._last = (step, updates, time.monotonic())
        self._before = seconds

    def scalars(self, step: int, updates: int) -> dict[str, float]:
        """time/ scalars at a log point."""
        now = time.monotonic()
        (first, _, began), (last, updates_then, then) = self._first, self._last
        self._last = (step, updates, now)
        return {
            "time/steps_per_second": (step - last) / max(now - then, 1e-9),
            "time/steps_per_second_mean": (step - first) / max(now - began, 1e-9),
            "time/updates_per_second": (updates - updates_then) / max(now - then, 1e-9),
            "time/seconds": self._before + now - began,
        }
