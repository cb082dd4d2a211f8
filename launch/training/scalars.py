"""Scalars on disk: TensorBoard events and metrics.csv (step, tag, value), one x axis, env steps."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.summary import scalar

from launch.errors import LaunchError
from launch.training.folder import METRICS

HEADER = "step,tag,value\n"
_SYNC_SECONDS = 1.0


class ScalarWriter:
    """Appends scalars. `keep_bytes`, of a checkpoint: what an interrupted session wrote to the CSV
    file beyond them is dropped, and events after `step` are marked as replaced.

    Events are written in this thread: tensorboardX's own writer thread dies in silence on a full
    disk. Raises LaunchError, one line, where something cannot be written.
    """

    def __init__(self, folder: Path, keep_bytes: int | None = None, step: int = 0) -> None:
        self._path = folder / METRICS
        self._file = open(self._path, "a", newline="", encoding="utf-8")  # noqa: SIM115
        if keep_bytes is not None and self._file.tell() > keep_bytes:
            self._file.truncate(keep_bytes)
            self._file.seek(0, os.SEEK_END)
        if not self._file.tell():
            self._file.write(HEADER)
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._events = EventsWriter(str(folder / "events"), f".{os.getpid()}.{step}")
        self._synced = time.monotonic()
        if keep_bytes is not None:
            restart = SessionLog(status=SessionLog.START)
            self._events.write_event(Event(step=step + 1, session_log=restart))

    @property
    def position(self) -> int:
        """Bytes of metrics.csv so far."""
        self._file.flush()
        return self._file.tell()

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """One row and one event for each scalar."""
        now = time.time()
        try:
            for tag, value in scalars.items():
                self._rows.writerow((step, tag, repr(float(value))))
                summary = scalar(tag, value)
                self._events.write_event(Event(wall_time=now, step=step, summary=summary))
            self._file.flush()
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                self._events.flush()
                self._synced = time.monotonic()
        except OSError as error:
            raise self._trouble(error) from error

    def flush(self) -> None:
        """Everything is on disk when this returns."""
        try:
            self._file.flush()
            self._events.flush()
        except OSError as error:
            raise self._trouble(error) from error

    def _trouble(self, error: OSError) -> LaunchError:
        reason = error.strerror or str(error)
        return LaunchError(f"{self._path.parent}: scalars cannot be written ({reason})")

    def close(self) -> None:
        """Close both; what does not fit on the disk was told before."""
        for file in (self._events, self._file):
            try:
                file.close()
            except OSError:
                continue


def read_rows(folder: Path) -> Iterator[tuple[int, dict[str, float]]]:
    """The scalars of each step in metrics.csv, as (step, {tag: value})."""
    at, scalars = -1, dict[str, float]()
    with open(folder / METRICS, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            step = int(row["step"])
            if step != at and scalars:
                yield at, scalars
                scalars = {}
            at = step
            scalars[row["tag"]] = float(row["value"])
    if scalars:
        yield at, scalars
