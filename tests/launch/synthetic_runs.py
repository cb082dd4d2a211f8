"""Runs made of known curves: a healthy one, one for each fault, and the reports' tables."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tensorboardX import SummaryWriter

from launch.diagnosis.series import Curve, curve

DATA = Path(__file__).parent / "data"
LEARNING_STARTS = 1000
Values = dict[str, np.ndarray]


def write_events(folder: Path, series: dict[str, Curve]) -> Path:
    """A real event file with the series; returns its path."""
    writer = SummaryWriter(str(folder))
    points = [
        (int(step), float(wall), tag, float(value))
        for tag, values in series.items()
        for step, value, wall in zip(values.steps, values.values, values.wall, strict=True)
    ]
    for step, wall, tag, value in sorted(points, key=lambda p: (p[1], p[0])):
        writer.add_scalar(tag, value, step, walltime=wall or float(step) + 1.0)
    writer.close()
    return next(folder.glob("*tfevents*"))


def report_series(number: int) -> dict[str, Curve]:
    """The table of report 0 to 4."""
    return recorded(f"report_{number}")


def recorded(name: str) -> dict[str, Curve]:
    """A table of tests/launch/data."""
    columns: dict[str, list[tuple[float, float]]] = {}
    with (DATA / f"{name}.csv").open() as file:
        for row in csv.DictReader(file):
            columns.setdefault(row["tag"], []).append((float(row["step"]), float(row["value"])))
    return {tag: curve(*np.array(points).T) for tag, points in columns.items()}


def _values(updates: np.ndarray, rng: np.random.Generator) -> Values:
    noise = rng.normal(size=(6, updates.size))
    q = 1.0 + 60.0 * (1.0 - np.exp(-updates / 2500.0)) + 0.3 * noise[0]
    td = 4.0 * np.exp(-updates / 3000.0) + 1.0 + 0.1 * np.abs(noise[1])
    values = {
        "debug/actor_q_mean": 1.1 * q,
        "train/actor_loss": -1.1 * q,
        "train/critic_loss": 2.0 * td**2,
        "debug/td_error_q1": td,
        "debug/td_error_q2": td * 1.02,
        "debug/overestimation": 0.01 * q,
    }
    for name, mean in (("q1", q), ("q2", q + 0.2), ("target_q", q * 0.98), ("actor_q", 1.1 * q)):
        values |= {
            f"debug/{name}_mean": mean,
            f"debug/{name}_max": 1.4 * mean,
            f"debug/{name}_min": 0.3 * mean,
            f"debug/{name}_std": 0.3 * mean,
        }
    values |= {"train/q1_value": values["debug/q1_mean"], "train/q2_value": values["debug/q2_mean"]}
    return values


def _rest(updates: np.ndarray, rng: np.random.Generator) -> Values:
    one = np.ones(updates.size)
    wobble = 1.0 + 0.1 * rng.random(updates.size)
    values = {
        "debug/reward_mean": 12.0 * wobble,
        "debug/reward_max": 90.0 * wobble,
        "debug/reward_min": -20.0 * wobble,
        "debug/reward_std": 14.0 * wobble,
        "debug/done_ratio": 0.02 * one,
        "debug/effective_discount": 0.99 * 0.98 * one,
        "health/action_saturation": 0.1 * wobble,
        "health/feature_norm_actor": 20.0 * wobble,
        "health/feature_norm_critic": 22.0 * wobble,
        "health/dormant_units_critic": 0.05 * one,
        "health/update_to_weight_actor": 1e-3 * one,
        "health/target_gap": 0.05 * one,
        "agent/total_iterations": updates,
        "agent/is_training": one,
    }
    norms = {"actor_cnn": 0.5, "actor_mlp": 0.3, "critic_cnn": 15.0, "critic_mlp": 5.0}
    norms |= {"actor": 0.6, "critic": 16.0}
    for net, size in norms.items():
        values[f"gradients/{net}_norm"] = size * wobble
        values[f"gradients/{net}_norm_clipped"] = 0.5 * size * wobble
    for name in ("gradient_explosion_warning", "gradient_explosion_critical", "q_divergence"):
        values[f"alerts/{name}"] = 0.0 * one
    for part, share in (("progress", 0.4), ("efficiency", 0.3), ("lane_keeping", 0.3)):
        values[f"reward/{part}_share"] = share * one
    return values


def make(
    change: Callable[[np.ndarray, Values], None] | None = None,
    last: int = 10_000,
    improving: bool = True,
    every: int = 100,
) -> dict[str, Curve]:
    """A healthy run of `last` steps, changed by `change(updates, values)` in place."""
    rng = np.random.default_rng(7)
    steps = np.arange(LEARNING_STARTS + every, last + 1, every)
    updates = (steps - LEARNING_STARTS).astype(float)
    values = _values(updates, rng) | _rest(updates, rng)
    if change is not None:
        change(updates, values)
    series = {tag: curve(steps, y, steps) for tag, y in values.items()}
    ends = np.arange(50, last + 1, 50)
    gain = ends / last if improving else np.zeros(ends.size)
    noise = rng.normal(size=(2, ends.size))
    series["train/episode_reward"] = curve(ends, 200 + 400 * gain + 40 * noise[0], ends)
    series["train/episode_length"] = curve(ends, 50 + 30 * gain + 5 * noise[1], ends)
    tests = np.arange(2500, last + 1, 1250)
    rise = tests / last if improving else np.zeros(tests.size)
    series["eval/return"] = curve(tests, 300.0 + 500.0 * rise, tests)
    return series


def healthy(last: int = 10_000) -> dict[str, Curve]:
    """Nothing wrong."""
    return make(last=last)


def feature_leak(depth: float = 4.0) -> dict[str, Curve]:
    """Actor Q ~ updates^depth on the actor's own features; the critic is fine."""

    def change(updates: np.ndarray, values: Values) -> None:
        q = 2.0 * (updates / 100.0) ** depth
        for stat, factor in (("mean", 1.0), ("max", 1.3), ("min", 0.2), ("std", 0.4)):
            values[f"debug/actor_q_{stat}"] = factor * q
        values["train/actor_loss"] = -q
        values["gradients/actor_cnn_norm"] = 0.1 * q
        values["gradients/actor_mlp_norm"] = 1e-3 / updates
        values["health/feature_norm_actor"] = 20.0 * updates / 100.0
        values["health/action_saturation"] = np.minimum(updates / 2000.0, 1.0)

    return make(change, improving=False)


