"""Signatures of runs that learn too little; each returns its clues."""

from __future__ import annotations

import numpy as np

from launch.diagnosis.clues import (
    Clue,
    Evidence,
    grade,
    level,
    only_against,
    only_for,
    show,
    unless_against,
)
from launch.diagnosis.measures import td_error, trend
from launch.diagnosis.scales import held
from launch.diagnosis.series import align


def _blow_up(evidence: Evidence, weight: float) -> Clue:
    ratio = evidence.over_scale("debug/actor_q_mean")
    text = f"actor Q reaches {show(ratio)} times replay Q: idle learning does not do that"
    strength = only_against(grade(ratio, 10.0, 2.0))
    return Clue(weight, strength, text, ("debug/actor_q_mean", "debug/q1_mean"))


def _stuck_returns(evidence: Evidence, weight: float) -> Clue:
    gain = evidence.improvement()
    strength = None if gain is None else float(np.clip(1.0 - abs(gain), -1.0, 0.5))
    text = f"returns gained {show(gain)} standard errors from the first to the last third"
    return Clue(weight, strength, text, ("train/episode_reward",))


def _same_for_any_action(evidence: Evidence) -> Clue:
    """Q of the policy's actions is that of the replayed ones, by far closer than Q is fitted.

    Stands for the spread of Q where that was not logged.
    """
    actor, replay = evidence.get("debug/actor_q_mean"), evidence.get("debug/q1_mean")
    steps, one, two = align(actor, replay)
    loss = evidence.get("train/critic_loss")
    if evidence.get("debug/q1_std").steps.size or not steps.size or not loss.steps.size:
        return Clue(4.0, None, "Q of two actions", optional=True)
    errors = np.sqrt(np.maximum(np.abs(held(loss, steps)), 1e-12))
    share = float(np.median((np.abs(one - two) / errors)[-max(steps.size // 3, 1) :]))
    text = f"actor Q and replay Q differ by {show(share)} of the critic's error"
    return Clue(4.0, unless_against(grade(share, 1e-2, 3e-4)), text, optional=True)


def dead_critic(evidence: Evidence) -> list[Clue]:
    """Q says the same for every state and its gradient is gone, while rewards differ."""
    spread = evidence.late_ratio("debug/q1_std", "debug/reward_std")
    norms = [evidence.late(f"gradients/critic_{part}_norm") for part in ("mlp", "cnn")]
    known = [norm for norm in norms if norm is not None]
    gradient = max(known, default=None)
    dormant = evidence.late("health/dormant_units_critic")
    moves = evidence.moves("debug/q1_mean")
    return [
        _same_for_any_action(evidence),
        Clue(
            3.0,
            grade(spread, 0.05, 3e-3),
            f"Q spreads {show(spread)} as wide as the rewards",
            ("debug/q1_std", "debug/reward_std"),
        ),
        Clue(
            2.0,
            unless_against(grade(gradient, 1e-2, 1e-5)),
            f"the critic's late gradient is {show(gradient)}",
            ("gradients/critic_mlp_norm",),
            optional=gradient is not None,
        ),
        Clue(
            2.0,
            grade(dormant, 0.2, 0.6),
            f"{show(dormant)} of the units are dormant",
            ("health/dormant_units_critic",),
            optional=True,
        ),
        Clue(
            1.0,
            unless_against(grade(moves, 0.05, 1e-3)),
            f"replay Q moved by {show(moves)} of its scale",
            ("debug/q1_mean",),
            optional=moves is not None,
        ),
    ]


def _single_rewards(evidence: Evidence) -> Clue:
    """Q settles at the size of one reward: so it does where what it bootstraps from stays 0."""
    own = evidence.get("debug/q1_mean").steps.size > 0
    values = evidence.get("debug/q1_mean" if own else "debug/actor_q_mean")
    known = evidence.get("debug/target_q_mean").steps.size > 0
    size, third = _reward_mean(evidence), values.steps.size // 3
    needs = ("debug/target_q_mean",)
    if not size or third < 2:
        return Clue(3.0, None, "Q per reward", needs, optional=True)
    sizes = np.abs(values.values)
    middle, late = float(np.median(sizes[third:-third])), float(np.median(sizes[-third:]))
    ratio, change = late / size, late / max(middle, 1e-9)
    strengths = level(ratio, 0.2, 0.5, 2.0, 6.0), level(change, 0.5, 0.8, 1.25, 2.0)
    strength = min(s for s in strengths if s is not None)
    text = f"Q stays at {show(ratio)} rewards ({show(change)} times what it was before)"
    return Clue(3.0, unless_against(strength) if known else strength, text, needs, optional=True)


def _reward_mean(evidence: Evidence) -> float | None:
    mean = evidence.late("debug/reward_mean")
    return evidence.step_reward() if mean is None else abs(mean)


def stale_targets(evidence: Evidence) -> list[Clue]:
    """Target networks lag far behind, or do not move at all.

    The TD target follows Q, which is fitted to it, even then; only a lag of it is telling.
    """
    q1, target = evidence.get("debug/q1_mean"), evidence.get("debug/target_q_mean")
    steps, one, two = align(q1, target)
    lag = evidence.per_scale(q1._replace(steps=steps, values=one - two, wall=np.zeros(steps.size)))
    tail = lag.values[-max(lag.steps.size // 3, 1) :]
    late = float(np.median(tail)) if tail.size else None
    moved = None
    if steps.size >= 3 and np.ptp(one) > 0:
        moved = float(np.ptp(two) / np.ptp(one))
    shown, tau = evidence.late("health/target_gap"), evidence.facts.tau
    direct = shown is not None
    strengths = grade(late, 0.15, 0.6), grade(moved, 0.6, 0.1)
    if direct:
        strengths = unless_against(strengths[0]), unless_against(strengths[1])
    return [
        Clue(
            3.0,
            strengths[0],
            f"late |Q - target Q| is {show(late)} of the scale",
            ("debug/q1_mean", "debug/target_q_mean"),
            optional=direct,
        ),
        Clue(
            2.0,
            strengths[1],
            f"target Q covered {show(moved)} of the range of Q",
            ("debug/target_q_mean",),
            optional=direct,
        ),
        _single_rewards(evidence),
        Clue(
            2.0,
            grade(tau, 2e-3, 2e-4),
            f"tau is {show(tau)}",
            ("tau in config.json",),
            optional=True,
        ),
        Clue(
            3.0,
            grade(shown, 0.1, 0.5),
            f"the networks' |Q - target Q| is {show(shown)} of Q",
            ("health/target_gap",),
            optional=True,
        ),
    ]


def nothing_learned(evidence: Evidence) -> list[Clue]:
    """Returns, values and losses stay where they began."""
    moves, actor = evidence.moves("debug/q1_mean"), evidence.moves("debug/actor_q_mean")
    fall = trend(td_error(evidence.series))
    if fall is None:
        fall = trend(evidence.get("train/critic_loss"))
    step = evidence.late("health/update_to_weight_actor")
    training = evidence.get("agent/is_training")
    idle = None if not training.steps.size else (1.0 if training.values.max() <= 0 else 0.0)
    return [
        _stuck_returns(evidence, 2.0),
        Clue(
            2.0,
            grade(moves, 0.5, 0.05),
            f"replay Q moved by {show(moves)} of its scale",
            ("debug/q1_mean",),
        ),
        Clue(
            2.0,
            level(fall, 0.6, 0.95, 1.2, 2.0),
            f"TD error or critic loss ends at {show(fall)} of its start",
            ("debug/td_error_q1",),
        ),
        Clue(
            1.5,
            grade(actor, 0.5, 0.05),
            f"actor Q moved by {show(actor)} of its scale",
            ("debug/actor_q_mean",),
        ),
        Clue(
            1.5,
            grade(step, 1e-4, 1e-6),
            f"an actor update changes the weights by {show(step)}",
            ("health/update_to_weight_actor",),
            optional=True,
        ),
        _low_rate(evidence),
        Clue(
            3.0,
            only_for(idle),
            "agent/is_training was never on",
            ("agent/is_training",),
            optional=True,
        ),
    ]


def _low_rate(evidence: Evidence) -> Clue:
    rates = [evidence.rate(network) for network in ("actor", "critic")]
    known = [rate for rate in rates if rate is not None]
    rate = min(known, default=None)
    strength = only_for(grade(rate, 1e-5, 1e-7))
    return Clue(2.0, strength, f"a rate is {show(rate)}", ("agent/actor_lr",), optional=True)


def _updates(evidence: Evidence) -> tuple[float | None, float | None]:
    """Updates per environment step after learning began, and in all."""
    total = evidence.get("agent/total_iterations")
    counted = total.values > 0
    steps = evidence.get("debug/actor_q_mean").steps
    start = evidence.facts.learning_starts
    rate = evidence.facts.update_ratio
    if counted.any():
        done = float(total.values[-1])
        begun = start if start is not None else (steps[0] if steps.size else total.steps[0])
        span = max(float(total.steps[-1] - begun), 1.0)
        return rate if rate is not None else done / span, done
    if rate is not None and steps.size:
        return rate, rate * float(steps[-1] - (start if start is not None else steps[0]))
    return rate, None


def too_few_updates(evidence: Evidence) -> list[Clue]:
    """Far fewer gradient steps than environment steps."""
    rate, total = _updates(evidence)
    loss = trend(evidence.get("train/critic_loss"))
    return [
        Clue(
            4.0,
            grade(rate, 0.5, 0.05),
            f"{show(rate)} updates for each environment step "
            "(Spinning Up, Stable-Baselines3 and the paper take 1)",
            ("agent/total_iterations", "update_ratio in config.json"),
        ),
        Clue(
            2.0,
            grade(total, 2000.0, 300.0),
            f"{show(total)} updates in all",
            ("agent/total_iterations",),
        ),
        Clue(
            0.5,
            only_for(grade(loss, 1.0, 0.6)),
            f"critic loss still falls: {show(loss)} of its start",
            ("train/critic_loss",),
            optional=True,
        ),
        _blow_up(evidence, 1.5),
    ]
