"""A run folder with all that a page can show, made of known numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import synthetic_runs
from synthetic_runs import write_events

from launch.config.presets import preset
from launch.config.run import to_json
from launch.config.tree import replace_leaves
from launch.files import write_csv
from launch.training.video import Video

HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
METRICS = {
    "driving_score_2_1": 40.0,
    "route_completion": 0.5,
    "collisions": 0.5,
    "red_lights": 0.0,
    "standing_ratio": 0.0,
}


def episode(score: float, reason: str = "goal", **more: Any) -> dict[str, Any]:
    """A row of an evaluation's file."""
    row = {"return": 10.0 * score, "length": 40, "reason": reason, "driving_score": score}
    return {**row, "success": float(reason == "goal"), **METRICS, **more}


def track(*infractions: tuple[int, str]) -> dict[str, Any]:
    """Forty steps to the east, ever faster."""
    steps = np.arange(1, 41, dtype=float)
    speeds = (0.25 * steps).round(1).tolist()
    columns = {"x": (2.0 * steps).tolist(), "y": [5.0] * 40, "speed": speeds}
    return {**columns, "infractions": [list(broken) for broken in infractions]}


def evaluation(scores: list[float], **head: Any) -> dict[str, Any]:
    """An evaluation's file; the first drive runs a red light at 4 s and crashes at 8 s."""
    rows = [episode(score, "goal" if score > 50.0 else "collision") for score in scores]
    rows[0]["track"] = track((19, "red_light"), (39, "collision_vehicle"))
    wins = float(np.mean([row["success"] for row in rows]))
    summary = {"success": wins, "success_low": 0.1, "success_high": 0.9, "episodes": len(rows)}
    roads = [[[0.0, 100.0], [5.0, 5.0]], [[0.0, 0.0], [0.0, 80.0]]]
    top = {"seconds_per_step": 0.2, **head}
    return {**top, "summary": summary, "std": {}, "episodes": rows, "roads": roads}


def write_run(
    folder: Path, series: Any = None, video: bool = False, table: bool = False, **options: Any
) -> Path:
    """A run folder: log, configuration, start, evaluation and, where asked for, its video.

    table: the log is a CSV file, which keeps every letter of a tag, and no event file.
    """
    folder.mkdir(parents=True)
    (write_table if table else write_events)(folder, series or synthetic_runs.healthy(2000))
    config = replace_leaves(preset("carla"), {"steps": 2000, **options})
    (folder / "config.json").write_text(to_json(config))
    start = {
        "time": "2026-01-01T10:00:00+0000",
        "command": ["python", "-m", "td3jax", "train", "--steps=2000", "--run_dir", "x"],
        "host": "laptop",
        "python": "3.12.1",
        "versions": {"jax": "0.10.2"},
        "commit": "abc1234",
    }
    (folder / "sessions.jsonl").write_text(json.dumps(start) + "\n")
    head: dict[str, Any] = {}
    if video:
        head["videos"] = [{"file": "evaluation.mp4", "what": "first", "episode": 0}]
        film = Video(folder / "evaluation.mp4", 5.0)
        for shade in range(0, 200, 5):
            film.add(np.full((48, 64, 3), shade, np.uint8))
        film.close()
    (folder / "evaluation.json").write_text(json.dumps(evaluation([80.0, 20.0], **head)))
    return folder


def write_table(folder: Path, series: Any) -> None:
    """The series as metrics.csv."""
    rows = [
        (int(step), tag, float(value))
        for tag, values in series.items()
        for step, value in zip(values.steps, values.values, strict=True)
    ]
    write_csv(folder / "metrics.csv", ("step", "tag", "value"), rows)


def add_policies(folder: Path, **scores: list[float]) -> None:
    """Files of policies that drove the same routes."""
    for policy, values in scores.items():
        table = evaluation(values, policy=policy, seed=1000)
        (folder / f"evaluation-{policy}.json").write_text(json.dumps(table))
