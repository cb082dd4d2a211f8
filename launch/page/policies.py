"""The policy beside the expert, the blind driver and random actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from launch.page.subject import Evaluation
from launch.scores import POLICY, REFERENCE, REFERENCES, Cell, above, column, scores
from launch.statistics import Estimate


class Title(NamedTuple):
    """What a policy is called: within a sentence, and as a heading with what is said of it."""

    name: str
    heading: Cell


TITLES = {
    POLICY: Title("the policy", Cell("trained policy")),
    "expert": Title("the expert", Cell("expert", "is told where everybody is")),
    "blind": Title("the blind driver", Cell("blind driver", "follows the route, sees nothing")),
    "random": Title("random actions", Cell("random actions")),
    "black_picture": Title(
        "the policy shown black pictures", Cell("trained policy", "shown black pictures")
    ),
    "no_waypoints": Title(
        "the policy not told its route", Cell("trained policy", "not told its route")
    ),
}
#: The figures that decide, in this order; others are folded.
SHOWN = (
    "driving score",
    f"above {REFERENCE}",
    "success",
    "route",
    "collisions",
    "red lights",
    "return",
    "episodes",
    "ends",
)


class Comparison(NamedTuple):
    """A table with a column for each policy; missing: policies that were not evaluated; note: what
    to know of it."""

    policies: list[Cell]
    rows: list[tuple[str, list[Cell]]]
    missing: list[str]
    note: str


def comparison(policies: Mapping[str, Evaluation], driving: bool) -> Comparison | None:
    """The table of the policies that were evaluated; None where none was."""
    if not policies:
        return None
    results = {name: evaluation.episodes for name, evaluation in policies.items()}
    success = {name: evaluation.success for name, evaluation in policies.items()}
    header, rows = scores(results, success, same_routes(policies))
    columns = [dict(zip(header, row, strict=True)) for row in rows]
    figures = [(name, [column[name] for column in columns]) for name in SHOWN if name in header]
    missing = [name for name in wanted(driving) if name not in policies]
    note = _note(policies)
    if driving:
        note = f"Collisions and red lights are means per route. {note}"
    return Comparison([TITLES[name].heading for name in policies], figures, missing, note)


def wanted(driving: bool) -> tuple[str, ...]:
    """The policies to compare in the driving task or another."""
    return (POLICY, *REFERENCES) if driving else (POLICY, "random")


def same_routes(policies: Mapping[str, Evaluation]) -> bool:
    """True where all drove the same episodes."""
    return len({evaluation.course for evaluation in policies.values()}) == 1


def _note(policies: Mapping[str, Evaluation]) -> str:
    note = "Brackets are 95 % intervals over the episodes."
    if len(policies) > 1 and not same_routes(policies):
        return f"{note} The episodes are not the same for all, so compare with care."
    return note


def against_blind(policies: Mapping[str, Evaluation]) -> str:
    """Say how the policy's driving score stands to the blind driver's; empty where unknown."""
    if not {POLICY, REFERENCE} <= policies.keys() or not same_routes(policies):
        return ""
    results = {name: policies[name].episodes for name in (POLICY, REFERENCE)}
    if not all("driving_score" in row for rows in results.values() for row in rows):
        return ""
    gain: Estimate = above(results[POLICY], results)
    blind = column(results[REFERENCE], "driving_score").mean()
    if gain.low > 0.0:
        return f"better than a driver that sees nothing ({blind:.0f})"
    if gain.high < 0.0:
        return f"worse than a driver that sees nothing ({blind:.0f})"
    return f"no clear difference to a driver that sees nothing ({blind:.0f})"
