"""A run as the rules see it: scalars, settings and what was wrong with the files."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from launch.diagnosis.facts import RunFacts, facts_from_config, read_config
from launch.diagnosis.read.columns import Scalars, Unreadable, join_sessions
from launch.diagnosis.read.events import read_event_file
from launch.diagnosis.read.rolling import without_rolling_means
from launch.diagnosis.read.settings import read_settings
from launch.diagnosis.read.tables import FORMATS, SUFFIXES, read_table
from launch.diagnosis.series import Curve
from launch.diagnosis.tags import FOREIGN_TAGS, GROUPS, derive_scalars, rename, tag_map_skeleton
from td3jax.files import neighbour

_TABLES = ("metrics.csv", "progress.csv", "progress.txt")
_OF_EVALUATION = frozenset(("eval", "evaluation", "evaluator", "test", "validation"))
_HPARAMS = re.compile(r"\d{9,}\.\d+")  # the folder of torch's add_hparams: a time
_OVERLAP_S = 1.0  # of two files written at the same time


@dataclasses.dataclass(frozen=True)
class Run:
    """series: our names; derived: which of them were computed; foreign: tags without a name here;
    config: config.json or None; warnings: one line each; files: what was read; theirs: the log's
    own name of each scalar that has another one here."""

    series: dict[str, Curve]
    derived: tuple[str, ...]
    foreign: tuple[str, ...]
    config: dict[str, Any] | None
    facts: RunFacts
    warnings: tuple[str, ...]
    files: tuple[Path, ...]
    theirs: Mapping[str, str] = dataclasses.field(default_factory=dict)


def _walls(part: Scalars) -> tuple[float, float]:
    """The times of the first and the last point."""
    ends = [(c.wall[0], c.wall[-1]) for c in part.series.values() if c.wall.size]
    return (
        float(min((first for first, _ in ends), default=0.0)),
        float(max((last for _, last in ends), default=0.0)),
    )


def _began(part: Scalars) -> tuple[float, str]:
    return _walls(part)[0], part.files[0].name


def _at_once(parts: Sequence[Scalars]) -> list[str]:
    """A line for two sessions of one folder that wrote the same scalars at the same time."""
    lines = []
    for one, other in itertools.pairwise(parts):
        both = set(one.series) & set(other.series)
        repeated = any(other.series[tag].steps[0] <= one.series[tag].steps[-1] for tag in both)
        if repeated and _walls(one)[1] - _walls(other)[0] > _OVERLAP_S:
            lines.append(
                f"{one.files[0].name} and {other.files[0].name} were written at the same time: "
                "two runs in one folder; of each scalar both have, only the second is read "
                "where they overlap"
            )
    return lines


def _renamed(folder: Path, series: dict[str, Curve]) -> dict[str, Curve]:
    """The scalars of a folder whose name says which part of a run it holds.

    torch's add_scalars writes each line of a chart TAG to a folder TAG_LINE; evaluations are often
    logged to a folder of their own under the names of training.
    """
    if folder.name.lower() in _OF_EVALUATION:
        return {tag if tag.startswith("eval/") else f"eval/{tag}": c for tag, c in series.items()}
    if len(series) == 1:
        tag = next(iter(series))
        line = folder.name.removeprefix(tag.replace("/", "_") + "_")
        if line != folder.name:
            return {f"{tag}/{line}": series[tag]}
    return series


def _merge(logdir: Path, folders: Mapping[Path, dict[str, Curve]]) -> dict[str, Curve]:
    """One series of the folders of one run; those of several runs must not be mixed."""
    merged: dict[str, Curve] = {}
    home: dict[str, Path] = {}
    for folder, series in sorted(folders.items(), key=lambda item: len(item[0].parts)):
        for tag, values in _renamed(folder, series).items():
            if tag in merged and _HPARAMS.fullmatch(folder.name):
                continue  # the last values once more
            if tag in merged:
                names = sorted({str(home[tag]), str(folder)})
                raise Unreadable(
                    f"{logdir}: several runs beneath it; choose one, for example "
                    f"--run_dir={names[0]} or --run_dir={names[1]}"
                )
            merged[tag], home[tag] = values, folder
    return merged


def _read_events(logdir: Path) -> tuple[dict[str, Curve], list[str], list[Path]]:
    files = sorted(path for path in logdir.rglob("*tfevents*") if path.is_file())
    sessions: dict[Path, list[Scalars]] = {}
    for file in files:
        sessions.setdefault(file.parent, []).append(read_event_file(file))
    warnings = [line for parts in sessions.values() for part in parts for line in part.warnings]
    joined = {}
    for folder, parts in sessions.items():
        ordered = sorted(parts, key=_began)
        warnings += _at_once(ordered)
        joined[folder] = join_sessions(ordered)
    return _merge(logdir, joined), warnings, files


def _tables(logdir: Path) -> Iterable[list[Path]]:
    """Candidates for the tables of a run, the likeliest first."""
    for name in _TABLES:
        yield sorted(logdir.rglob(name))[:1]
    tables = [p for p in sorted(logdir.iterdir()) if p.suffix in SUFFIXES and p.is_file()]
    yield [path for path in tables if not path.name.endswith((".config.json", "config.json"))]


def _read_tables(logdir: Path) -> tuple[dict[str, Curve], list[str], list[Path]]:
    """The first of the candidates that hold scalars; files of one folder add up to one run."""
    for paths in _tables(logdir):
        parts: dict[Path, dict[str, Curve]] = {}
        warnings: list[str] = []
        for path in paths:
            try:
                part = read_table(path)
            except Unreadable as error:
                if len(paths) == 1:
                    raise
                warnings.append(str(error))
                continue
            warnings += part.warnings
            parts[path.with_suffix("")] = part.series
        if parts:
            return _merge(logdir, parts), warnings, paths
    return {}, [], []


def _read_files(logdir: Path) -> tuple[dict[str, Curve], list[str], list[Path]]:
    if logdir.is_file():
        table = logdir.suffix in SUFFIXES
        part = read_table(logdir) if table else read_event_file(logdir)
        if not part.series and "tfevents" not in logdir.name:
            raise Unreadable(f"{logdir}: no scalars could be read; formats read: {FORMATS}")
        return part.series, list(part.warnings), [logdir]
    if not logdir.is_dir():
        raise Unreadable(f"{logdir}: no such file or folder{neighbour(logdir)}")
    series, warnings, files = _read_events(logdir)
    if not series:
        series, more, tables = _read_tables(logdir)
        warnings, files = [*warnings, *more], [*files, *tables]
    if not files:
        raise Unreadable(
            f"{logdir}: no event file (*tfevents*) and no metrics.csv beneath it; formats read: "
            f"{FORMATS}"
        )
    return series, warnings, files


def _config(logdir: Path, files: list[Path]) -> tuple[dict[str, Any] | None, list[str]]:
    for folder in dict.fromkeys([logdir, *(f.parent for f in files)]):
        try:
            config = read_config(folder) if folder.is_dir() else None
        except ValueError as error:
            return None, [str(error)]
        if config is not None:
            return config, []
    texts = (read_settings(file) for file in files if "tfevents" in file.name)
    return next((dict(found) for found in texts if found), None), []


def read_run(logdir: Path, tag_map: Mapping[str, str] | None = None) -> Run:
    """Read all that the rules need from a run folder, a folder of logs or one file.

    tag_map: {their tag: our tag}, beside the built-in names of other libraries. Raises Unreadable
    when no scalar, or none with a known name, is found.
    """
    raw, warnings, files = _read_files(logdir)
    if not raw:
        raise Unreadable(f"{logdir}: no scalars could be read" + _because(warnings))
    plain = without_rolling_means(raw)
    named = rename(plain, tag_map)
    foreign = tuple(sorted(tag for tag in named if not tag.startswith(GROUPS)))
    known = {tag: values for tag, values in named.items() if tag.startswith(GROUPS)}
    if not known:
        raise Unreadable(
            f"{logdir}: none of its {len(foreign)} tags is known ({', '.join(foreign[:3])}, ...); "
            f"say what they are with --tag_map, a JSON file such as {tag_map_skeleton(foreign)}"
        )
    series, derived = derive_scalars({t: c for t, c in known.items() if np.size(c.values)})
    config, complaints = _config(logdir, files)
    facts = facts_from_config(config or {})
    if facts.driving is None and (tag_map or not FOREIGN_TAGS.keys().isdisjoint(raw)):
        facts = dataclasses.replace(facts, driving=False)
    return Run(
        series=series,
        derived=derived,
        foreign=foreign,
        config=config,
        facts=facts,
        warnings=(*warnings, *complaints),
        files=tuple(files),
        theirs=_own_names(series, plain),
    )


def _own_names(series: Mapping[str, Curve], plain: Mapping[str, Curve]) -> dict[str, str]:
    """Return the log's own name of each scalar that has only another name here."""
    own = {id(values): tag for tag, values in plain.items()}
    found = ((tag, own.get(id(values), tag)) for tag, values in series.items())
    return {tag: theirs for tag, theirs in found if tag not in plain and theirs != tag}


def _because(warnings: list[str]) -> str:
    return f" ({'; '.join(warnings)})" if warnings else ""
