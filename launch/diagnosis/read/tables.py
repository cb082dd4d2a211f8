"""Scalars of tables: CSV files of many programs, JSON lines and SB3's evaluations.npz."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from launch.diagnosis.read.columns import MAX_POINTS, Columns, Scalars, Unreadable
from launch.diagnosis.series import curve
from launch.diagnosis.tags import GROUPS, known_tags

FORMATS = (
    "TensorBoard event files (*tfevents*), CSV and tab-separated tables, JSON lines (.jsonl, "
    ".json) and SB3's evaluations.npz"
)
SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl", ".json", ".npz")
_STEP_COLUMNS = (
    "step",
    "steps",
    "global_step",
    "env_step",
    "time/total_timesteps",
    "total_timesteps",
    "timesteps_total",
    "num_env_steps_sampled_lifetime",
    "TotalEnvInteracts",
    "Step",
    "_step",
)
_TAG_COLUMNS = ("tag", "name", "metric")
_SPREAD = ("__MIN", "__MAX")  # columns of a W&B chart beside each line
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+([eE][-+]?\d+)?")
_TAG_IN_NAME = re.compile(r"-tag-(.+)$")

Rows = Iterator[tuple[int, str, float]]


def read_table(path: Path, max_points: int = MAX_POINTS) -> Scalars:
    """Scalars of one file that is no event file; Unreadable names the formats that are read."""
    reader = {".jsonl": _read_lines, ".json": _read_lines, ".npz": _read_npz}.get(path.suffix)
    if reader is not None:
        return reader(path)
    return read_csv(path, max_points)


def read_csv(path: Path, max_points: int = MAX_POINTS) -> Scalars:
    """Scalars of a table: a step column and one column a tag, or step, tag, value.

    Also read: TensorBoard's download of one scalar, exports of W&B, SB3's monitor.csv, and two
    numbers a line, step and return. Empty and non-numeric cells are left out.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return _collected(path, _csv_rows(path, text), max_points)
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"{path}: not a CSV file ({error})") from error


def _collected(path: Path, rows: Iterable[tuple[int, str, float]], most: int) -> Scalars:
    columns: dict[str, Columns] = {}
    for step, tag, number in rows:
        if tag not in columns:
            columns[tag] = Columns(most)
        columns[tag].add(step, number, 0.0)
    warnings = () if columns else (f"{path.name}: holds no numbers",)
    return Scalars({tag: column.curve() for tag, column in columns.items()}, warnings, (path,))


def _csv_rows(path: Path, text: str) -> Rows:
    first = text.partition("\n")[0]
    if first.startswith("#"):
        return _monitor_rows(path, text.partition("\n")[2])
    if _two_numbers(first):
        return _return_rows(text)
    delimiter = max("\t;,", key=first.count)
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = list(table.fieldnames or [])
    at = next((name for name in _STEP_COLUMNS if name in names), None)
    if at is None:
        raise Unreadable(
            f"{path}: no step column; expected one of {', '.join(_STEP_COLUMNS)}; "
            f"formats read: {FORMATS}"
        )
    label = next((name for name in _TAG_COLUMNS if name in names), None)
    if label and "value" in names:
        return _long_rows(table, at, label, delimiter)
    return _wide_rows(table, at, _tags(path, names), delimiter)


def _long_rows(table: Iterable[dict[str, str]], at: str, label: str, delimiter: str) -> Rows:
    for row in table:
        step, number = (_float(row.get(name), delimiter) for name in (at, "value"))
        if row[label] and step is not None and np.isfinite(step) and number is not None:
            yield int(step), row[label], number


def _wide_rows(
    table: Iterable[dict[str, str]], at: str, tags: Mapping[str, str], delimiter: str
) -> Rows:
    for row in table:
        step = _float(row.get(at), delimiter)
        if step is None or not np.isfinite(step):
            continue
        for name, tag in tags.items():
            number = _float(row.get(name), delimiter) if name != at else None
            if number is not None:
                yield int(step), tag, number


