"""Comparison with the TD3 paper: tables and plots of finished runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from scipy import stats

from launch.diagnosis.read.logs import read_run
from launch.diagnosis.series import get
from launch.files import replacing, write_csv, write_records
from launch.studies.study import finished_runs

matplotlib.use("Agg")
from matplotlib import pyplot as plt

# Means and standard deviations over 10 seeds at these steps, from the released learning curves of
# Fujimoto et al. 2018 (github.com/sfujim/TD3, learning_curves); the last HalfCheetah and Hopper
# figures are the paper's Table 1 (largest mean over evaluations).
PUBLISHED: dict[str, dict[int, tuple[float, float]]] = {
    "InvertedPendulum-v5": {20_000: (666, 409), 30_000: (1000, 0)},
    "InvertedDoublePendulum-v5": {20_000: (9313.5, 2.3), 30_000: (9310.8, 2.6)},
    "Hopper-v5": {
        20_000: (150, 116),
        30_000: (302, 253),
        50_000: (285, 69),
        100_000: (660, 752),
        200_000: (2441, 747),
        300_000: (2410, 900),
    },
    "HalfCheetah-v5": {
        20_000: (476, 597),
        30_000: (1979, 299),
        50_000: (3352, 851),
        100_000: (5514, 554),
        200_000: (6833, 683),
        300_000: (7697, 727),
        1_000_000: (9637, 859),
    },
}


@dataclasses.dataclass(frozen=True)
class Task:
    """One environment: steps, seeds, random steps as in the paper, the least best evaluation."""

    env: str
    steps: int
    seeds: int
    learning_starts: int = 1_000
    least: float | None = None


TASKS = (
    Task("InvertedPendulum-v5", 40_000, 5, least=990.0),
    Task("InvertedDoublePendulum-v5", 40_000, 5, least=9250.0),
    Task("Hopper-v5", 300_000, 3),
    Task("HalfCheetah-v5", 1_000_000, 3, learning_starts=10_000),
)
_TOLERANCE = 0.15
_PUBLISHED_SEEDS = 10
_LABEL = "published, 10 seeds, mean and deviation"


def train_flags(task: Task, seed: int) -> list[str]:
    """Those of td3jax train for one seed."""
    words = [f"--env={task.env}", f"--seed={seed}", "--preset=td3_paper", "--final_episodes=0"]
    return [*words, f"--steps={task.steps}", f"--learning_starts={task.learning_starts}"]


def evaluations(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Steps and mean returns of a run's evaluations."""
    curve = get(read_run(folder).series, "eval/return")
    return curve.steps, curve.values


def assess(task: Task, curves: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, object]:
    """One row of the summary: best and last evaluations, and whether the task's bar holds."""
    best = [float(values.max()) for _, values in curves]
    last = [float(values[-10:].mean()) for _, values in curves]
    trained = min(int(steps[-1]) for steps, _ in curves)
    summary: dict[str, object] = {
        "env": task.env,
        "steps": trained,
        "seeds": len(curves),
        "best": " ".join(f"{value:.0f}" for value in best),
        "last_ten_mean": f"{np.mean(last):.0f}",
        "last_ten_std": f"{np.std(last):.0f}",
    }
    if task.least is not None:
        reached = sum(value >= task.least for value in best)
        bar = f"best evaluation >= {task.least:.0f} in 4 of 5 seeds"
        return summary | {
            "bar": bar,
            "measured": f"{reached} of {len(curves)}",
            "holds": (reached >= 0.8 * len(curves)),
        }
    step = max(s for s in PUBLISHED[task.env] if s <= max(1.02 * trained, 20_000))
    low, high = difference_interval(task.env, step, curves)
    mean, deviation = PUBLISHED[task.env][step]
    bar = f"not wholly below -15 % of the published {mean:.0f} +- {deviation:.0f} at {step:,}"
    measured = f"difference {low:.0f} to {high:.0f} (95 %)"
    return summary | {"bar": bar, "measured": measured, "holds": high >= -_TOLERANCE * mean}


def difference_interval(
    env: str, step: int, curves: Sequence[tuple[np.ndarray, np.ndarray]], draws: int = 10_000
) -> tuple[float, float]:
    """95 % bootstrap interval of our interquartile mean minus the published mean at a step.

    Ours is each seed's best of the evaluations within 10 % of the step; the published side is
    drawn from a normal with its standard error, since its seeds are known by mean and deviation.
    """
    rng = np.random.default_rng(0)
    near = [values[np.abs(steps - step) <= 0.1 * step].max() for steps, values in curves]
    samples = rng.choice(np.asarray(near), (draws, len(near)))
    mean, deviation = PUBLISHED[env][step]
    published = rng.normal(mean, deviation / np.sqrt(_PUBLISHED_SEEDS), draws)
    difference = stats.trim_mean(samples, 0.25, axis=1) - published
    low, high = np.percentile(difference, [2.5, 97.5])
    return float(low), float(high)


def plot(task: Task, curves: Sequence[tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """Every seed thin, their mean thick, the published means with their deviation as points."""
    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    length = min(len(values) for _, values in curves)
    steps = curves[0][0][:length]
    table = np.stack([values[:length] for _, values in curves])
    for row in table:
        axes.plot(steps, row, color="tab:blue", alpha=0.3, linewidth=0.8)
    axes.plot(steps, table.mean(0), color="tab:blue", label=f"td3jax, {len(table)} seeds, mean")
    low, high = table.mean(0) - table.std(0), table.mean(0) + table.std(0)
    axes.fill_between(steps, low, high, color="tab:blue", alpha=0.12)
    points = {s: v for s, v in PUBLISHED[task.env].items() if s <= 1.02 * steps[-1]}
    means, deviations = zip(*points.values(), strict=True)
    axes.errorbar(
        list(points), means, deviations, fmt="o", color="tab:orange", capsize=3, label=_LABEL
    )
    axes.set(title=task.env, xlabel="environment steps", ylabel="evaluation return")
    axes.legend(loc="lower right")
    with replacing(path) as part:
        figure.savefig(part, dpi=120)
    plt.close(figure)


def write_results(out: Path, tasks: Sequence[Task]) -> list[dict[str, object]]:
    """curves.csv, summary.csv and the plots from the finished runs; the summary's rows."""
    rows, points = [], []
    for task in tasks:
        found = [(seed, evaluations(folder)) for seed, folder in finished_runs(out, task.env)]
        found = [(seed, curve) for seed, curve in found if len(curve[0])]
        if not found:
            continue
        for seed, (steps, values) in found:
            points += [(task.env, seed, s, f"{v:.2f}") for s, v in zip(steps, values, strict=True)]
        curves = [curve for _, curve in found]
        rows.append(assess(task, curves))
        plot(task, curves, out / f"{task.env}.png")
    write_csv(out / "curves.csv", ("env", "seed", "step", "return"), points)
    write_records(out / "summary.csv", rows, "env")
    return rows
