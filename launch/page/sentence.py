"""The first sentence of a page: what was trained, whether it drives, whether it is healthy."""

from __future__ import annotations

import numpy as np

from launch.diagnosis.causes import LIKELY
from launch.diagnosis.examine import Diagnosis
from launch.diagnosis.facts import section
from launch.diagnosis.series import get
from launch.diagnosis.verdict import GO, NO_GO
from launch.page.policies import TITLES, against_blind
from launch.page.subject import Subject
from launch.scores import POLICY, column
from launch.statistics import mean

ENDS = 10  # a tenth of the episodes at each end of a run
ENOUGH = 20  # episodes for that


def sentence(subject: Subject) -> str:
    """One sentence of up to three clauses."""
    parts = [_trained(subject), _drives(subject), _healthy(subject.found)]
    text = "; ".join(part for part in parts if part)
    return f"{text[:1].upper()}{text[1:]}."


def _trained(subject: Subject) -> str:
    if subject.found is None:
        names = " and ".join(TITLES[name].name for name in subject.policies)
        return f"{names} in {_task(subject)}" if subject.loop else names
    steps = f"{subject.found.verdict.last_step:,} steps"
    if not subject.loop:
        return f"a run of {steps}, read from {subject.source.name}"
    algorithm = str(subject.loop.get("algorithm", "td3"))
    name = algorithm.upper() if ":" not in algorithm else algorithm
    return f"{name} was trained for {steps} in {_task(subject)}"


def _task(subject: Subject) -> str:
    if not subject.driving:
        return str(subject.loop.get("env", "an environment"))
    server = section(subject.config, "env", "server")
    own = not (server.get("host") or server.get("server_command") or subject.loop.get("servers"))
    town = section(subject.config, "env", "task").get("town", "a town")
    return f"{town} of {'the stand-in simulator' if own else 'a CARLA server'}"


def _drives(subject: Subject) -> str:
    policy = subject.policies.get(POLICY)
    if policy is None:
        return _returns(subject.found) if subject.found else ""
    episodes, count = policy.episodes, len(policy.episodes)
    if "driving_score" not in episodes[0]:
        total = mean(column(episodes, "return"))
        return f"its last evaluation returned {total.point:,.4g} over {count} episodes"
    score = mean(column(episodes, "driving_score"))
    wins = round(policy.success.point * count)
    routes = f"{wins} of {count} routes without a collision"
    told = f"its driving score is {score.point:.0f} of 100 ({score.low:.0f} to {score.high:.0f})"
    compared = against_blind(subject.policies)
    return f"{told}, {routes}" + (f", {compared}" if compared else "")


def _returns(found: Diagnosis) -> str:
    series = found.run.series
    for tag, name in (("train/episode_reward", "returns"), ("eval/return", "evaluations")):
        values = get(series, tag).values
        if values.size >= 2:
            part = max(1, values.size // ENDS) if values.size >= ENOUGH else 1
            first, last = np.mean(values[:part]), np.mean(values[-part:])
            return f"its {name} went from {first:,.4g} to {last:,.4g}"
    return ""


def _healthy(found: Diagnosis | None) -> str:
    if found is None:
        return ""
    verdict = found.verdict
    if verdict.decision == GO:
        return "its values, losses and gradients look healthy"
    if verdict.decision != NO_GO:
        return "there is too little to say whether it is healthy"
    likely = next((cause for cause in found.causes if cause.score >= LIKELY), None)
    if likely is None:
        return f"it is not healthy: {verdict.reasons[0]}"
    return f"it is not healthy, and the likely cause is {likely.title.partition(':')[0]}"
