"""What a page is about: a run folder or a log, and the evaluations, video and starts beside it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from launch.diagnosis.examine import Diagnosis
from launch.diagnosis.facts import section
from launch.scores import POLICIES, POLICY, Episodes
from launch.statistics import Estimate

FINAL = "evaluation.json"
Table = Mapping[str, Any]


class Film(NamedTuple):
    """A video of an evaluation's episode. what: a word of the file; episode: its number from 0,
    None where the video is of another course than was measured; source: the evaluation's file."""

    path: Path
    what: str
    episode: int | None
    source: str


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The file of an evaluation, and its videos that are there."""

    name: str
    table: Table
    films: tuple[Film, ...] = ()

    @property
    def episodes(self) -> Episodes:
        """A row for each episode."""
        rows: Episodes = self.table["episodes"]
        return rows

    @property
    def success(self) -> Estimate:
        """The rate of success with its interval."""
        parts = (self.table["summary"].get(f"success{end}") for end in ("", "_low", "_high"))
        return Estimate(*(float("nan") if part is None else float(part) for part in parts))

    @property
    def course(self) -> tuple[Any, int]:
        """What must be the same for two policies to have driven the same routes."""
        return self.table.get("seed", self.name), len(self.episodes)


@dataclasses.dataclass(frozen=True)
class Subject:
    """source: the folder or file, as commands name it; found: None where nothing was logged;
    evaluations: by policy; sessions: the starts of the run; gates: of the staged protocol."""

    source: Path
    found: Diagnosis | None = None
    config: Table | None = None
    final: Evaluation | None = None
    evaluations: Mapping[str, Evaluation] = dataclasses.field(default_factory=dict)
    sessions: Sequence[Table] = ()
    gates: Sequence[Table] = ()

    @property
    def is_run(self) -> bool:
        """True for a run folder of ours, which commands can go on from."""
        return bool(self.sessions)

    @property
    def loop(self) -> Table:
        """The section of the configuration that names the task."""
        return section(self.config, "loop")

    @property
    def driving(self) -> bool:
        """True for the driving task."""
        return self.loop.get("env") == "carla"

    @property
    def policies(self) -> dict[str, Evaluation]:
        """The evaluation of each policy; of the trained one, that with the most episodes."""
        found = dict(self.evaluations)
        if self.final and POLICY not in found:
            found[POLICY] = self.final
        return {name: found[name] for name in POLICIES if name in found}

    @property
    def films(self) -> tuple[Film, ...]:
        """The videos to show: of the trained policy's evaluation, else of the one at the end of
        training, else of another policy's."""
        first = (self.evaluations.get(POLICY), self.final)
        for evaluation in (*first, *self.evaluations.values()):
            if evaluation and evaluation.films:
                return evaluation.films
        return ()


def of_folder(folder: Path, found: Diagnosis | None) -> Subject:
    """The subject of a folder: what lies in it, as far as it can be read."""
    final = read_evaluation(folder / FINAL)
    evaluations = {name: read_evaluation(folder / f"evaluation-{name}.json") for name in POLICIES}
    return Subject(
        source=folder,
        found=found,
        config=found.run.config if found else _config(folder),
        final=final,
        evaluations={name: table for name, table in evaluations.items() if table},
        sessions=_lines(folder / "sessions.jsonl"),
        gates=_list(folder / "validate.json"),
    )


def of_file(log: Path, found: Diagnosis) -> Subject:
    """The subject of one log file."""
    return Subject(source=log, found=found, config=found.run.config)


def read_evaluation(path: Path) -> Evaluation | None:
    """An evaluation's file; None where it is missing or is something else."""
    table = _json(path)
    if not isinstance(table, Mapping) or not isinstance(table.get("summary"), Mapping):
        return None
    rows = table.get("episodes")
    whole = isinstance(rows, list) and rows and all(map(_is_episode, rows))
    return Evaluation(path.name, table, tuple(_films(path, table))) if whole else None


def _films(path: Path, table: Table) -> Iterator[Film]:
    videos = table.get("videos")
    for video in videos if isinstance(videos, list) else ():
        if not isinstance(video, Mapping):
            continue
        file = path.with_name(Path(str(video.get("file"))).name or "none")
        episode, count = video.get("episode"), len(table["episodes"])
        known = isinstance(episode, int) and 0 <= episode < count
        if file.is_file():
            yield Film(file, str(video.get("what")), episode if known else None, path.name)


def _is_episode(row: Any) -> bool:
    """True for the row of an episode, whose track, where it has one, is whole."""
    if not isinstance(row, Mapping) or not isinstance(row.get("return"), int | float):
        return False
    track = row.get("track", {"x": [], "y": [], "speed": [], "infractions": []})
    if not isinstance(track, Mapping) or not isinstance(track.get("infractions"), list):
        return False
    columns = [track.get(name) for name in ("x", "y", "speed")]
    lists = [column for column in columns if isinstance(column, list)]
    pairs = all(isinstance(b, list) and len(b) == 2 for b in track["infractions"])
    return len(lists) == 3 and len(set(map(len, lists))) == 1 and pairs


def _config(folder: Path) -> Table | None:
    config = _json(folder / "config.json")
    return config if isinstance(config, Mapping) else None


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _list(path: Path) -> list[Table]:
    rows = _json(path)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _lines(path: Path) -> list[Table]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [row for row in map(json.loads, lines) if isinstance(row, Mapping)]
    except (OSError, ValueError, RecursionError):
        return []