def masked_leak() -> dict[str, Curve]:
    """The leak under layer norm: actor Q 5.5 times replay Q, bounded; no gradient in the head."""

    def change(updates: np.ndarray, values: Values) -> None:
        for stat in ("mean", "max", "min", "std"):
            values[f"debug/actor_q_{stat}"] = 5.0 * values[f"debug/actor_q_{stat}"]
        values["train/actor_loss"] = -values["debug/actor_q_mean"]
        values["gradients/actor_mlp_norm"] = np.zeros(updates.size)

    return make(change, improving=False)


def reward_scale() -> dict[str, Curve]:
    """The healthy run with rewards 100 times as large."""

    def change(updates: np.ndarray, values: Values) -> None:
        for tag in values:
            if (
                tag.startswith("debug/")
                and tag.split("/")[1]
                not in (
                    "done_ratio",
                    "effective_discount",
                )
            ) or tag.startswith(("gradients/actor", "train/actor_loss", "train/q")):
                values[tag] = 100.0 * values[tag]
            elif tag.startswith(("gradients/critic", "train/critic_loss")):
                values[tag] = 1e4 * values[tag]

    return make(change)


def exploding_gradient() -> dict[str, Curve]:
    """Norms of both networks grow to 1e7, and nothing clips them."""

    def change(updates: np.ndarray, values: Values) -> None:
        growth = np.exp(updates / 600.0)
        for net in ("actor_cnn", "actor_mlp", "critic_cnn", "critic_mlp", "actor", "critic"):
            values[f"gradients/{net}_norm"] *= growth
            values[f"gradients/{net}_norm_clipped"] = values[f"gradients/{net}_norm"]
        values["train/critic_loss"] *= np.exp(updates / 1500.0)

    return make(change, improving=False)


