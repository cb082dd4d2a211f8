"""report.html: the page of a run, an evaluation, a validation or a diagnosis."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launch.diagnosis.causes import LIKELY
from launch.diagnosis.examine import Diagnosis, examine
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.read.columns import Unreadable
from launch.files import write_whole
from launch.page.details import gate_tables, other_causes, other_tables, told_causes
from launch.page.films import title
from launch.page.next_steps import next_steps
from launch.page.plots import Plot, plots
from launch.page.policies import comparison
from launch.page.poster import poster
from launch.page.render import rendered
from launch.page.sentence import sentence
from launch.page.settings import settings
from launch.page.subject import Film, Subject, Table, of_file, of_folder, read_evaluation
from launch.page.town import SPEEDS, legend, town
from launch.scores import POLICY

PAGE = "report.html"
SHOWN = 4  # plots that are not folded


def write_run_page(folder: Path, limits: VerdictLimits | None = None) -> None:
    """Write report.html of all that a run folder has by now."""
    try:
        found = examine(folder, limits=limits)
    except Unreadable:
        found = None  # an evaluation of a checkpoint without its logs
    write_page(folder / PAGE, of_folder(folder, found))


def write_evaluation_page(files: Mapping[str, Path], config: Table) -> Path:
    """Write the page of the evaluations of some policies that belong to no run; its path.

    files: by policy; the page lies beside them.
    """
    read = {policy: read_evaluation(file) for policy, file in files.items()}
    first = next(iter(files.values()))
    path = first.with_suffix(".html") if len(files) == 1 else first.with_name("evaluation.html")
    subject = Subject(
        source=path.with_suffix(""),
        config=config,
        evaluations={name: table for name, table in read.items() if table},
    )
    return write_page(path, subject)


def write_diagnosis_page(folder: Path, found: Diagnosis, source: Path) -> Path:
    """Write report.html of a diagnosis into `folder`; source: what was diagnosed."""
    subject = of_folder(source, found) if source.is_dir() else of_file(source, found)
    return write_page(folder / PAGE, subject)


def write_page(path: Path, subject: Subject) -> Path:
    """Write the page; its path. It is there whole or not at all."""
    write_whole(path, page(subject))
    return path


def page(subject: Subject) -> str:
    """The text of a page."""
    return rendered("page.html", subject.source.resolve().name, _content(subject))


def _content(subject: Subject) -> dict[str, Any]:
    found = subject.found
    drawn: list[Plot] = plots(found.run.series, subject.config) if found else []
    trained = (subject.evaluations.get(POLICY), subject.final)
    driven = [e for e in trained if e] or list(subject.policies.values())[:1]
    films = subject.films
    drives = town(driven, films)
    return {
        "sentence": sentence(subject),
        "verdict": found.verdict if found else None,
        "films": [_film(film, subject) for film in films],
        "comparison": comparison(subject.policies, subject.driving),
        "town": drives,
        "speeds": SPEEDS,
        "marks": legend(drives) if drives else [],
        "plots": drawn[:SHOWN],
        "more_plots": drawn[SHOWN:],
        "settings": settings(subject),
        "steps": next_steps(subject),
        "gates": gate_tables(subject),
        "staged": bool(subject.gates),
        "causes": told_causes(subject),
        "other_causes": other_causes(subject),
        "likely": LIKELY,
        "others": other_tables(subject),
    }


def _film(film: Film, subject: Subject) -> dict[str, str]:
    """The title and the data of a video."""
    return {
        "title": title(film, subject),
        "video": _base64(film.path.read_bytes()),
        "poster": _base64(poster(film.path)),
    }


def _base64(data: bytes | None) -> str:
    return base64.b64encode(data or b"").decode("ascii")
