"""Every number that a verdict compares with, as configuration."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FORMS = ("auto", "relative", "absolute", "both")


def _limit(default: Any, text: str) -> Any:
    return dataclasses.field(default=default, metadata={"help": text})


@dataclasses.dataclass(frozen=True)
class VerdictLimits:
    """Limits of the rules; the absolute ones fit rewards of about -10 to +20 a step.

    "Scale" below is the Q scale: the largest replay or target Q of late, or the reward's size
    where that is more.
    """

    form: str = _limit(
        "auto",
        "auto: the relative form decides where it can be measured, else the absolute one; "
        "relative | absolute | both: only these count",
    )
    discount: float = _limit(0.99, "gamma where neither config.json nor the scalars tell it")

    ratio_stop: float = _limit(10.0, "NO-GO: |actor Q| / scale at or above this")
    bound_stop: float = _limit(2.0, "NO-GO: |Q| / (largest |reward| / (1 - gamma)) at or above")
    stop_points: int = _limit(3, "NO-GO rules on ratios hold for this many log points in a row")
    growth_points: int = _limit(6, "exponential growth: |Q| rises at this many log points in a row")
    growth_factor: float = _limit(10.0, "exponential growth: |Q| at the last over the first")
    growth_ratio: float = _limit(3.0, "exponential growth: and ends at least this far above scale")
    growth_absolute: float = _limit(1000.0, "exponential growth: where scale is not known, above")
    gradient_warning: float = _limit(1e4, "gradient norm before clipping that warns")
    gradient_critical: float = _limit(1e5, "NO-GO: gradient norm before clipping")
    q_floor: float = _limit(1.0, "the scale is never below this")
    scale_points: int = _limit(20, "log points that the scale looks back")

    q_mean_2k: float = _limit(50.0, "2K: actor_q_mean below, throughout")
    q_max_2k: float = _limit(100.0, "2K: actor_q_max below, throughout")
    q_mean_5k: float = _limit(1000.0, "5K: actor_q_mean below")
    q_ratio: float = _limit(3.0, "relative form: |actor Q| / scale below")
    actor_loss: float = _limit(1000.0, "5K: |actor loss| below")
    episode_length: float = _limit(10.0, "5K: mean episode length above")
    episode_drop: float = _limit(
        0.8, "5K: mean length of the last third over that of the first third, at least"
    )
    trend: float = _limit(1.0, "falling: mean of the last third over that of the first third below")
    error_level: float = _limit(
        0.5, "relative form of falling errors: or late error / scale below this all the same"
    )
    twin_gap: float = _limit(5.0, "5K: |Q1 - Q2| on average below")
    twin_gap_ratio: float = _limit(0.2, "relative form: |Q1 - Q2| / scale on average below")
    critic_loss: float = _limit(200.0, "5K: critic loss on average below")
    critic_loss_ratio: float = _limit(1.0, "relative form: root of the critic loss / scale below")
    gradient_mean: float = _limit(1e4, "5K: actor CNN gradient norm on average below")
    gradient_max: float = _limit(5e4, "5K: actor CNN gradient norm below, throughout")
    saturation: float = _limit(
        0.95, "5K: share of the policy's actions at their bounds, in the last third, below"
    )
    progress_ratio: float = _limit(
        0.05, "10K, relative form: gain over the first evaluations / their size, above"
    )
    plateau_ratio: float = _limit(
        0.25, "10K: evaluations that change by at most this share are level; training returns count"
    )

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"form = {self.form!r}: expected one of {', '.join(FORMS)}")
        for name in ("stop_points", "scale_points"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)!r}: expected at least 1")
        if self.growth_points < 3:
            raise ValueError(f"growth_points = {self.growth_points!r}: expected at least 3")
        if not 0.0 <= self.discount < 1.0:
            raise ValueError(f"discount = {self.discount!r}: expected a value in [0, 1)")


def _from_text(name: str, text: str, default: Any) -> Any:
    try:
        return type(default)(text)
    except ValueError as error:
        kind = type(default).__name__
        raise ValueError(f"limit {name}={text!r}: expected a value of type {kind}") from error


def parse_limits(items: Iterable[str]) -> VerdictLimits:
    """Limits from "name=value" items or paths of JSON files; ValueError, one line, if wrong."""
    defaults = {f.name: f.default for f in dataclasses.fields(VerdictLimits)}
    chosen: dict[str, Any] = {}
    for item in items:
        name, equals, text = item.partition("=")
        pairs = {name: text} if equals else _from_file(Path(item))
        for key, value in pairs.items():
            if key not in defaults:
                raise ValueError(f"limit {key!r} is unknown; known: {', '.join(defaults)}")
            chosen[key] = _from_text(key, str(value), defaults[key])
    return VerdictLimits(**chosen)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text())
    except OSError as error:
        raise ValueError(f"limits: {path} is neither name=value nor a JSON file") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: not JSON ({error})") from error
    if not isinstance(table, dict):
        raise ValueError(f"{path}: expected a JSON object {{limit: value}}")
    return table
