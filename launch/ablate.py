"""The explosion and its remedies on the lane toy: `python -m launch.ablate --groups=core`.

Runs every arm of the chosen groups on its seeds and writes one row a run to results.csv, curves to
curves.csv and story.png. Finished runs are kept, so it can be stopped and started again.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import app, flags
from tqdm import tqdm

from launch.ablation.arms import Arm, groups
from launch.ablation.run import Result, run
from launch.ablation.story import draw

_OUT = flags.DEFINE_string("out_dir", "runs/ablation", "folder of the results")
_GROUPS = flags.DEFINE_list("groups", ["core"], f"groups of arms: {', '.join(groups())}")
_SEEDS = flags.DEFINE_integer("seeds", 0, "seeds of each arm; 0 = as many as the arm asks for")

_KEPT = 60  # points of each curve, evenly spaced in the logarithm of the update
CURVES = ("actor_q", "replay_q")


def chosen(names: Sequence[str]) -> list[Arm]:
    """The arms of the named groups; ValueError names an unknown one."""
    known = groups()
    for name in names:
        if name not in known:
            raise ValueError(f"--groups={name}: expected some of {', '.join(known)}")
    return [arm for name in names for arm in known[name]]


def finished(path: Path) -> set[tuple[str, int]]:
    """Arm and seed of every row that is already there."""
    if not path.exists():
        return set()
    with path.open(newline="") as file:
        return {(row["arm"], int(row["seed"])) for row in csv.DictReader(file)}


def append(out: Path, arm: Arm, seed: int, result: Result) -> None:
    """The curves' points, then the run's row, which says that it is complete."""
    _append(out / "curves.csv", curve_rows(arm.name, seed, result))
    row = {"arm": arm.name, "label": arm.label, "seed": seed}
    _append(out / "results.csv", [row | {k: f"{v:.6g}" for k, v in result.endpoints.items()}])


def curve_rows(name: str, seed: int, result: Result) -> list[dict[str, object]]:
    """Points of the Q curves at about evenly spaced logarithms of the actor update."""
    count = result.curves["actor_q"].size
    updates = sorted({round(count ** (i / (_KEPT - 1))) for i in range(_KEPT)})
    return [
        {"arm": name, "seed": seed, "actor_update": update}
        | {curve: f"{result.curves[curve][update - 1]:.6g}" for curve in CURVES}
        for update in updates
    ]


def _append(path: Path, rows: Sequence[dict[str, object]]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        if new:
            writer.writeheader()
        writer.writerows(rows)


def main(_: Sequence[str]) -> int:
    """Run what is missing, then draw the figure."""
    try:
        arms = chosen(_GROUPS.value)
    except ValueError as error:
        print(f"ablate: {error}", file=sys.stderr)
        return 2
    out = Path(_OUT.value)
    out.mkdir(parents=True, exist_ok=True)
    done = finished(out / "results.csv")
    todo = [(arm, seed) for arm in arms for seed in range(_SEEDS.value or arm.seeds)]
    for arm, seed in tqdm([t for t in todo if (t[0].name, t[1]) not in done], unit="run"):
        append(out, arm, seed, run(arm, seed))
    draw(out / "curves.csv", out / "story.png")
    print(f"results: {out}/results.csv, figure: {out}/story.png")
    return 0


if __name__ == "__main__":
    app.run(main)
