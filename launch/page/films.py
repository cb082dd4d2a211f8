"""What the videos of a page are of."""

from __future__ import annotations

from launch.page.policies import TITLES
from launch.page.subject import Film, Subject
from launch.scores import POLICY

_WHAT = {"best": "The best", "worst": "The worst", "first": "The first"}


def title(film: Film, subject: Subject) -> str:
    """Return which episode of which evaluation a video shows, and how it went."""
    known = (subject.final, *subject.evaluations.values())
    evaluation = next(found for found in known if found and found.name == film.source)
    unit, count = "drive" if subject.driving else "episode", len(evaluation.episodes)
    told = f"{_WHAT.get(film.what, film.what)} of {count} {unit}s" if count > 1 else f"One {unit}"
    policy = str(evaluation.table.get("policy", POLICY))
    if policy != POLICY and policy in TITLES:
        told += f" of {TITLES[policy].name}"
    if evaluation is subject.final:
        told += " at the end of training"
    if film.episode is None:
        return f"{told}, driven again, which came out otherwise"
    row = evaluation.episodes[film.episode]
    score = row.get("driving_score")
    grade = f"return {row['return']:,.4g}" if score is None else f"driving score {score:.0f}"
    reason = str(row.get("reason", "")).replace("_", " ")
    return f"{told}: number {film.episode + 1}, {grade}, ended by {reason}"
