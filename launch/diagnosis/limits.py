"""The limits of every verdict and alert, each of them once."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from td3jax.options import Options, option, suggestion

FORMS = ("auto", "relative", "absolute", "both")


@dataclasses.dataclass(frozen=True)
class VerdictLimits(Options):
    """Limits of the rules; the absolute ones fit the driving task, about -10 to +20 a step.

    "Scale" below is the Q scale: the largest replay or target Q of late, or the reward's size
    where that is more.
    """

    form: str = option(
        "auto",
        "auto: the relative form decides where it can be measured, else the absolute one; "
        "relative | absolute | both: only these count",
        choices=FORMS,
    )
    discount: float = option(
        0.99, "gamma where neither config.json nor the scalars tell it", low=0.0, below=1.0
    )

    ratio_stop: float = option(10.0, "NO-GO: |actor Q| / scale at or above this", low=0.0)
    bound_stop: float = option(
        2.0, "NO-GO: |Q| / (largest |reward| / (1 - gamma)) at or above", low=0.0
    )
    stop_points: int = option(
        3, "NO-GO rules on ratios hold for this many log points in a row", low=1
    )
    growth_points: int = option(
        6, "exponential growth: |Q| rises at this many log points in a row", low=3
    )
    growth_factor: float = option(
        10.0, "exponential growth: |Q| at the last over the first", low=0.0
    )
    growth_ratio: float = option(
        3.0, "exponential growth: and ends at least this far above scale", low=0.0
    )
    growth_absolute: float = option(
        1000.0, "exponential growth: where scale is not known, above", low=0.0
    )
    gradient_warning: float = option(1e4, "gradient norm before clipping that warns", low=0.0)
    gradient_critical: float = option(1e5, "NO-GO: gradient norm before clipping", low=0.0)
    q_floor: float = option(1.0, "the scale is never below this", above=0.0)
    late_start: int = option(
        5000, "gates count steps from the first update where that lies here or later", low=1
    )
    return_ratio: float = option(
        10.0, "NO-GO: |Q| or root of the critic loss / largest return seen, held", low=0.0
    )
    collapse: float = option(
        10.0, "NO-GO: returns end this many deviations below their best level, and", low=0.0
    )
    collapse_share: float = option(
        0.5, "this share of what they had gained is lost again, and", low=0.0
    )
    collapse_growth: float = option(
        3.0, "|Q| or the critic loss has grown by this factor since then", low=0.0
    )
    late_growth: float = option(
        100.0, "NO-GO: growth of |Q| over the second half, where no scale is known", low=0.0
    )
    head_share: float = option(
        3e-3,
        "NO-GO: gradient of the actor's head over its encoder's late, which learns past the head, "
        "at or below",
        low=0.0,
    )
    bypass: float = option(
        0.01,
        "NO-GO: share of the actor's gradient that is not through its action, held, at or above",
        low=0.0,
    )
    q_spread: float = option(
        1e-4, "NO-GO: spread of Q over a batch over that of the rewards late, at or below", low=0.0
    )
    scale_points: int = option(20, "log points that the scale looks back", low=1)

    q_mean_2k: float = option(50.0, "2K: actor_q_mean below, throughout", low=0.0)
    q_max_2k: float = option(100.0, "2K: actor_q_max below, throughout", low=0.0)
    q_mean_5k: float = option(1000.0, "5K: actor_q_mean below", low=0.0)
    q_ratio: float = option(3.0, "relative form: |actor Q| / scale below", low=0.0)
    actor_loss: float = option(1000.0, "5K: |actor loss| below", low=0.0)
    episode_length: float = option(10.0, "5K: mean episode length above", low=0.0)
    episode_drop: float = option(
        0.8, "5K: mean length of the last third over that of the first third, at least", low=0.0
    )
    trend: float = option(
        1.0, "falling: mean of the last third over that of the first third below", low=0.0
    )
    error_level: float = option(
        0.5,
        "relative form of falling errors: or late error / scale below this all the same",
        above=0.0,
    )
    twin_gap: float = option(5.0, "5K: |Q1 - Q2| on average below", low=0.0)
    twin_gap_ratio: float = option(
        0.2, "relative form: |Q1 - Q2| / scale on average below", low=0.0
    )
    critic_loss: float = option(200.0, "5K: critic loss on average below", low=0.0)
    critic_loss_ratio: float = option(
        1.0, "relative form: root of the critic loss / scale below", low=0.0
    )
    gradient_mean: float = option(1e4, "5K: actor CNN gradient norm on average below", low=0.0)
    gradient_max: float = option(5e4, "5K: actor CNN gradient norm below, throughout", low=0.0)
    saturation: float = option(
        0.95, "5K: share of the policy's actions at their bounds, in the last third, below", low=0.0
    )
    progress_ratio: float = option(
        0.05, "10K, relative form: gain over the first evaluations / their size, above", low=-1.0
    )
    plateau_ratio: float = option(
        0.25,
        "10K: evaluations that change by at most this share are level; training returns count",
        low=0.0,
    )


def _from_text(name: str, text: str, default: Any) -> Any:
    try:
        return type(default)(text)
    except ValueError as error:
        kind = type(default).__name__
        raise ValueError(f"limit {name}={text!r}: expected a value of type {kind}") from error


def parse_limits(items: Iterable[str]) -> VerdictLimits:
    """Parse "name=value" items or JSON files of limits; raises ValueError, one line, if wrong."""
    defaults = {f.name: f.default for f in dataclasses.fields(VerdictLimits)}
    chosen: dict[str, Any] = {}
    for item in items:
        name, equals, text = item.partition("=")
        pairs = {name: text} if equals else _from_file(Path(item))
        for key, value in pairs.items():
            if key not in defaults:
                known = f"{', '.join(defaults)}{suggestion(key, defaults)}"
                raise ValueError(f"limit {key!r} is unknown; known: {known}")
            chosen[key] = _from_text(key, str(value), defaults[key])
    return VerdictLimits(**chosen)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text())
    except OSError as error:
        raise ValueError(f"limits: {path} is neither name=value nor a JSON file") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON ({error})") from error
    if not isinstance(table, dict):
        raise ValueError(f"{path}: expected a JSON object {{limit: value}}")
    return table
