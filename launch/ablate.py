"""Fault x remedy on the lane toy and in the stand-in town: `python -m launch.ablate`, or, in short,
`--groups=core --seeds=3`; `--groups=town` is the town alone.

Runs every arm of the chosen groups on its seeds and writes one row a run to results.csv and points
of the Q curves to curves.csv, then the tables and the figures. Finished runs are kept, so that it
can be stopped and started again; `--report` only draws from what is there.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
from absl import app, flags, logging
from tqdm import tqdm

from launch.cli import guarded
from launch.errors import BadInput
from launch.studies.ablation.arms import Arm, groups
from launch.studies.ablation.cause_plots import draw_causes, draw_town
from launch.studies.ablation.decision import Table, decide, markdown, write_csv
from launch.studies.ablation.experiment import ArmRun, run_arm
from launch.studies.ablation.story_plot import draw_story, read_curves

_OUT = flags.DEFINE_string("out_dir", "runs/ablation", "folder of the results")
_GROUPS = flags.DEFINE_list(
    "groups", list(groups()), f"groups of arms, some of {', '.join(groups())}"
)
_SEEDS = flags.DEFINE_integer("seeds", 0, "seeds of each arm; 0 = as many as the arm asks for")
_REPORT = flags.DEFINE_bool("report", False, "no runs: tables and figures of those that are there")

_KEPT = 40  # points of each curve
CURVES = ("actor_q", "replay_q")


def chosen(names: Sequence[str]) -> list[Arm]:
    """The arms of the named groups; BadInput names an unknown one."""
    known = groups()
    for name in names:
        if name not in known:
            raise BadInput(f"--groups={name}: expected some of {', '.join(known)}")
    return [arm for name in names for arm in known[name]]


def finished(path: Path) -> set[tuple[str, int]]:
    """Arm and seed of every row that is already there."""
    if not path.exists():
        return set()
    with path.open(newline="") as file:
        return {(row["arm"], int(row["seed"])) for row in csv.DictReader(file)}


def append(out: Path, arm: Arm, seed: int, result: ArmRun) -> None:
    """The curves' points, then the run's row, which says that it is complete."""
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


def _missing(arms: Sequence[Arm], out: Path) -> Iterator[tuple[Arm, int]]:
    """What is still to run; compiled programs are dropped between arms, which share none."""
    done = finished(out / "results.csv")
    todo = [
        [(arm, seed) for seed in range(_SEEDS.value or arm.seeds) if (arm.name, seed) not in done]
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


def _body() -> int:
    arms, out = chosen(_GROUPS.value), Path(_OUT.value)
    out.mkdir(parents=True, exist_ok=True)
    if not _REPORT.value:
        for arm, seed in _missing(arms, out):
            append(out, arm, seed, run_arm(arm, seed))
    report(out)
    print(f"results: {out}/results.csv; tables and figures beside it, table.md first")
    return 0


def report(out: Path) -> None:
    """Tables and figures of the runs that are there."""
    if not (out / "results.csv").exists():
        raise BadInput(f"{out}/results.csv: no such file; run without --report first")
    table = Table(out / "results.csv")
    curves = read_curves(out / "curves.csv") if (out / "curves.csv").exists() else {}
    rows = decide(table)
    write_csv(rows, out / "decision.csv")
    (out / "table.md").write_text(markdown(rows) + "\n")
    if {"A", "D"} <= set(curves):
        draw_story(curves, rows, out / "story.png")
    town = [row for row in rows if row.arm.endswith("/town")]
    if town:
        draw_town(table, curves, town, out / "town.png")
    if len(town) < len(rows):
        draw_causes(table, curves, rows, out / "causes.png")


def main(_: Sequence[str]) -> int:
    """Run what is missing, then write tables and figures."""
    logging.set_verbosity(logging.WARNING)  # rliable reports every interval that it begins
    # One thread gives the same bits on any number of cores.
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    return guarded("ablate", _body)


if __name__ == "__main__":
    app.run(main, argv=sys.argv)
