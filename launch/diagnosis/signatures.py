"""Signatures of runs whose values or gradients leave their scale; each returns its clues."""

from __future__ import annotations

import numpy as np

from launch.diagnosis.clues import (
    Clue,
    Evidence,
    grade,
    only_against,
    only_for,
    show,
    unless_against,
)
from launch.diagnosis.gate_input import NORMS
from launch.diagnosis.signatures_leak import actor_over_replay
from launch.diagnosis.tags import reward_parts


def reward_scale(evidence: Evidence) -> list[Clue]:
    """Large rewards lift replay Q, targets, losses and gradients alike."""
    mean, std = evidence.peak("debug/reward_mean"), evidence.peak("debug/reward_std")
    size = evidence.step_reward() if mean is None else float(np.hypot(mean, std or 0.0))
    top = evidence.peak("debug/reward_max", "debug/reward_min")
    replay = evidence.peak("debug/q1_mean", "debug/target_q_mean")
    replay = evidence.peak("debug/actor_q_mean") if replay is None else replay
    bound = evidence.over_bound("debug/actor_q_mean")
    loss = evidence.late("train/critic_loss")
    return [
        Clue(
            3.0,
            grade(size, 30.0, 300.0),
            f"rewards are {show(size)} a step in size",
            ("debug/reward_mean", "debug/reward_std"),
        ),
        Clue(
            1.0,
            grade(top, 300.0, 3000.0),
            f"the largest reward is {show(top)}",
            ("debug/reward_max",),
        ),
        Clue(
            2.0,
            grade(replay, 300.0, 3000.0),
            f"Q and its targets reach {show(replay)}",
            ("debug/q1_mean", "debug/target_q_mean"),
        ),
        Clue(
            1.0,
            grade(loss, 200.0, 2e4),
            f"critic loss is {show(loss)} late",
            ("train/critic_loss",),
        ),
        Clue(
            2.0,
            only_against(grade(bound, 5.0, 0.5)),
            f"actor Q is {show(bound)} times the largest return: rewards cannot make it",
            ("debug/reward_max",),
            optional=True,
        ),
        actor_over_replay(evidence, 2.0, alone=False),
        _dominant_part(evidence),
    ]


def _dominant_part(evidence: Evidence) -> Clue:
    shares = {part: evidence.late(f"reward/{part}_share") for part in reward_parts(evidence.series)}
    known = {part: share for part, share in shares.items() if share is not None}
    if not known:
        return Clue(1.0, None, "shares of the reward", ("reward/NAME_share",), optional=True)
    part = max(known, key=lambda name: known[name])
    strength = only_for(grade(known[part], 0.5, 0.9))
    text = f"{part} makes {100 * known[part]:.0f} % of the reward's magnitude"
    return Clue(1.0, strength, text)


def exploding_gradient(evidence: Evidence) -> list[Clue]:
    """Gradients of actor and critic beyond any scale, and nothing clips them."""
    worst = evidence.peak(*NORMS)
    critic = evidence.peak(*NORMS[2:])
    rise = evidence.rise("train/critic_loss")
    kept = _kept_after_clipping(evidence)
    strength = None if kept is None else (1.0 if kept > 0.9 else -1.0)
    return [
        Clue(3.0, grade(worst, 1e3, 1e5), f"the largest gradient norm is {show(worst)}", NORMS),
        Clue(
            2.0, grade(critic, 1e3, 1e5), f"the critic's gradient reaches {show(critic)}", NORMS[2:]
        ),
        Clue(
            1.5,
            only_for(grade(rise, 2.0, 20.0)),
            f"critic loss ends at {show(rise)} times its start",
            ("train/critic_loss",),
        ),
        Clue(
            2.0,
            strength,
            f"clipping leaves {show(kept)} of the norm",
            ("gradients/actor_norm_clipped",),
            optional=True,
        ),
        actor_over_replay(evidence, 3.0, alone=False),
    ]


