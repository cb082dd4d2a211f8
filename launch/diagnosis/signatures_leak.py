"""Signatures of the feature leak, open and masked; each returns its clues."""

from __future__ import annotations

import numpy as np

from launch.diagnosis.clues import Clue, Evidence, grade, level, only_against, show
from launch.diagnosis.measures import power_law


def actor_over_replay(evidence: Evidence, weight: float, alone: bool = True) -> Clue:
    """Actor Q over the replay scale; alone=False: counts only against."""
    ratio = evidence.over_scale("debug/actor_q_mean")
    strength = grade(ratio, 1.5, 10.0)
    if not alone:
        strength = only_against(grade(ratio, 10.0, 2.0))
    text = f"actor Q reaches {show(ratio)} times replay Q, targets and rewards"
    return Clue(weight, strength, text, ("debug/actor_q_mean", "debug/q1_mean"))


def _power_law(evidence: Evidence) -> Clue:
    values = evidence.get("debug/actor_q_mean")
    law = power_law(values, evidence.facts)
    if law is None:
        return Clue(1.5, None, "growth of actor Q", ("debug/actor_q_mean",))
    rise = evidence.rise("debug/actor_q_mean") or 1.0
    if rise < 3.0 or law.slope < 1.5:
        strength = -1.0
    else:
        strength = 1.0 if law.slope >= 2.0 and law.power_r2 >= 0.9 else 0.0
    text = (
        f"actor Q grows with the updates to the power {law.slope:.1f} between steps "
        f"{law.first:,} and {law.last:,} (least squares {law.fitted:.1f}; R2 {law.power_r2:.3f} as "
        f"a power law, {law.exponential_r2:.3f} as an exponential; updates counted from step "
        f"{law.start:,}): a leak grows with the encoder's depth as the power"
    )
    return Clue(1.5, strength, text)


def _vanishing_head(evidence: Evidence) -> Clue:
    share = evidence.late_ratio("gradients/actor_mlp_norm", "gradients/actor_cnn_norm")
    text = f"late gradient of the actor's head over its encoder's: {show(share)}"
    needs = ("gradients/actor_mlp_norm", "gradients/actor_cnn_norm")
    return Clue(2.0, grade(share, 1e-2, 1e-4), text, needs)


def _sane_replay(evidence: Evidence) -> Clue:
    tags = ("debug/q1_mean", "debug/target_q_mean")
    bound = [b for b in map(evidence.over_bound, tags) if b is not None]
    if bound:
        text = f"replay and target Q stay at {show(max(bound))} of what the rewards allow"
        return Clue(2.0, grade(max(bound), 2.0, 1.0), text)
    rise = evidence.rise("debug/q1_mean")
    text = f"replay Q ends at {show(rise)} times its start"
    return Clue(2.0, grade(rise, 100.0, 10.0), text, ("debug/q1_mean", "debug/reward_max"))


def _feature_growth(evidence: Evidence) -> Clue:
    rise = evidence.rise("health/feature_norm_actor", floor=0.0)
    text = f"the actor's features end at {show(rise)} times their first norm"
    return Clue(1.5, grade(rise, 3.0, 10.0), text, ("health/feature_norm_actor",))


def _bypass(evidence: Evidence, weight: float) -> list[Clue]:
    """The leak itself, in logs that have it: what the actor learns past its action."""
    share = evidence.peak("health/actor_bypass")
    text = f"a share of {show(share)} of the actor's gradient is not through its action"
    return [] if share is None else [Clue(weight, grade(share, 1e-3, 0.1), text)]


def _lost_head(evidence: Evidence) -> Clue:
    head = evidence.late_ratio("gradients/actor_mlp_norm", "gradients/actor_cnn_norm")
    text = f"late gradient of the actor's head over its encoder's: {show(head)}"
    needs = ("gradients/actor_mlp_norm", "gradients/actor_cnn_norm")
    return Clue(3.0, grade(head, 3e-2, 1e-3), text, needs)


def _clipped(evidence: Evidence, against: bool) -> list[Clue]:
    """A clip at work: -mean Q is the actor's loss in TD3, so a loss far below Q sees less of it."""
    share = evidence.late_ratio("train/actor_loss", "debug/actor_q_mean")
    strength = grade(share, 0.9, 0.5) or 0.0
    text = f"the actor's loss is {show(share)} of its Q: a clip stops it, not the leak"
    return [Clue(3.0, -strength if against else strength, text)] if strength > 0.0 else []


def _bounded(evidence: Evidence, leak: bool) -> Clue:
    """Actor Q above replay Q, but within bounds."""
    gap = evidence.late_gap("debug/actor_q_mean", "debug/q1_mean")
    text = f"actor Q stays above replay Q by {show(gap)} of its scale"
    needs = ("debug/actor_q_mean", "debug/q1_mean")
    if gap is None:
        return Clue(3.0, None, text, needs)
    if leak:
        return Clue(3.0, only_against(grade(max(gap, 1e-9), 60.0, 20.0)), text, needs)
    return Clue(3.0, level(max(gap, 1e-9), 0.3, 1.2, 20.0, 60.0), text, needs)


def masked_leak(evidence: Evidence) -> list[Clue]:
    """A leak that a norm or a clip keeps bounded: the actor learns past its action all the same.

    Where that was not logged, a gap of actor Q and replay Q and a head without gradient stand for
    it; a gap beyond bounds tells an open leak, but where the actor's loss is clipped.
    """
    share, gain, leak = evidence.td_share(), evidence.improvement(), _bypass(evidence, 6.0)
    return [
        *(leak or [_lost_head(evidence)]),
        *(_clipped(evidence, against=False) or [_bounded(evidence, bool(leak))]),
        Clue(
            1.0,
            grade(share, 1.0, 0.3),
            f"TD error is {show(share)} of the Q scale: the critic fits its replay data",
            ("debug/td_error_q1", "debug/q1_mean"),
        ),
        Clue(
            1.0,
            None if gain is None else float(np.clip(2.0 - gain, -1.0, 1.0)),
            f"returns gained {show(gain)} standard errors",
            ("train/episode_reward",),
        ),
    ]


def feature_leak(evidence: Evidence) -> list[Clue]:
    """Actor Q far above replay Q, growing as a power law, while the critic learns normally."""
    share, saturation = evidence.td_share(), evidence.late("health/action_saturation")
    bound = evidence.over_bound("debug/actor_q_mean")
    return [
        actor_over_replay(evidence, 3.0),
        *_bypass(evidence, 3.0),
        *_clipped(evidence, against=True),
        _sane_replay(evidence),
        _vanishing_head(evidence),
        _power_law(evidence),
        Clue(
            1.5,
            grade(share, 1.0, 0.3),
            f"TD error is {show(share)} of the Q scale: the critic fits its replay data",
            ("debug/td_error_q1", "debug/q1_mean"),
        ),
        Clue(
            1.0,
            grade(bound, 0.5, 2.0),
            f"actor Q is {show(bound)} times the largest return that the rewards allow",
            ("debug/reward_max",),
        ),
        Clue(
            1.0,
            grade(saturation, 0.3, 0.8),
            f"{show(saturation)} of the actions are saturated",
            ("health/action_saturation",),
            optional=True,
        ),
        _feature_growth(evidence),
    ]
