"""Videos of an evaluation's best and worst episode, which is measured the same with or without."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from launch.training.evaluation import EpisodeResult
from launch.training.recorder import Recorder

#: Runs the episodes of some numbers, or all, under a record; told of the results after each.
Run = Callable[..., list[EpisodeResult]]
#: A block whose episode is recorded into a file.
Place = Callable[[Path], AbstractContextManager[Recorder | None]]
Say = Callable[[str], None]


def extremes(results: Sequence[EpisodeResult]) -> dict[str, int]:
    """Return the numbers of the best and the worst episode, by driving score, then by return.

    A single episode is the best.
    """

    def merit(number: int) -> tuple[float, float]:
        result = results[number]
        return float(result.metrics.get("driving_score", 0.0)), result.total

    order = sorted(range(len(results)), key=merit)
    return {"best": order[-1]} | ({"worst": order[0]} if len(order) > 1 else {})


def video_of(out: Path, what: str) -> Path:
    """Return the video's place beside the evaluation's file."""
    return out.with_name(f"{out.stem}-{what}.mp4")


def drive_again(
    run: Run, results: Sequence[EpisodeResult], place: Place, out: Path, say: Say
) -> list[dict[str, Any]]:
    """Record the two in a second pass, where episodes repeat; what the evaluation's file says."""
    chosen = extremes(results)
    paths = {number: video_of(out, what) for what, number in chosen.items()}

    again = run(lambda number: place(paths[number]), only=list(paths))
    found = dict(zip(paths, again, strict=True))
    entries = _entries(chosen, out)
    for entry in entries:
        number = entry["episode"]
        if not np.array_equal(found[number].rewards, results[number].rewards):
            del entry["episode"]
            say(
                f"{entry['file']}: driven again, episode {number + 1} returned "
                f"{found[number].total:.1f} instead of {results[number].total:.1f}"
            )
    return entries


def run_recorded(
    run: Run, place: Place, out: Path, scratch: Path
) -> tuple[list[EpisodeResult], list[dict[str, Any]]]:
    """Record every episode and keep two, where episodes do not repeat; results, and as above."""

    def path(number: int) -> Path:
        return scratch / f"{out.stem}-{number}.mp4"

    def prune(results: Sequence[EpisodeResult]) -> None:
        for number in set(range(len(results))) - set(extremes(results).values()):
            path(number).unlink(missing_ok=True)

    results = run(lambda number: place(path(number)), each=prune)
    chosen = extremes(results)
    for what, number in chosen.items():
        shutil.move(path(number), video_of(out, what))
    return results, _entries(chosen, out)


def _entries(chosen: Mapping[str, int], out: Path) -> list[dict[str, Any]]:
    return [
        {"file": video_of(out, what).name, "what": what, "episode": number}
        for what, number in chosen.items()
    ]
