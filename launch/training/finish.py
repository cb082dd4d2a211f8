"""The end of a run: a last evaluation, a video, the report."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from launch.diagnosis.limits import parse_limits
from launch.diagnosis.report import report_run
from launch.page.next_steps import next_steps
from launch.page.subject import of_folder
from launch.page.write import PAGE, write_page
from launch.training.board import film_strip
from launch.training.evaluation import EpisodeResult
from launch.training.evaluation_file import write_evaluation
from launch.training.loop import evaluate_now
from launch.training.policies import critics
from launch.training.recorder import Recorder, recorded, render_trouble
from launch.training.session import Session

VIDEO = "evaluation.mp4"


def finish(session: Session) -> list[str]:
    """Evaluate, record, and write evaluation.json and the reports; returns the last lines to print:
    the verdict, what was written, and what to do next."""
    evaluation: dict[str, float] = {}
    if session.config.loop.final_episodes:
        video = _video(session)
        scalars, results = _evaluate(session, video)
        session.log(scalars)
        session.keep_best(scalars)
        head = {"videos": [{"file": VIDEO, "what": "first", "episode": 0}]} if video else {}
        strip = film_strip(video) if video else None
        if strip is not None:
            session.writer.picture(session.step, "evaluation/drive", strip)
        write_evaluation(session.folder / "evaluation.json", head, results, session.env)
        evaluation = {name.split("/")[1]: value for name, value in scalars.items()}
    return report(session, evaluation)


def report(session: Session, evaluation: dict[str, float] | None = None) -> list[str]:
    """Write report.html, report.md, report.json and plots; returns the last lines to print."""
    session.writer.flush()
    folder, limits = session.folder, parse_limits(session.config.loop.limits)
    found = report_run(folder, evaluation=evaluation or None, limits=limits)
    subject = of_folder(folder, found)
    write_page(folder / PAGE, subject)
    lines = [f"{found.verdict.decision}: {'; '.join(found.verdict.reasons)}"]
    lines += [f"report: {folder / 'report.md'}", f"page: {folder / PAGE}"]
    lines += [f"video: {film.path}" for film in (subject.final.films if subject.final else ())]
    steps = [step.command for step in next_steps(subject) if step.command]
    lines += [f"next: {runnable(command)}" for command in (*steps[:1], *steps[-1:])]
    return list(dict.fromkeys(lines))


def runnable(command: str) -> str:
    """A command with the folder of its program, where the shell would not find it."""
    program, _, rest = command.partition(" ")
    beside = Path(sys.executable).with_name(program)
    if shutil.which(program) or not beside.is_file():
        return command
    return f"{os.path.relpath(beside)} {rest}"


def _evaluate(session: Session, video: Path | None) -> tuple[dict[str, float], list[EpisodeResult]]:
    """Return the scalars and the episodes, the first of them recorded."""
    values = critics(session.algorithm, session.learner.state)

    def record(number: int) -> AbstractContextManager[Recorder | None]:
        return recorded(video if number == 0 else None, session.env, values)

    return evaluate_now(session, session.config.loop.final_episodes, record)


def _video(session: Session) -> Path | None:
    if not session.config.loop.record_video:
        return None
    trouble = render_trouble(session.env)
    if trouble:
        session.progress.say(f"no video: {trouble}")
        return None
    return session.folder / VIDEO
