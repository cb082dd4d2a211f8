"""Likely causes of a bad run, by signature: what speaks for and against each, what to try."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from launch.diagnosis import signatures, signatures_idle, signatures_leak
from launch.diagnosis.clues import Clue, Evidence, weigh
from launch.diagnosis.facts import RunFacts
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.scales import with_discount
from launch.diagnosis.series import Series
from launch.diagnosis.tags import derive_scalars

LIKELY = 0.5


@dataclasses.dataclass(frozen=True)
class Cause:
    """score in [0, 1]; LIKELY and above is named as a likely cause. explained_by: the name of a
    stronger cause of which this is a consequence, which halves its score."""

    name: str
    title: str
    score: float
    evidence_for: tuple[str, ...]
    evidence_against: tuple[str, ...]
    missing: tuple[str, ...]
    advice: str
    explained_by: str = ""


@dataclasses.dataclass(frozen=True)
class _Signature:
    name: str
    title: str
    clues: Callable[[Evidence], list[Clue]]
    advice: str
    follows_from: tuple[str, ...] = ()


_SIGNATURES = (
    _Signature(
        "feature_leak",
        "feature leak: the actor's loss reads the critic through the actor's own encoder",
        signatures_leak.feature_leak,
        "Evaluate the critic in the actor's loss on observations, through the critic's own "
        "encoder, held constant: critic(params, observation, actor(observation)). Check that the "
        "actor's gradient is exactly 0 with the action detached. Give both encoders target "
        "copies. Clipping, rates, decay and reward scale do not cure this.",
    ),
    _Signature(
        "masked_leak",
        "masked leak: the feature leak, kept bounded by a norm or a Q clip",
        signatures_leak.masked_leak,
        "Mend the leak itself: the critic in the actor's loss reads its own encoder, held "
        "constant. Layer norm, batch norm and a Q clip bound Q and leave the actor without a "
        "gradient through its action. Check that the actor's gradient is 0 with the action "
        "detached.",
        ("feature_leak",),
    ),
    _Signature(
        "too_few_updates",
        "too few updates for the steps taken",
        signatures_idle.too_few_updates,
        "Take as many gradient steps as environment steps, as Spinning Up, Stable-Baselines3 and "
        "the paper do: update_ratio 1. In other libraries train_freq 50 with gradient_steps 1 is "
        "1/50 of that.",
    ),
    _Signature(
        "reward_scale",
        "reward scale: rewards too large or one part dominating",
        signatures.reward_scale,
        "Scale rewards so that a typical step is of order 1 to 10 (reward_scale, or "
        "reward_normalise), and balance the parts by their logged shares.",
    ),
    _Signature(
        "exploding_gradient",
        "exploding gradient without clipping",
        signatures.exploding_gradient,
        "Clip the global norm of encoder + head (actor 1 to 10, critic 10) and lower the rates; "
        "log the true global norm before and after.",
        ("feature_leak", "reward_scale", "overestimation"),
    ),
    _Signature(
        "overestimation",
        "Q overestimation: Q and its targets climb beyond any possible return",
        signatures.overestimation,
        "Check that gamma is below 1, min over both target critics, termination without "
        "bootstrap, and the target noise; then layer norm in the critic, or bounded targets.",
        ("feature_leak",),
    ),
    _Signature(
        "saturated_policy",
        "saturated policy: actions at their bounds, no gradient through tanh",
        signatures.saturated_policy,
        "Lower the actor's rate, penalise the pre-tanh action (pre_tanh_penalty 0.01), start the "
        "last layer small (final_init 3e-3); check the action's scaling. From pictures, shift "
        "them at random (random_shift 4), or the critic learns a small buffer by heart.",
        ("feature_leak", "masked_leak", "reward_scale", "exploding_gradient", "dead_critic"),
    ),
    _Signature(
        "dead_critic",
        "dead critic: the same Q for every state",
        signatures_idle.dead_critic,
        "Check the inputs (images not constant, vector scaled), then lower the critic's rate, add "
        "layer norm, and look at dormant units.",
    ),
    _Signature(
        "stale_targets",
        "stale targets: the target networks do not follow",
        signatures_idle.stale_targets,
        "Check that the target step runs and covers every weight, encoders included; tau 0.005.",
        ("too_few_updates",),
    ),
    _Signature(
        "nothing_learned",
        "nothing learned: values, losses and returns stay where they began",
        signatures_idle.nothing_learned,
        "Check that updates run at all (agent/total_iterations), that rates are not near 0, and "
        "that rewards differ between good and bad actions. From pictures, random_shift 4 comes "
        "before all else.",
        ("feature_leak", "too_few_updates", "dead_critic", "saturated_policy", "stale_targets"),
    ),
)
NAMES = tuple(signature.name for signature in _SIGNATURES)


def _cause(signature: _Signature, evidence: Evidence) -> Cause:
    clues = signature.clues(evidence)
    ordered = sorted(clues, key=lambda clue: -clue.weight * abs(clue.strength or 0.0))
    missing = dict.fromkeys(
        tag
        for clue in clues
        if clue.strength is None
        for tag in clue.needs
        if not evidence.get(tag).steps.size
    )
    return Cause(
        name=signature.name,
        title=signature.title,
        score=weigh(clues),
        evidence_for=tuple(c.text for c in ordered if (c.strength or 0.0) > 0.1),
        evidence_against=tuple(c.text for c in ordered if (c.strength or 0.0) < -0.1),
        missing=tuple(missing),
        advice=signature.advice,
    )


def rank_causes(
    series: Series, facts: RunFacts | None = None, limits: VerdictLimits | None = None
) -> tuple[Cause, ...]:
    """All causes, the likeliest first. A likely cause halves the score of what follows from it."""
    full, _ = derive_scalars(series)
    facts = facts or RunFacts()
    evidence = Evidence(full, facts, with_discount(limits or VerdictLimits(), facts))
    raw = {signature.name: _cause(signature, evidence) for signature in _SIGNATURES}
    ranked = []
    for signature in _SIGNATURES:
        cause = raw[signature.name]
        parents = [name for name in signature.follows_from if raw[name].score >= LIKELY]
        if parents:
            parent = max(parents, key=lambda name: raw[name].score)
            cause = dataclasses.replace(cause, score=cause.score / 2, explained_by=parent)
        ranked.append(cause)
    return tuple(sorted(ranked, key=lambda cause: -cause.score))
