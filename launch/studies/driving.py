"""Learning curves and evaluations of the driving arms, from finished runs: tables and a plot."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import matplotlib
import numpy as np

from launch.diagnosis.read.logs import read_run
from launch.diagnosis.series import get
from launch.files import replacing, write_csv, write_records
from launch.studies.study import finished_runs

matplotlib.use("Agg")
from matplotlib import pyplot as plt

_RANDOM = "--warm_up=random"
#: The preset; with a random start; and that with one choice made otherwise.
ARMS: dict[str, tuple[str, ...]] = {
    "preset": (),
    "random": (_RANDOM,),
    "no_shift": (_RANDOM, "--random_shift=0"),
    "one_tick": (_RANDOM, "--action_ticks=1", "--reward_scale=1", "--steps=12000"),
    "separate": (_RANDOM, "--encoder=separate"),
    "trunk": (_RANDOM, "--trunk_size=50"),
    "vector": (_RANDOM, "--image_size=0", "--batch_size=256"),
}
_FLAGS = (
    "--preset=carla",
    "--steps=6000",
    "--image_size=48",
    "--random_shift=4",
    "--eval_every=0",
    "--eval_steps=1500",
    "--final_episodes=4",
    "--norecord_video",
    "--checkpoint_every=0",
    "--nosave_replay",
)
BIN = 1000  # steps
_EXPERT = 3600.0  # return of a whole episode, 1,000 ticks
_EVALUATED = ("route_completion", "success", "driving_score", "collisions", "speed_mean")
Episodes = tuple[np.ndarray, np.ndarray]  # last step and return of each


def train_flags(arm: str, seed: int) -> list[str]:
    """Those of td3jax train for one run: minutes long, with pictures of 48 x 48."""
    return [*_FLAGS, *ARMS[arm], f"--seed={seed}"]


def episodes(folder: Path) -> Episodes:
    """Last steps and returns of a run's training episodes."""
    curve = get(read_run(folder).series, "train/episode_reward")
    return curve.steps, curve.values


def binned(run: Episodes) -> tuple[np.ndarray, np.ndarray]:
    """Middles of the bins that episodes ended in, and their mean returns."""
    steps, returns = run
    index = (steps - 1) // BIN
    kept = np.unique(index)
    means = np.array([returns[index == i].mean() for i in kept])
    return (kept + 0.5) * BIN, means


def summary(arm: str, seed: str, folder: Path, run: Episodes) -> dict[str, object]:
    """Mean return of the last third of training, and the last evaluation."""
    steps, returns = run
    late = returns[steps > steps[-1] * 2 / 3]
    row: dict[str, object] = {"arm": arm, "seed": seed, "steps": int(steps[-1])}
    row["late_return"] = f"{late.mean():.0f}"
    measured = json.loads((folder / "evaluation.json").read_text())["summary"]
    return row | {name: f"{measured[name]:.3g}" for name in _EVALUATED}


def plot(runs: dict[str, list[Episodes]], path: Path) -> None:
    """Every seed thin, the mean of an arm's seeds thick, the expert's return above."""
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for index, (arm, seeds) in enumerate(runs.items()):
        pooled = defaultdict(list)
        for run in seeds:
            middles, means = binned(run)
            axes.plot(middles, means, color=f"C{index}", alpha=0.35, linewidth=0.8)
            for middle, mean in zip(middles, means, strict=True):
                pooled[middle].append(mean)
        at = sorted(pooled)
        label = f"{arm}, {len(seeds)} seed{'s' * (len(seeds) > 1)}"
        axes.plot(at, [np.mean(pooled[x]) for x in at], color=f"C{index}", label=label)
    axes.axhline(_EXPERT, color="grey", linestyle=":", label="expert, 1,000 ticks")
    axes.set(xlabel="environment steps", ylabel=f"training return, mean of {BIN:,} steps")
    figure.legend(loc="outside lower center", ncols=4, fontsize="small")
    with replacing(path) as part:
        figure.savefig(part, dpi=120)
    plt.close(figure)


def write_results(out: Path) -> list[dict[str, object]]:
    """episodes.csv, summary.csv and driving.png of the finished runs; the summary's rows."""
    rows, points = [], []
    runs: dict[str, list[Episodes]] = {}
    for arm in ARMS:
        for seed, folder in finished_runs(out, arm):
            run = episodes(folder)
            runs.setdefault(arm, []).append(run)
            points += [(arm, seed, s, f"{r:.2f}") for s, r in zip(*run, strict=True)]
            rows.append(summary(arm, seed, folder, run))
    write_csv(out / "episodes.csv", ("arm", "seed", "step", "return"), points)
    write_records(out / "summary.csv", rows, "arm")
    plot(runs, out / "driving.png")
    return rows
