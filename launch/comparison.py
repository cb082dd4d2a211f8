"""Runs beside each other: grouped by their settings, with curves, differences and tests."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from launch.config.tree import flat
from launch.diagnosis.read.logs import read_run
from launch.diagnosis.series import Curve, get
from launch.errors import BadInput
from launch.statistics import Estimate, difference, holm, iqm_curve

EPISODES, EVALUATIONS = "train/episode_reward", "eval/return"
FEW = 5  # evaluations below which the returns of training tell more
POINTS = 80  # of a curve
LAST = 0.1  # share of the steps whose returns count as a run's end
_OF_SEED = "seed"


@dataclasses.dataclass(frozen=True)
class Entry:
    """A run: its settings, empty where the log has none, and its returns by their tags."""

    source: Path
    settings: dict[str, Any]
    returns: dict[str, Curve]


class Group(NamedTuple):
    """Runs with the same settings but for the seed. ends: the mean return of each run's end;
    point, low, high: interquartile means at the comparison's steps, with 95 % intervals."""

    name: str
    entries: list[Entry]
    ends: np.ndarray
    point: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Gain(NamedTuple):
    """What a group's end has over the first group's; p: adjusted by Holm for all groups."""

    estimate: Estimate
    p: float


class Comparison(NamedTuple):
    """tag: of the returns compared; settings: those that differ, with a value for each group."""

    tag: str
    steps: np.ndarray
    groups: list[Group]
    gains: list[Gain | None]
    settings: list[tuple[str, list[Any]]]


def read_entry(source: Path) -> Entry:
    """Read a run; BadInput where it cannot be read or has no returns."""
    try:
        run = read_run(source)
    except ValueError as error:
        raise BadInput(str(error)) from error
    returns = {tag: get(run.series, tag) for tag in (EPISODES, EVALUATIONS)}
    if not any(curve.steps.size for curve in returns.values()):
        raise BadInput(f"{source}: has no returns ({EPISODES}, {EVALUATIONS}) to compare")
    return Entry(source, flat(run.config or {}), returns)


def compare(entries: Sequence[Entry]) -> Comparison:
    """Group the runs and compare each group with the first; BadInput where they cannot be."""
    tag = _shared_tag(entries)
    first = max(int(entry.returns[tag].steps[0]) for entry in entries)
    last = min(int(entry.returns[tag].steps[-1]) for entry in entries)
    if last < first:
        raise BadInput(f"the runs share no steps: one begins at {first:,}, one ends at {last:,}")
    steps = np.linspace(first, last, POINTS)
    names = differing(entries)
    members: dict[str, list[Entry]] = {}
    for entry in entries:
        members.setdefault(_key(entry, names), []).append(entry)
    groups = [_group(found, names, tag, steps) for found in members.values()]
    gaps = [difference(group.ends, groups[0].ends) for group in groups[1:]]
    adjusted = iter(holm([p for _, p in gaps if math.isfinite(p)]))
    gains = [Gain(gap, next(adjusted) if math.isfinite(p) else p) for gap, p in gaps]
    rows = [(name, [group.entries[0].settings.get(name) for group in groups]) for name in names]
    return Comparison(tag, steps, groups, [None, *gains], rows)


def _shared_tag(entries: Sequence[Entry]) -> str:
    """Evaluations where all have enough of them, else the returns of training."""
    for tag, least in ((EVALUATIONS, FEW), (EPISODES, 1), (EVALUATIONS, 1)):
        if all(entry.returns[tag].steps.size >= least for entry in entries):
            return tag
    raise BadInput(f"some runs have only {EPISODES} and some only {EVALUATIONS}")


def differing(entries: Sequence[Entry]) -> list[str]:
    """Settings that are not the same in all runs that tell theirs; the seed is none."""
    told = [entry.settings for entry in entries if entry.settings]
    names = dict.fromkeys(name for settings in told for name in settings)
    return [
        name
        for name in names
        if name != _OF_SEED and len({json.dumps(settings.get(name)) for settings in told}) > 1
    ]


def _key(entry: Entry, names: Sequence[str]) -> str:
    """The same for runs of one group; a run that tells no settings stays alone."""
    if not entry.settings:
        return str(entry.source)
    return json.dumps([entry.settings.get(name) for name in names])


def _group(entries: list[Entry], names: Sequence[str], tag: str, steps: np.ndarray) -> Group:
    curves = np.array([_smooth(entry.returns[tag], steps) for entry in entries])
    width = max(1, round(LAST * POINTS))
    return Group(_name(entries, names), entries, curves[:, -width:].mean(1), *iqm_curve(curves))


def _name(entries: Sequence[Entry], names: Sequence[str]) -> str:
    settings = entries[0].settings
    if settings and 0 < len(names) <= 2:
        return ", ".join(f"{name}={settings.get(name)}" for name in names)
    more = f" and {len(entries) - 1} more" if len(entries) > 1 else ""
    return entries[0].source.resolve().name + more


def _smooth(curve: Curve, steps: np.ndarray) -> np.ndarray:
    """Means over the points about each step, of a window of 5 % of all, by their step."""
    half = max(curve.steps.size // 40, 0)
    total = np.concatenate([[0.0], np.cumsum(curve.values)])
    index = np.arange(curve.steps.size)
    low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, curve.steps.size)
    return np.interp(steps, curve.steps, (total[high] - total[low]) / (high - low))
