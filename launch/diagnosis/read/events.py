"""Scalars of TensorBoard event files, whoever wrote them, as series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.util import tensor_util

from launch.diagnosis.read.columns import MAX_POINTS, Columns, Scalars, Unreadable
from launch.diagnosis.read.records import read_blocks


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
    payloads: list[bytes], columns: dict[str, Columns], limit: int, starts: list[int]
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
                    columns[value.tag] = Columns(limit)
                columns[value.tag].add(event.step, number, event.wall_time)
    return strange


def read_event_file(path: Path, max_points: int = MAX_POINTS) -> Scalars:
    """Scalars of one event file, as far as it is intact; the rest is named in `warnings`.

    Memory is bounded: past 2 * max_points a tag keeps the extremes of its bins only.
    """
    columns: dict[str, Columns] = {}
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
