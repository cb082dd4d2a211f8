"""One Markdown table of several policies on the same episodes, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from launch.files import markdown_table
from launch.scores import Cell, scores
from launch.statistics import wilson
from launch.training.evaluation import EpisodeResult, rows_of

Results = Mapping[str, Sequence[EpisodeResult]]


def scoreboard(results: Results) -> list[str]:
    """Return a table with a row for each policy; success has Wilson's interval."""
    success = {
        policy: wilson(sum(episode.metrics["success"] > 0.0 for episode in episodes), len(episodes))
        for policy, episodes in results.items()
        if all(episode.metrics for episode in episodes)
    }
    rows = {policy: rows_of(episodes) for policy, episodes in results.items()}
    header, cells = scores(rows, success, paired=True)
    return markdown_table(header, [[_text(cell) for cell in row] for row in cells])


def _text(cell: Cell) -> str:
    return f"{cell.value} [{cell.interval}]" if cell.interval else cell.value