def _tags(path: Path, names: list[str]) -> dict[str, str]:
    """The tag of each column: its name, the one in the file's name, or that of a W&B chart."""
    found = _TAG_IN_NAME.search(path.stem)
    if found and {"Step", "Value"} <= set(names):
        return {"Value": _with_slash(found[1])}
    tags = {
        name: name.rpartition(" - ")[2] for name in names if name and not name.endswith(_SPREAD)
    }
    if len(set(tags.values())) < len(tags):
        runs = sorted({name.partition(" - ")[0] for name in tags if " - " in name})
        raise Unreadable(f"{path}: several runs in one chart ({', '.join(runs)}); export one")
    return tags


def _with_slash(text: str) -> str:
    """A tag whose slashes were written as underscores."""
    known = {tag.replace("/", "_"): tag for tag in known_tags()}
    group = next((group for group in GROUPS if text.startswith(group.replace("/", "_"))), "")
    return known.get(text) or (group + text[len(group) :])


def _two_numbers(line: str) -> bool:
    cells = line.split()
    return len(cells) == 2 and all(_float(cell, " ") is not None for cell in cells)


def _return_rows(text: str) -> Rows:
    for line in text.splitlines():
        if _two_numbers(line):
            step, value = map(float, line.split())
            yield int(step), "eval/return", value


def _monitor_rows(path: Path, text: str) -> Rows:
    """Episodes of SB3's Monitor: return r and length l, at the steps that the lengths add up to."""
    table = csv.DictReader(io.StringIO(text, newline=""))
    if not {"r", "l"} <= set(table.fieldnames or []):
        raise Unreadable(f"{path}: no table after its first line; formats read: {FORMATS}")
    step = 0
    for row in table:
        reward, length = _float(row["r"], ","), _float(row["l"], ",")
        if reward is not None and length is not None and np.isfinite(length):
            step += int(length)
            yield step, "train/episode_reward", reward
            yield step, "train/episode_length", length


def _float(text: str | None, delimiter: str) -> float | None:
    if not text:
        return None
    if delimiter != "," and _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


def _read_lines(path: Path) -> Scalars:
    """One JSON object a line, nested or flat, with a step among its names."""
    damaged = 0
    points: list[tuple[int, str, float]] = []
    stepless = True
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line in file:
                try:
                    row = dict(_leaves(json.loads(line), ""))
                except (ValueError, AttributeError, OverflowError, RecursionError):
                    damaged += bool(line.strip())
                    continue
                at = next((name for name in _STEP_COLUMNS if name in row), None)
                if at is not None and np.isfinite(row[at]):
                    stepless = False
                    points += [(int(row[at]), tag, v) for tag, v in row.items() if tag != at]
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path}: no text; formats read: {FORMATS}") from error
    if stepless:
        raise Unreadable(
            f"{path}: no line is a JSON object with one of {', '.join(_STEP_COLUMNS)}; "
            f"formats read: {FORMATS}"
        )
    read = _collected(path, points, MAX_POINTS)
    note = (f"{path.name}: {damaged:,} lines are no JSON object, skipped",) if damaged else ()
    return Scalars(read.series, (*note, *read.warnings), read.files)


def _leaves(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}/")
        elif isinstance(value, int | float):
            yield prefix + name, float(value)


def _read_npz(path: Path) -> Scalars:
    """SB3's EvalCallback: timesteps (N,), results (N, episodes), ep_lengths (N, episodes)."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            steps, results = arrays["timesteps"], np.asarray(arrays["results"], float)
            lengths = arrays.get("ep_lengths")
        series = {"eval/return": curve(steps, results.reshape(len(steps), -1).mean(axis=1))}
        if lengths is not None:
            mean = np.asarray(lengths, float).reshape(len(steps), -1).mean(axis=1)
            series["eval/length"] = curve(steps, mean)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise Unreadable(
            f"{path}: not an evaluations.npz of SB3 with timesteps and results; "
            f"formats read: {FORMATS}"
        ) from error
    return Scalars(series, (), (path,))
