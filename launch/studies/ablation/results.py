"""The files of the ablation: rows of finished runs, what is still to run, tables and figures."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
from tqdm import tqdm

from launch.errors import BadInput
from launch.files import write_whole
from launch.studies.ablation.arms import Arm, groups
from launch.studies.ablation.cause_plots import draw_causes, draw_town
from launch.studies.ablation.decision import Table, decide, markdown, write_decision
from launch.studies.ablation.experiment import ArmRun, run_arm
from launch.studies.ablation.story_plot import draw_story, read_curves

_KEPT = 40  # points of each curve
CURVES = ("actor_q", "replay_q")


def arms_of(names: Sequence[str]) -> list[Arm]:
    """The arms of the named groups; BadInput names an unknown one."""
    known = groups()
    for name in names:
        if name not in known:
            raise BadInput(f"--groups={name}: choose from {', '.join(known)}")
    return [arm for name in names for arm in known[name]]


def run_missing(arms: Sequence[Arm], seeds: int, out: Path) -> None:
    """Run every arm on the seeds that results.csv lacks; seeds: 0 = as many as the arm asks for."""
    for arm, seed in _missing(arms, seeds, out):
        append(out, arm, seed, run_arm(arm, seed))


def finished(path: Path) -> set[tuple[str, int]]:
    """Arm and seed of every row that is already there."""
    if not path.exists():
        return set()
    with path.open(newline="") as file:
        return {(row["arm"], int(row["seed"])) for row in csv.DictReader(file)}


def append(out: Path, arm: Arm, seed: int, result: ArmRun) -> None:
    """Append the curves' points, then the run's row, which says that it is complete."""
    if arm.figured:
        _append(out / "curves.csv", curve_rows(arm, seed, result))
    row = {"arm": arm.name, "label": arm.label, "stratum": arm.stratum(seed), "seed": seed}
    _append(out / "results.csv", [row | {k: f"{v:.6g}" for k, v in result.endpoints.items()}])


def curve_rows(arm: Arm, seed: int, result: ArmRun) -> list[dict[str, object]]:
    """Points of the Q curves, even in the logarithm of the actor update; in time, over phases."""
    count = result.curves["actor_q"].size
    shares = [i / (_KEPT - 1) for i in range(_KEPT)]
    linear = len(arm.phases) > 1
    updates = sorted({round(1 + (count - 1) * x if linear else count**x) for x in shares})
    return [
        {"arm": arm.name, "seed": seed, "actor_update": update}
        | {curve: f"{result.curves[curve][update - 1]:.4g}" for curve in CURVES}
        for update in updates
    ]


def _append(path: Path, rows: Sequence[dict[str, object]]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def _missing(arms: Sequence[Arm], seeds: int, out: Path) -> Iterator[tuple[Arm, int]]:
    """Yield each missing run; compiled programs are dropped between arms, which share none."""
    done = finished(out / "results.csv")
    todo = [
        [(arm, seed) for seed in range(seeds or arm.seeds) if (arm.name, seed) not in done]
        for arm in arms
    ]
    with tqdm(total=sum(map(len, todo)), unit="run") as bar:
        for runs in todo:
            for arm, seed in runs:
                bar.set_postfix_str(f"{arm.name} seed {seed}")
                yield arm, seed
                bar.update()
            if runs:
                jax.clear_caches()


def report(out: Path) -> None:
    """Write tables and figures of the runs that are there."""
    if not (out / "results.csv").exists():
        raise BadInput(f"{out}/results.csv: no such file; run without --report first")
    table = Table(out / "results.csv")
    curves = read_curves(out / "curves.csv") if (out / "curves.csv").exists() else {}
    rows = decide(table)
    write_decision(rows, out / "decision.csv")
    write_whole(out / "table.md", markdown(rows) + "\n")
    if {"A", "D"} <= set(curves):
        draw_story(curves, rows, out / "story.png")
    town = [row for row in rows if row.arm.endswith("/town")]
    if town:
        draw_town(table, curves, town, out / "town.png")
    if len(town) < len(rows):
        draw_causes(table, curves, rows, out / "causes.png")
