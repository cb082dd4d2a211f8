"""Scalars of any TensorBoard event file or metrics CSV, whoever wrote it, as series."""

from __future__ import annotations

import csv
import dataclasses
from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.util import tensor_util

from launch.diagnosis.read.records import read_blocks
from launch.diagnosis.series import Curve, curve, thin

MAX_POINTS = 1 << 20
_STEP_COLUMNS = (
    "step",
    "steps",
    "global_step",
    "env_step",
    "time/total_timesteps",
    "TotalEnvInteracts",
)
_TAG_COLUMNS = ("tag", "name", "metric")


class Unreadable(ValueError):
    """Nothing can be read here; the message is one line that says what to do."""


@dataclasses.dataclass(frozen=True)
class Scalars:
    """series: tag -> Curve; warnings: one line each; files: what was read; purge: the step from
    which these values replace earlier ones, where it says so."""

    series: dict[str, Curve]
    warnings: tuple[str, ...]
    files: tuple[Path, ...]
    purge: int | None = None


class _Columns:
    """Growing columns of one tag; beyond `limit` points only extremes of bins are kept."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.steps, self.values, self.wall = array("q"), array("d"), array("d")
        self.thinned = False

    def add(self, step: int, value: float, wall: float) -> None:
        self.steps.append(step)
        self.values.append(value)
        self.wall.append(wall)
        if len(self.steps) >= 2 * self.limit:
            self._shrink()

    def _shrink(self) -> None:
        kept = thin(self.curve(), self.limit)
        self.steps = array("q", kept.steps.tobytes())
        self.values = array("d", kept.values.tobytes())
        self.wall = array("d", kept.wall.tobytes())
        self.thinned = True

    def curve(self) -> Curve:
        return curve(
            np.frombuffer(self.steps, np.int64).copy(),
            np.frombuffer(self.values, np.float64).copy(),
            np.frombuffer(self.wall, np.float64).copy(),
        )


def _scalar(value: Summary.Value) -> float | None:
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return value.simple_value
    if kind != "tensor":
        return None
    plugin = value.metadata.plugin_data.plugin_name
    shape = [dim.size for dim in value.tensor.tensor_shape.dim]
    if plugin not in ("", "scalars") or any(size != 1 for size in shape):
        return None
    try:
        return float(np.asarray(tensor_util.make_ndarray(value.tensor)).reshape(()))
    except (TypeError, ValueError):
        return None


def _collect(
    payloads: list[bytes], columns: dict[str, _Columns], limit: int, starts: list[int]
) -> int:
    """Add the scalars of `payloads` and the steps of session starts; returns how many were no
    events."""
    strange = 0
    for payload in payloads:
        try:
            event = Event.FromString(payload)
        except DecodeError:
            strange += 1
            continue
        if event.session_log.status == SessionLog.START:
            starts.append(event.step)
        for value in event.summary.value:
            number = _scalar(value)
            if number is not None:
                if value.tag not in columns:
                    columns[value.tag] = _Columns(limit)
                columns[value.tag].add(event.step, number, event.wall_time)
    return strange


def read_event_file(path: Path, max_points: int = MAX_POINTS) -> Scalars:
    """Scalars of one event file, as far as it is intact; the rest is named in `warnings`.

    Memory is bounded: past 2 * max_points a tag keeps the extremes of its bins only.
    """
    columns: dict[str, _Columns] = {}
    warnings: list[str] = []
    starts: list[int] = []
    damaged = 0
    try:
        empty = path.stat().st_size == 0
        for block in read_blocks(path):
            damaged += block.damaged + _collect(block.payloads, columns, max_points, starts)
            if block.fault:
                warnings.append(f"{path.name}: {block.fault}")
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read ({error.strerror})") from error
    if damaged:
        warnings.append(f"{path.name}: {damaged:,} damaged records skipped")
    if empty:
        warnings.append(f"{path.name}: empty file")
    elif not columns:
        warnings.append(f"{path.name}: holds no scalars")
    if any(column.thinned for column in columns.values()):
        warnings.append(f"{path.name}: more than {2 * max_points:,} points a tag, thinned")
    series = {tag: column.curve() for tag, column in columns.items()}
    return Scalars(series, tuple(warnings), (path,), min(starts, default=None))


def _float(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _csv_rows(path: Path) -> Iterable[tuple[int, str, float]]:
    with path.open(newline="", encoding="utf-8") as file:
        first = file.readline()
        file.seek(0)
        rows = csv.DictReader(file, delimiter="\t" if "\t" in first else ",")
        names = rows.fieldnames or []
        at = next((name for name in _STEP_COLUMNS if name in names), None)
        if at is None:
            raise Unreadable(f"{path}: no step column; expected one of {', '.join(_STEP_COLUMNS)}")
        label = next((name for name in _TAG_COLUMNS if name in names), None)
        for row in rows:
            step = _float(row.get(at))
            if step is None or not np.isfinite(step):
                continue
            cells = {row[label]: row.get("value")} if label and "value" in names else row
            for tag, text in cells.items():
                number = _float(text) if tag != at and isinstance(text, str) else None
                if tag and number is not None:
                    yield int(step), tag, number


def read_csv(path: Path, max_points: int = MAX_POINTS) -> Scalars:
    """Scalars of a CSV or tab-separated file: a step column and one column a tag, or step, tag,
    value. Empty and non-numeric cells are left out."""
    columns: dict[str, _Columns] = {}
    try:
        for step, tag, number in _csv_rows(path):
            if tag not in columns:
                columns[tag] = _Columns(max_points)
            columns[tag].add(step, number, 0.0)
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"{path}: not a CSV file ({error})") from error
    warnings = () if columns else (f"{path.name}: holds no numbers",)
    return Scalars({tag: column.curve() for tag, column in columns.items()}, warnings, (path,))


def join_sessions(parts: Iterable[Scalars]) -> dict[str, Curve]:
    """Sessions of one run in the order they began, as one series.

    A later session that resumed from an earlier step replaces what came after it: from its purge
    step on for all tags, and from a tag's first step on for that tag.
    """
    joined: dict[str, Curve] = {}
    for part in parts:
        if part.purge is not None:
            joined = {tag: values.until(part.purge - 1) for tag, values in joined.items()}
        for tag, new in part.series.items():
            old = joined.get(tag)
            if old is None or not new.steps.size:
                joined[tag] = new
                continue
            kept = old.part(0, int(np.searchsorted(old.steps, new.steps[0])))
            joined[tag] = Curve(*(np.concatenate(pair) for pair in zip(kept, new, strict=True)))
    return joined
