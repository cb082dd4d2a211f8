"""The training loop: ask for an action, start to learn, step the environment meanwhile, store.

The device computes the action first and the update while the environment steps. So a batch is drawn
before the newest transition is stored, and the next action is of the policy after that update.
"""

from __future__ import annotations

import time

import numpy as np

from envs.errors import SimulatorUnavailable
from launch.diagnosis.alerts import alerts
from launch.errors import NO_GO, LaunchError, NonFinite
from launch.training.collector import random_steps
from launch.training.evaluation import EpisodeResult, Stopped, ValueCheck, run_episodes, summarise
from launch.training.policies import greedy
from launch.training.session import Session
from launch.training.video import Video

_RATES = ("actor_lr", "critic_lr", "actor_cnn_lr", "critic_cnn_lr")


class StoppedNoGo(LaunchError):
    """The run stopped itself on NO-GO."""

    exit_code = NO_GO


def train(session: Session) -> bool:
    """Run to the configured number of steps; False where a signal asked to stop before.

    Raises NonFinite and StoppedNoGo, each after a checkpoint.
    """
    pace = Pace(session.step)
    try:
        while session.step < session.config.loop.steps:
            if session.stop:
                session.save()
                return False
            if session.collector.observation is None:
                _between_episodes(session)
            if not session.stop:
                _one_step(session, pace)
    except NonFinite as error:
        raise NonFinite(f"{error}; state kept in {session.dump()}") from error
    except SimulatorUnavailable as error:
        raise LaunchError(f"{error}; checkpoint {session.save()}") from error
    except Stopped:
        session.save()
        return False
    session.save()
    return True


def _between_episodes(session: Session) -> None:
    loop = session.config.loop
    due = loop.eval_every and session.step - session.evaluated >= loop.eval_every
    if due and loop.eval_episodes and session.step < loop.steps:
        scalars, _ = evaluate_now(session, loop.eval_episodes)
        session.log(scalars)
        session.evaluated = session.step
        session.keep_best(scalars)
    session.collector.begin()


def evaluate_now(
    session: Session, episodes: int, video: Video | None = None
) -> tuple[dict[str, float], list[EpisodeResult]]:
    """eval/ scalars of the present policy and its episodes: own seeds, no noise, nothing stored.

    The environment must be between episodes, and is again afterwards.
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
        video,
        check,
        stop=lambda: bool(session.stop),
        steps=config.loop.eval_steps,
    )
    scalars = {f"eval/{name}": value for name, value in summarise(results).items()}
    scalars["health/overestimation"] = check.overestimation()
    return {name: value for name, value in scalars.items() if np.isfinite(value)}, results


def _one_step(session: Session, pace: Pace) -> None:
    collector, learner, loop = session.collector, session.learner, session.config.loop
    chosen = collector.choose(learner.state, session.step)
    if session.step % loop.train_freq == 0 and learner.ready():
        learner.update(_measured(session))
    action = collector.action(chosen, session.step)
    if not collector.send(action):
        return
    ended = collector.receive(action)
    if ended is None:
        return
    session.step += 1
    session.progress.step()
    if ended:
        session.log(ended)
    if session.step == random_steps(session.config):
        collector.cut()
    if session.step % loop.log_every == 0 or session.step == loop.steps:
        _log_point(session, pace)
    due = loop.checkpoint_every and session.step % loop.checkpoint_every == 0
    if due and session.step < loop.steps:
        session.save()


def _measured(session: Session) -> bool:
    """Tell whether the next log point shows this update, or the actor's step just before it."""
    loop, delay = session.config.loop, session.config.agent.policy_delay
    left = min(loop.log_every - session.step % loop.log_every, loop.steps - session.step)
    return left <= loop.train_freq * -(-delay // loop.gradient_steps)


def _log_point(session: Session, pace: Pace) -> None:
    learner, collector = session.learner, session.collector
    scalars = learner.scalars()
    scalars |= alerts(scalars, session.limits)
    scalars |= collector.tally.drain()
    scalars |= _agent_scalars(session)
    scalars["env/sim_faults"] = float(collector.faults)
    scalars |= pace.scalars(session.step)
    session.log(scalars)
    if scalars.get("health/non_finite", 0.0) > 0.0:
        raise NonFinite(f"a loss, value, gradient or reward is not finite at step {session.step:,}")
    reason = session.watch.no_go()
    if reason is None or session.warned:
        return
    if session.config.loop.stop_on_no_go:
        path = session.save()
        raise StoppedNoGo(f"NO-GO at step {session.step:,}: {reason}; checkpoint {path}")
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
    """Steps per second, overall and since the last log point."""

    def __init__(self, step: int) -> None:
        self._first = self._last = (step, time.monotonic())

    def scalars(self, step: int) -> dict[str, float]:
        """time/ scalars at a log point."""
        now = time.monotonic()
        (first, began), (last, then) = self._first, self._last
        self._last = (step, now)
        return {
            "time/steps_per_second": (step - last) / max(now - then, 1e-9),
            "time/steps_per_second_mean": (step - first) / max(now - began, 1e-9),
            "time/seconds": now - began,
        }
