"""Scalars on disk: TensorBoard events and metrics.csv (step, tag, value), one x axis, env steps.

Events also hold the run's settings and pictures.
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.summary import scalar

from launch.config.run import RunConfig
from launch.errors import BadInput, LaunchError
from launch.training import board
from launch.training.folder import METRICS

HEADER = "step,tag,value\n"
_SYNC_SECONDS = 1.0


def cut_back(folder: Path, keep_bytes: int) -> str | None:
    """Drop what metrics.csv holds beyond a checkpoint's bytes, and a row that is not whole.

    Returns a line where it holds less than the checkpoint counted.
    """
    path = folder / METRICS
    content = path.read_bytes()[:keep_bytes] if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    if path.exists() and path.stat().st_size != len(whole):
        os.truncate(path, len(whole))
    if len(whole) == keep_bytes:
        return None
    return (
        f"{path} has {len(whole):,} of the {keep_bytes:,} bytes that the checkpoint counted: "
        "the history before it is not complete"
    )


class Copy(Protocol):
    """Another place that gets what is written here."""

    def scalars(self, step: int, scalars: Mapping[str, float]) -> None: ...

    def picture(self, step: int, tag: str, pixels: np.ndarray) -> None: ...

    def close(self) -> None: ...


class ScalarWriter:
    """Appends scalars. `resumed`: events after `step` are marked as replaced.

    Events are written in this thread: tensorboardX's own writer thread dies in silence on a full
    disk. Raises LaunchError, one line, where something cannot be written.
    """

    def __init__(
        self, folder: Path, step: int = 0, resumed: bool = False, copy: Copy | None = None
    ) -> None:
        self._copy = copy
        self._path = folder / METRICS
        self._file = open(self._path, "a", newline="", encoding="utf-8")  # noqa: SIM115
        if not self._file.tell():
            self._file.write(HEADER)
        self._rows = csv.writer(self._file, lineterminator="\n")
        try:
            self._events = EventsWriter(str(folder / "events"), f".{os.getpid()}.{step}")
            if resumed:
                restart = SessionLog(status=SessionLog.START)
                self._events.write_event(Event(step=step + 1, session_log=restart))
        except OSError as error:
            raise self._trouble(error) from error
        self._synced = time.monotonic()

    @property
    def position(self) -> int:
        """Bytes of metrics.csv so far."""
        self._file.flush()
        return self._file.tell()

    def settings(self, step: int, config: RunConfig) -> None:
        """Write the options and the layout of the charts, for TensorBoard alone."""
        for summary in board.settings(config):
            self._event(step, summary)

    def picture(self, step: int, tag: str, pixels: np.ndarray) -> None:
        """Write a picture, uint8 (H, W, 3) in the order blue, green, red."""
        self._event(step, board.picture(tag, pixels))
        if self._copy is not None:
            self._copy.picture(step, tag, pixels)

    def _event(self, step: int, summary: Summary) -> None:
        try:
            self._events.write_event(Event(wall_time=time.time(), step=step, summary=summary))
        except OSError as error:
            raise self._trouble(error) from error

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
        if self._copy is not None:
            self._copy.scalars(step, scalars)

    def flush(self) -> None:
        """Everything is on disk when this returns."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._events.flush()
        except OSError as error:
            raise self._trouble(error) from error

    def _trouble(self, error: OSError) -> LaunchError:
        reason = error.strerror or str(error)
        return LaunchError(f"{self._path.parent}: scalars cannot be written ({reason})")

    def close(self) -> None:
        """Close all; what does not fit on the disk was told before."""
        if self._copy is not None:
            self._copy.close()
            self._copy = None
        for file in (self._events, self._file):
            try:
                file.close()
            except OSError:
                continue


def read_rows(folder: Path) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield the scalars of each step in metrics.csv, as (step, {tag: value}).

    Raises BadInput where a line is no such row.
    """
    at, scalars = -1, dict[str, float]()
    with open(folder / METRICS, newline="", encoding="utf-8", errors="replace") as file:
        for number, row in enumerate(csv.reader(file), 1):
            if number == 1:
                continue
            try:
                step, tag, value = int(row[0]), row[1], float(row[2])
            except (ValueError, IndexError) as error:
                text = ",".join(row)
                raise BadInput(
                    f"{folder / METRICS}: line {number} is {text!r}, not step,tag,value; remove it"
                ) from error
            if step != at and scalars:
                yield at, scalars
                scalars = {}
            at = step
            scalars[tag] = value
    if scalars:
        yield at, scalars
