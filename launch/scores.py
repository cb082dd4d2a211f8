"""Several policies on the same episodes, as rows of cells with 95 % intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from launch.statistics import Estimate, mean

Episodes = Sequence[Mapping[str, Any]]  # as in the JSON file of an evaluation
#: Heading of a column of means, and the episode's metric that it shows.
_MEANS = (
    ("driving score", "driving_score", "{:.1f}"),
    ("Leaderboard 2.1", "driving_score_2_1", "{:.1f}"),
    ("route", "route_completion", "{:.2f}"),
    ("collisions", "collisions", "{:.2f}"),
    ("red lights", "red_lights", "{:.2f}"),
    ("standing", "standing_ratio", "{:.2f}"),
)
POLICY, REFERENCE = "checkpoint", "blind"
SCRIPTED = ("expert", REFERENCE)
REFERENCES = (*SCRIPTED, "random")
#: The trained policy with a part of its observation hidden: what that part is worth.
HIDDEN = ("black_picture", "no_waypoints")
POLICIES = (POLICY, *REFERENCES, *HIDDEN)


class Cell(NamedTuple):
    """A value and its interval, which may be empty."""

    value: str
    interval: str = ""


def scores(
    results: Mapping[str, Episodes], success: Mapping[str, Estimate], paired: bool
) -> tuple[list[str], list[list[Cell]]]:
    """Return headings and a row for each policy; driving metrics where there are any.

    Means have bootstrap intervals. paired: all drove the same episodes; "above blind" is then the
    mean difference of driving scores.
    """
    driven = all("driving_score" in episode for rows in results.values() for episode in rows)
    compared = paired and driven and REFERENCE in results and len(results) > 1
    header = ["policy", "episodes", "return"]
    if driven:
        header += [heading for heading, _, _ in _MEANS] + ["success"]
    if compared:
        header.append(f"above {REFERENCE}")
    rows = []
    for policy, episodes in results.items():
        returns = shown(mean(column(episodes, "return")), "{:.1f}")
        row = [Cell(policy), Cell(str(len(episodes))), returns]
        if driven:
            row += [shown(mean(column(episodes, name)), form) for _, name, form in _MEANS]
            row.append(shown(success[policy], "{:.2f}"))
        if compared:
            other = policy != REFERENCE
            row.append(shown(above(episodes, results), "{:+.1f}") if other else Cell(""))
        rows.append([*row, Cell(_ends(episodes))])
    return [*header, "ends"], rows


def column(episodes: Episodes, name: str) -> np.ndarray:
    """Return a metric of each episode that knows it."""
    values = np.array([episode.get(name) for episode in episodes], float)
    return values[np.isfinite(values)]


def above(episodes: Episodes, results: Mapping[str, Episodes]) -> Estimate:
    """Return the mean difference of driving scores to the reference over the same routes."""
    return mean(column(episodes, "driving_score") - column(results[REFERENCE], "driving_score"))


def shown(estimate: Estimate, form: str) -> Cell:
    """Return an estimate as a cell."""
    if not np.isfinite(estimate.point):
        return Cell("unknown")
    point = form.format(estimate.point)
    if not np.isfinite([estimate.low, estimate.high]).all():
        return Cell(point)
    return Cell(point, f"{form.format(estimate.low)}, {form.format(estimate.high)}")


def _ends(episodes: Episodes) -> str:
    counts = Counter(str(episode.get("reason", "")) for episode in episodes)
    return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
