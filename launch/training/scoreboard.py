"""One table of several policies on the same episodes, with 95 % intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from launch.files import markdown_table
from launch.statistics import Estimate, mean, wilson
from launch.training.evaluation import EpisodeResult

Results = Mapping[str, Sequence[EpisodeResult]]
#: Heading of a column of means, and the episode's metric that it shows.
_MEANS = (
    ("driving score", "driving_score", "{:.1f}"),
    ("Leaderboard 2.1", "driving_score_2_1", "{:.1f}"),
    ("route", "route_completion", "{:.2f}"),
    ("collisions", "collisions", "{:.2f}"),
    ("red lights", "red_lights", "{:.2f}"),
    ("standing", "standing_ratio", "{:.2f}"),
)
REFERENCE = "blind"


def scoreboard(results: Results) -> list[str]:
    """Return a Markdown table, a row for each policy; driving metrics where there are any.

    Means have bootstrap intervals, success has Wilson's. "above blind" is the mean difference of
    driving scores over the same routes.
    """
    driven = all(result.metrics for rows in results.values() for result in rows)
    compared = driven and REFERENCE in results and len(results) > 1
    header = ["policy", "episodes", "return"]
    if driven:
        header += [heading for heading, _, _ in _MEANS] + ["success"]
    if compared:
        header.append(f"above {REFERENCE}")
    rows = []
    for policy, episodes in results.items():
        returns = np.array([episode.total for episode in episodes])
        row = [policy, str(len(episodes)), _shown(mean(returns), "{:.1f}")]
        if driven:
            row += [_shown(mean(_column(episodes, name)), form) for _, name, form in _MEANS]
            wins = int(sum(_column(episodes, "success") > 0.0))
            row.append(_shown(wilson(wins, len(episodes)), "{:.2f}"))
        if compared:
            row.append(_above(episodes, results[REFERENCE]) if policy != REFERENCE else "")
        rows.append([*row, _ends(episodes)])
    return markdown_table([*header, "ends"], rows)


def _column(episodes: Sequence[EpisodeResult], name: str) -> np.ndarray:
    values = np.array([episode.metrics[name] for episode in episodes], float)
    return values[np.isfinite(values)]


def _above(episodes: Sequence[EpisodeResult], reference: Sequence[EpisodeResult]) -> str:
    difference = _column(episodes, "driving_score") - _column(reference, "driving_score")
    return _shown(mean(difference), "{:+.1f}")


def _shown(estimate: Estimate, form: str) -> str:
    if not np.isfinite(estimate.point):
        return "unknown"
    point = form.format(estimate.point)
    if not np.isfinite([estimate.low, estimate.high]).all():
        return point
    return f"{point} [{form.format(estimate.low)}, {form.format(estimate.high)}]"


def _ends(episodes: Sequence[EpisodeResult]) -> str:
    counts = Counter(episode.reason for episode in episodes)
    return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
