"""Runs whose policies were evaluated on the same routes, paired by route."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from launch.comparison import Comparison
from launch.page.details import Rows
from launch.page.policies import same_routes
from launch.page.subject import Evaluation, read_evaluation
from launch.scores import POLICY, column, shown
from launch.statistics import mean

NEAR = 5.0  # m between the first steps of two drives of the same route


def paired_table(found: Comparison) -> Rows:
    """A row for each run that drove the routes of the first run that was evaluated.

    Differences are means over the routes, with bootstrap intervals: they say how sure the routes
    make it that these two policies differ, not whether another seed would.
    """
    entries = [entry for group in found.groups for entry in group.entries]
    names = [str(entry.source) for entry in entries]
    read = [read_evaluation(entry.source / f"evaluation-{POLICY}.json") for entry in entries]
    known = [(name, table) for name, table in zip(names, read, strict=True) if table]
    if not known:
        return Rows("On the same routes", (), [])
    first, reference = known[0]
    metric = "driving_score" if "driving_score" in reference.episodes[0] else "return"
    same = [(name, table) for name, table in known if _paired(table, reference, metric)]
    base = column(reference.episodes, metric)
    rows = []
    for name, table in same:
        values = column(table.episodes, metric)
        gain = "" if table is reference else _text(values - base, "{:+.1f}")
        rows.append((name, str(len(values)), _text(values, "{:.1f}"), gain))
    header = ("run", "episodes", metric.replace("_", " "), f"above {first}")
    return Rows("On the same routes", header, rows if len(rows) > 1 else [])


def _paired(one: Evaluation, other: Evaluation, metric: str) -> bool:
    """True where both drove the same episodes: seeds, environment and, as far as told, starts."""
    if one.table.get("env") != other.table.get("env") or not same_routes({"": one, " ": other}):
        return False
    pairs = list(zip(one.episodes, other.episodes, strict=True))
    starts = [[_start(row) for row in pair] for pair in pairs]
    near = all(math.dist(a, b) < NEAR for a, b in starts if a and b)
    return near and all(metric in row for pair in pairs for row in pair)


def _start(row: Mapping[str, Any]) -> tuple[float, ...]:
    """Where a drive was after its first step; empty where it was not recorded."""
    track = row.get("track")
    return (float(track["x"][0]), float(track["y"][0])) if track and track["x"] else ()


def _text(values: np.ndarray, form: str) -> str:
    cell = shown(mean(values), form)
    return f"{cell.value} [{cell.interval}]" if cell.interval else cell.value