def _kept_after_clipping(evidence: Evidence) -> float | None:
    """Median share of the norm that clipping leaves; 1 where the settings say that it is off."""
    kept = [
        evidence.late_ratio(f"gradients/{net}_norm_clipped", f"gradients/{net}_norm")
        for net in ("actor", "critic")
    ]
    known = [share for share in kept if share is not None]
    if known:
        return max(known)
    off = {evidence.facts.actor_clip_norm, evidence.facts.critic_clip_norm} - {None}
    return None if not off else (1.0 if off == {0.0} else 0.0)


def overestimation(evidence: Evidence) -> list[Clue]:
    """Q and targets climb together beyond what the rewards can return.

    Actor Q stands for replay Q and targets where those were not logged.
    """
    replay = "debug/q1_mean" if evidence.get("debug/q1_mean").steps.size else "debug/actor_q_mean"
    target = "debug/target_q_mean" if evidence.get("debug/target_q_mean").steps.size else replay
    bound = evidence.over_bound("debug/q1_mean")
    rise = evidence.rise(target)
    bias = evidence.late("health/overestimation")
    gap = evidence.late_per_scale("debug/overestimation")
    over = evidence.over_returns(replay)
    return [
        Clue(
            3.0,
            grade(bound, 0.3, 1.5),
            f"replay Q reaches {show(bound)} of the largest return",
            ("debug/q1_mean", "debug/reward_max"),
            optional=over is not None,
        ),
        Clue(
            2.0,
            grade(over, 1.0, 5.0),
            f"Q reaches {show(over)} times the largest return seen",
            ("train/episode_reward",),
        ),
        Clue(
            2.0,
            grade(rise, 10.0, 300.0),
            f"Q or its target ends at {show(rise)} times its start",
            ("debug/target_q_mean",),
        ),
        Clue(
            3.0,
            _bias(bias),
            f"Q exceeds Monte-Carlo returns by {show(bias)} of their size",
            ("health/overestimation",),
            optional=True,
        ),
        Clue(
            1.0,
            only_for(grade(gap, 0.1, 0.5)),
            f"Q exceeds its targets by {show(gap)} of the scale",
            ("debug/overestimation",),
            optional=True,
        ),
        _gamma(evidence),
        actor_over_replay(evidence, 2.0, alone=False),
    ]


def _bias(bias: float | None) -> float | None:
    """Grade Q over the returns; far below them it runs away too, a little below says nothing."""
    if bias is None or bias >= 0.0:
        return grade(bias, 0.2, 1.0)
    return unless_against(grade(-bias, 2.0, 10.0))


def _gamma(evidence: Evidence) -> Clue:
    gamma = evidence.facts.discount
    strength = None if gamma is None else unless_against(float(gamma > 1.0))
    text = f"gamma is {show(gamma)}, above 1: values have no limit"
    return Clue(3.0, strength, text, ("gamma in config.json",), optional=True)


def saturated_policy(evidence: Evidence) -> list[Clue]:
    """Actions sit at their bounds, where tanh passes no gradient."""
    saturation = evidence.late("health/action_saturation")
    alarm = evidence.late("alerts/action_saturation")
    level = saturation if saturation is not None else alarm
    head = evidence.late_per_scale("gradients/actor_mlp_norm")
    gain = evidence.improvement()
    stuck = None if gain is None else (1.0 if gain < 1.0 else -1.0)
    return [
        Clue(
            4.0,
            grade(level, 0.4, 0.85),
            f"{show(level)} of the actions are saturated late",
            ("health/action_saturation",),
        ),
        Clue(
            1.5,
            grade(head, 1e-3, 1e-6),
            f"the actor head's gradient is {show(head)} of the Q scale",
            ("gradients/actor_mlp_norm",),
        ),
        _high_rate(evidence, level),
        Clue(1.0, stuck, f"returns gained {show(gain)} standard errors", ("train/episode_reward",)),
        actor_over_replay(evidence, 2.0, alone=False),
    ]


def _high_rate(evidence: Evidence, saturation: float | None) -> Clue:
    """The actor's rate stands for the saturation that it brings about where that was not logged."""
    rate = evidence.rate("actor")
    strength = None if saturation is not None else grade(rate, 5e-3, 5e-2)
    text = f"the actor's rate is {show(rate)}: weights grow until tanh is flat"
    return Clue(4.0, strength, text, ("agent/actor_lr",), optional=True)
