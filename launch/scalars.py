"""Scalars on disk: TensorBoard events and metrics.csv (step, tag, value), one x axis, env steps."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from tensorboardX import SummaryWriter

from launch.run_folder import METRICS

HEADER = "step,tag,value\n"


class ScalarWriter:
    """Appends scalars. `keep_bytes`, of a checkpoint: what an interrupted session wrote to the CSV
    file beyond them is dropped, and events after `step` are marked as replaced."""

    def __init__(self, folder: Path, keep_bytes: int | None = None, step: int = 0) -> None:
        path = folder / METRICS
        self._file = open(path, "a", newline="", encoding="utf-8")  # noqa: SIM115
        if keep_bytes is not None and self._file.tell() > keep_bytes:
            self._file.truncate(keep_bytes)
            self._file.seek(0, 2)
        if not self._file.tell():
            self._file.write(HEADER)
        self._rows = csv.writer(self._file, lineterminator="\n")
        purge = None if keep_bytes is None else step + 1
        self._events = SummaryWriter(str(folder), purge_step=purge, flush_secs=3600)

    @property
    def position(self) -> int:
        """Bytes of metrics.csv so far."""
        self._file.flush()
        return self._file.tell()

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """One row and one event for each scalar, on disk when this returns."""
        for tag, value in scalars.items():
            self._rows.writerow((step, tag, repr(float(value))))
            self._events.add_scalar(tag, value, step)
        self._file.flush()
        self._events.flush()

    def close(self) -> None:
        """Flushes and closes both."""
        self._events.close()
        self._file.close()


def read_rows(folder: Path) -> Iterator[tuple[int, dict[str, float]]]:
    """The scalars of each write in metrics.csv, as (step, {tag: value})."""
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
