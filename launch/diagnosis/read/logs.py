"""A run as the rules see it: scalars, settings and what was wrong with the files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from launch.diagnosis.facts import RunFacts, facts_from_config, read_config
from launch.diagnosis.read.events import (
    Scalars,
    Unreadable,
    join_sessions,
    read_csv,
    read_event_file,
)
from launch.diagnosis.series import Curve
from launch.diagnosis.tags import GROUPS, derive, rename

_CSV_NAMES = ("metrics.csv", "progress.csv", "progress.txt")


@dataclasses.dataclass(frozen=True)
class Run:
    """series: our names; derived: which of them were computed; foreign: tags without a name here;
    config: config.json or None; warnings: one line each; files: what was read."""

    series: dict[str, Curve]
    derived: tuple[str, ...]
    foreign: tuple[str, ...]
    config: dict[str, Any] | None
    facts: RunFacts
    warnings: tuple[str, ...]
    files: tuple[Path, ...]


def _began(part: Scalars) -> tuple[float, str]:
    walls = [c.wall[0] for c in part.series.values() if c.wall.size]
    return (float(min(walls, default=0.0)), part.files[0].name)


def _by_folder(files: Iterable[Path]) -> dict[Path, list[Scalars]]:
    folders: dict[Path, list[Scalars]] = {}
    for file in files:
        folders.setdefault(file.parent, []).append(read_event_file(file))
    return folders


def _merge(logdir: Path, folders: dict[Path, list[Scalars]]) -> dict[str, Curve]:
    """One series; folders with a tag in common are different runs, which must not be mixed."""
    merged: dict[str, Curve] = {}
    home: dict[str, Path] = {}
    for folder, parts in folders.items():
        for tag, values in join_sessions(sorted(parts, key=_began)).items():
            if tag in merged:
                names = sorted({str(home[tag]), str(folder)})
                raise Unreadable(
                    f"{logdir}: several runs beneath it; choose one, for example "
                    f"--run_dir={names[0]} or --run_dir={names[1]}"
                )
            merged[tag], home[tag] = values, folder
    return merged


def _read_files(logdir: Path) -> tuple[dict[str, Curve], list[str], list[Path]]:
    if logdir.is_file():
        text = logdir.suffix in (".csv", ".txt", ".tsv")
        part = read_csv(logdir) if text else read_event_file(logdir)
        return part.series, list(part.warnings), [logdir]
    if not logdir.is_dir():
        raise Unreadable(f"{logdir}: no such file or folder")
    files = sorted(path for path in logdir.rglob("*tfevents*") if path.is_file())
    folders = _by_folder(files)
    warnings = [line for parts in folders.values() for part in parts for line in part.warnings]
    series = _merge(logdir, folders)
    for name in _CSV_NAMES if not series else ():
        for path in sorted(logdir.rglob(name))[:1]:
            part = read_csv(path)
            series, warnings, files = part.series, [*warnings, *part.warnings], [*files, path]
        if series:
            break
    if not files:
        raise Unreadable(f"{logdir}: no event file (*tfevents*) and no metrics.csv beneath it")
    return series, warnings, files


def _config(logdir: Path, files: list[Path]) -> tuple[dict[str, Any] | None, list[str]]:
    for folder in dict.fromkeys([logdir, *(f.parent for f in files)]):
        try:
            config = read_config(folder) if folder.is_dir() else None
        except ValueError as error:
            return None, [str(error)]
        if config is not None:
            return config, []
    return None, []


def read_run(logdir: Path, tag_map: Mapping[str, str] | None = None) -> Run:
    """Everything that the rules need from a run folder, a folder of event files or one file.

    tag_map: {their tag: our tag}, beside the built-in names of other libraries. Raises Unreadable
    when no scalar, or none with a known name, is found.
    """
    raw, warnings, files = _read_files(logdir)
    if not raw:
        raise Unreadable(f"{logdir}: no scalars could be read" + _because(warnings))
    named = rename(raw, tag_map)
    foreign = tuple(sorted(tag for tag in named if not tag.startswith(GROUPS)))
    known = {tag: values for tag, values in named.items() if tag.startswith(GROUPS)}
    if not known:
        raise Unreadable(
            f"{logdir}: none of its {len(foreign)} tags is known ({', '.join(foreign[:3])}, ...); "
            "say what they are with --tag_map"
        )
    series, derived = derive({t: c for t, c in known.items() if np.size(c.values)})
    config, complaints = _config(logdir, files)
    return Run(
        series=series,
        derived=derived,
        foreign=foreign,
        config=config,
        facts=facts_from_config(config or {}),
        warnings=(*warnings, *complaints),
        files=tuple(files),
    )


def _because(warnings: list[str]) -> str:
    return f" ({'; '.join(warnings)})" if warnings else ""
