"""The end of a run: a last evaluation, a video, the report."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np

from launch.diagnosis.limits import parse_limits
from launch.diagnosis.report import report_run
from launch.page.next_steps import next_steps
from launch.page.subject import of_folder
from launch.page.write import PAGE, write_page
from launch.training.board import film_strip
from launch.training.environments import Simulator
from launch.training.evaluation import EpisodeResult
from launch.training.evaluation_file import write_evaluation
from launch.training.loop import evaluate_now
from launch.training.session import Session
from launch.training.video import Video, kept, make_video

VIDEO = "evaluation.mp4"


def finish(session: Session) -> list[str]:
    """Evaluate, record, and write evaluation.json and the reports; returns the last lines to print:
    the verdict, what was written, and what to do next."""
    evaluation: dict[str, float] = {}
    if session.config.loop.final_episodes:
        scalars, results, recorded = _evaluate(session)
        session.log(scalars)
        session.keep_best(scalars)
        head = {"video": VIDEO} if recorded else {}  # of the first episode
        strip = film_strip(session.folder / VIDEO) if recorded else None
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
    written = {"report": folder / "report.md", "page": folder / PAGE, "video": subject.video}
    lines = [f"{found.verdict.decision}: {'; '.join(found.verdict.reasons)}"]
    lines += [f"{name}: {path}" for name, path in written.items() if path]
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


def _evaluate(session: Session) -> tuple[dict[str, float], list[EpisodeResult], bool]:
    """Return the scalars, the episodes, and whether the first of them is on video."""
    with kept(_video(session)) as video:
        return *evaluate_now(session, session.config.loop.final_episodes, video), video is not None


def _video(session: Session) -> Video | None:
    if not session.config.loop.record_video:
        return None
    trouble = render_trouble(session)
    if trouble:
        session.progress.say(f"no video: {trouble}")
        return None
    return make_video(session.folder / VIDEO, session.env)


def render_trouble(session: Session) -> str:
    """Return why the environment cannot be recorded, or nothing; tried where it costs little."""
    env = session.env
    if env.render_mode is None:
        return "the environment does not render"
    if isinstance(env, Simulator):
        return ""
    try:
        env.reset()
        frame = np.asarray(env.render())
    except Exception as error:  # whatever a graphics library makes of a machine without a screen
        words = " ".join(str(error).split())[:200]
        return f"rendering failed ({words}); without a screen, MUJOCO_GL=egl or xvfb-run may help"
    return "" if frame.ndim == 3 else "the environment renders no pictures"