def saturated_policy() -> dict[str, Curve]:
    """Bang-bang actions, no gradient left in the head, returns flat."""

    def change(updates: np.ndarray, values: Values) -> None:
        values["health/action_saturation"] = np.full(updates.size, 0.98)
        values["gradients/actor_mlp_norm"] = np.full(updates.size, 1e-7)
        values["gradients/actor_cnn_norm"] = np.full(updates.size, 1e-7)

    return make(change, improving=False)


def dead_critic() -> dict[str, Curve]:
    """The same Q everywhere, no gradient, dormant units."""

    def change(updates: np.ndarray, values: Values) -> None:
        for name in ("q1", "q2", "target_q", "actor_q"):
            values[f"debug/{name}_mean"] = np.full(updates.size, 5.0)
            values[f"debug/{name}_std"] = np.full(updates.size, 1e-5)
        values["train/actor_loss"] = np.full(updates.size, -5.0)
        for part in ("cnn", "mlp"):
            values[f"gradients/critic_{part}_norm"] = np.full(updates.size, 1e-8)
        values["health/dormant_units_critic"] = np.full(updates.size, 0.95)
        values["train/critic_loss"] = np.full(updates.size, 300.0)
        values["debug/td_error_q1"] = values["debug/td_error_q2"] = np.full(updates.size, 12.0)

    return make(change, improving=False)


def overestimation() -> dict[str, Curve]:
    """Replay Q, targets and actor Q climb together past any return."""

    def change(updates: np.ndarray, values: Values) -> None:
        q = 60.0 * np.exp(updates / 1400.0)
        for name, factor in (("q1", 1.0), ("q2", 1.01), ("target_q", 0.97), ("actor_q", 1.2)):
            for stat, share in (("mean", 1.0), ("max", 1.4), ("min", 0.5), ("std", 0.3)):
                values[f"debug/{name}_{stat}"] = factor * share * q
        values["train/actor_loss"] = -1.2 * q
        values["train/q1_value"], values["train/q2_value"] = q, 1.01 * q
        values["debug/td_error_q1"] = values["debug/td_error_q2"] = 0.1 * q
        values["train/critic_loss"] = 2.0 * (0.1 * q) ** 2

    return make(change, improving=False)


def stale_targets() -> dict[str, Curve]:
    """Q follows the rewards, the target networks stay where they began."""

    def change(updates: np.ndarray, values: Values) -> None:
        for stat in ("mean", "max", "min", "std"):
            values[f"debug/target_q_{stat}"] = np.full(updates.size, 1.0)
        values["health/target_gap"] = np.full(updates.size, 0.9)

    return make(change)


def nothing_learned() -> dict[str, Curve]:
    """Updates run, but nothing moves."""

    def change(updates: np.ndarray, values: Values) -> None:
        for tag, y in values.items():
            if tag.startswith(("debug/", "train/")):
                values[tag] = np.full(updates.size, y[0]) * (1 + 1e-3 * np.sin(updates))
        values["health/update_to_weight_actor"] = np.full(updates.size, 1e-8)

    return make(change, improving=False)


def too_few_updates() -> dict[str, Curve]:
    """One update for every 50 steps; what there is goes the right way."""

    def change(updates: np.ndarray, values: Values) -> None:
        values["agent/total_iterations"] = updates / 50.0

    return make(change)


FAULTS: dict[str, Callable[[], dict[str, Curve]]] = {
    "feature_leak": feature_leak,
    "masked_leak": masked_leak,
    "too_few_updates": too_few_updates,
    "reward_scale": reward_scale,
    "exploding_gradient": exploding_gradient,
    "overestimation": overestimation,
    "saturated_policy": saturated_policy,
    "dead_critic": dead_critic,
    "stale_targets": stale_targets,
    "nothing_learned": nothing_learned,
}
