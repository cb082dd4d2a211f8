"""The list of runs of known condition that are kept, one line each, with the commands of each."""

from __future__ import annotations

import csv
import dataclasses
import io
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from launch.errors import BadInput
from launch.files import write_whole
from launch.studies.conditions.plan import ABLATION, HEALTHY, PREDECESSOR, Planned
from launch.studies.conditions.runs import commands

NAME = "manifest.csv"
TUNE, HELD_OUT = "tune", "held-out"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One kept log. path: beside the manifest; onset: of a late fault, else 0."""

    path: str
    condition: str
    source: str
    task: str
    seed: int
    split: str
    onset: int
    command: str

    @property
    def name(self) -> str:
        """The name of its file or folder."""
        return Path(self.path).stem


def _older() -> list[Entry]:
    """Logs that were there before: the predecessor's reports and two arms of the ablation."""
    printed = "numbers printed in the predecessor's report"
    entries = [
        Entry(
            f"../report_{i}.csv",
            "feature_leak",
            PREDECESSOR,
            "carla",
            42,
            TUNE,
            0,
            f"{printed} {i}",
        )
        for i in range(5)
    ]
    for name, condition in (("toy_correct", HEALTHY), ("toy_leak", "feature_leak")):
        command = "td3jax ablate --groups=core --seeds=1"
        path = f"../{name}.csv"
        entries.append(Entry(path, condition, ABLATION, "lanetoy", 0, TUNE, 0, command))
    return entries


def entry(run: Planned) -> Entry:
    """The line of a run that is made here."""
    lines = (shlex.join(words) for words in commands(run, f"runs/{run.name}"))
    split = HELD_OUT if run.held_out else TUNE
    return Entry(
        run.name,
        run.condition,
        run.source,
        run.task,
        run.seed,
        split,
        run.onset,
        " && ".join(lines),
    )


def write_manifest(folder: Path, runs: Iterable[Planned]) -> Path:
    """Write the lines of the runs that are kept in the folder, and of the older logs."""
    kept = [entry(run) for run in runs if (folder / run.name).is_dir()]
    text = io.StringIO()
    names = [field.name for field in dataclasses.fields(Entry)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    older = [line for line in _older() if (folder / line.path).is_file()]
    writer.writerows(map(dataclasses.asdict, [*kept, *older]))
    write_whole(folder / NAME, text.getvalue())
    return folder / NAME


def read_manifest(folder: Path) -> Sequence[Entry]:
    """The lines of the manifest; BadInput, one line, where it cannot be read."""
    try:
        with (folder / NAME).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [_parsed(row) for row in rows]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{folder / NAME}: no manifest of runs ({error})") from error


def _parsed(row: dict[str, str]) -> Entry:
    numbers = {name: int(row[name]) for name in ("seed", "onset")}
    texts = {field.name: row[field.name] for field in dataclasses.fields(Entry)}
    return Entry(**{**texts, **numbers})  # type: ignore[arg-type]
