"""Scalars on disk: TensorBoard events and metrics.csv (step, tag, value), one x axis, env steps."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from tensorboardX import SummaryWriter

from launch.run_folder import METRICS, write_whole

HEADER = ("step", "tag", "value")


class ScalarWriter:
    """Appends scalars; `resume_step` drops what an interrupted session wrote after that step."""

    def __init__(self, folder: Path, resume_step: int | None = None) -> None:
        self._path = folder / METRICS
        if resume_step is not None and self._path.exists():
            _keep_until(self._path, resume_step)
        else:
            write_whole(self._path, ",".join(HEADER) + "\n")
        self._file = open(self._path, "a", newline="", encoding="utf-8")  # noqa: SIM115
        self._rows = csv.writer(self._file, lineterminator="\n")
        purge = None if resume_step is None else resume_step + 1
        self._events = SummaryWriter(str(folder), purge_step=purge, flush_secs=3600)

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        """One row and one event for each scalar, on disk when this returns."""
        for tag, value in scalars.items():
            self._rows.writerow((step, tag, repr(float(value))))
            if not math.isnan(value) or not tag.startswith("eval/"):
                self._events.add_scalar(tag, value, step)
        self._file.flush()
        self._events.flush()

    def close(self) -> None:
        """Flushes and closes both."""
        self._events.close()
        self._file.close()


def _keep_until(path: Path, step: int) -> None:
    """Rewrites the CSV without rows after `step` and without a half-written last line."""
    kept = [",".join(HEADER) + "\n"]
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            number = line.split(",", 1)[0]
            if line.endswith("\n") and line.count(",") == 2 and number.isdigit():
                kept += [line] if int(number) <= step else []
    write_whole(path, "".join(kept))
