"""Rules over a whole run: divergence and collapse with their first step, lost gradients."""

from __future__ import annotations

import numpy as np

from launch.diagnosis.criteria import Criterion, row
from launch.diagnosis.facts import RunFacts
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.measures import root_of_loss, sustained
from launch.diagnosis.scales import held, known_scale, over, return_bound, return_scale
from launch.diagnosis.series import EMPTY, Curve, Series, align, get

_NAMES = {
    "debug/actor_q_mean": "actor Q",
    "debug/q1_mean": "replay Q",
    "debug/target_q_mean": "target Q",
}
_LOSS = "root of the critic loss"
_LEAST_POINTS = 20  # of returns, for a level and its deviation
_SHARE = 20  # a level is the mean of this part of all points, 1 / 20
_LOOKS = 1000  # points at which a course is looked at
_ALL = 0.9  # of what returns had gained is lost: as good as all of it
_FEWER = 0.4  # of the deviations suffice there, and where actions went to their bounds
_STRAY = 3.0  # |Q| left its course where it is this many times its median so far


def whole_run_rows(
    series: Series, start: int, limits: VerdictLimits, facts: RunFacts
) -> tuple[Criterion, ...]:
    """The rules for any step of a finished run, where they apply; start: of the first update."""
    rows = (
        gamma(limits, facts),
        q_over_returns(series, limits, facts),
        late_growth(series, limits, facts),
        collapse(series, start, limits),
        bypass(series, limits),
        head_share(series, limits),
        q_spread(series, limits),
    )
    return tuple(row for row in rows if row.passed is not None)


def _rule(
    name: str, measured: float | None, limit: float, note: str, limits: VerdictLimits
) -> Criterion:
    return row(Criterion("whole run", name, measured, limit, "<", note=note), limits, False)


def gamma(limits: VerdictLimits, facts: RunFacts) -> Criterion:
    """The discount keeps returns finite."""
    value = facts.discount
    bad = value is not None and value > 1.0
    note = f"gamma is {value:g}: above 1 no return is finite, so Q grows forever" if bad else ""
    return row(Criterion("whole run", "gamma", value, 1.0, "<=", note=note), limits, False)


def quantities(series: Series) -> dict[str, Curve]:
    """Return what must stay of the order of the returns, by name, as far as it was logged."""
    found = {name: get(series, tag) for tag, name in _NAMES.items()}
    found[_LOSS] = root_of_loss(series)
    return {name: values for name, values in found.items() if values.steps.size}


def strayed(values: Curve, crossing: int) -> int:
    """The last step before index `crossing` at which |values| was still on its earlier course."""
    stride = crossing // _LOOKS + 1
    looked = np.arange(crossing % stride, crossing + 1, stride)
    sizes = np.abs(values.values[looked])
    for index in range(looked.size - 1, 0, -1):
        if sizes[index] <= _STRAY * float(np.median(sizes[:index])):
            return int(values.steps[looked[index]])
    return int(values.steps[looked[0]])


def q_over_returns(series: Series, limits: VerdictLimits, facts: RunFacts) -> Criterion:
    """No Q and no TD error is far beyond the returns seen, where both have one unit."""
    name, worst, note = "Q / largest return seen, held", None, ""
    for what, values in ({} if facts.rewards_enlarged else quantities(series)).items():
        scale = return_scale(series, values.steps, limits)
        ratio = sustained(over(values, scale), limits.stop_points)
        if scale is None or not ratio.steps.size:
            continue
        top = float(ratio.values.max())
        if top >= limits.return_ratio and not note:
            crossing = int(np.argmax(ratio.values >= limits.return_ratio)) + limits.stop_points - 1
            note = (
                f"diverged after step {strayed(values, crossing):,}: {what} reaches {top:,.3g} "
                f"times the largest return seen, beyond {limits.return_ratio:g}"
            )
        worst = max(worst or 0.0, top)
    return _rule(name, worst, limits.return_ratio, note, limits)


def _level(values: np.ndarray) -> float:
    return float(np.median(values)) if values.size else 0.0


def late_growth(series: Series, limits: VerdictLimits, facts: RunFacts) -> Criterion:
    """No Q goes on growing by orders of magnitude where nothing tells its scale."""
    worst, note = None, ""
    for what, values in quantities(series).items():
        if _has_scale(series, values, limits, facts) or values.steps.size < _LEAST_POINTS:
            continue
        sizes, tenth = np.abs(values.values), max(values.steps.size // 10, 1)
        middle = sizes[sizes.size // 2 - tenth // 2 :][:tenth]
        last = _level(sizes[-tenth:])
        factor = last / max(_level(middle), limits.q_floor)
        if factor >= limits.late_growth and last >= limits.growth_absolute and not note:
            after = strayed(values, sizes.size - 1)
            note = f"diverged after step {after:,}: {what} grew {factor:,.3g}-fold in the second "
            note += f"half of the run, to {last:,.3g}"
        worst = max(worst or 0.0, factor if last >= limits.growth_absolute else 0.0)
    name = "growth over the second half, without a scale"
    return _rule(name, worst, limits.late_growth, note, limits)


def _has_scale(series: Series, values: Curve, limits: VerdictLimits, facts: RunFacts) -> bool:
    scale = known_scale(series, values.steps, limits)
    return scale is not None or return_bound(series, values.steps, limits, facts) is not None


def _returns(series: Series, start: int) -> Curve:
    """The returns with enough points for a level: of training, else of evaluations."""
    for tag in ("train/episode_reward", "eval/return"):
        values = get(series, tag).since(start)
        if values.steps.size >= _LEAST_POINTS:
            return values
    return EMPTY


def _growth_since(series: Series, step: int) -> tuple[float, str]:
    """The largest factor that a quantity held for three points since a step, and its name."""
    found = [(1.0, "")]
    for what, values in quantities(series).items():
        before = float(np.abs(held(values, np.array([step])))[0])
        since = sustained(Curve(values.steps, np.abs(values.values), values.wall).since(step), 3)
        if before > 0.0 and since.steps.size:
            found.append((float(since.values.max()) / before, what))
    return max(found)


def _rolling(values: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations of each `width` successive values."""
    centre = float(values.mean())
    sums = [np.concatenate([[0.0], np.cumsum((values - centre) ** power)]) for power in (1, 2)]
    first, second = (total[width:] - total[:-width] for total in sums)
    variance = np.maximum(second - first**2 / width, 0.0) / (width - 1)
    return first / width + centre, np.sqrt(variance)


def collapse(series: Series, start: int, limits: VerdictLimits) -> Criterion:
    """Returns do not end far below their best level while Q or loss grows or actions saturate."""
    name = "deviations below the best level of returns"
    values = _returns(series, start)
    if not values.steps.size:
        return _rule(name, None, limits.collapse, "", limits)
    width = max(values.steps.size // _SHARE, 5)
    levels, spreads = _rolling(values.values, width)
    best = int(np.argmax(levels))
    lost, gained = float(levels[best] - levels[-1]), float(levels[best] - levels[0])
    least = 0.01 * float(np.ptp(values.values)) + 1e-9
    deviation = max(float(np.median(spreads)), least)
    deviations = lost / deviation
    kept = int(np.flatnonzero(levels >= levels[best] - 0.5 * deviation)[-1])
    at = int(values.steps[kept + width - 1])
    factor, what = _growth_since(series, at)
    limit, sign = limits.collapse, f"{what} grew {factor:,.3g}-fold"
    if lost >= _ALL * gained:
        limit = _FEWER * limits.collapse
    if factor < limits.collapse_growth and _saturated_since(series, at, limits):
        limit, sign = _FEWER * limits.collapse, "actions went to their bounds"
        factor = np.inf
    counts = lost >= limits.collapse_share * gained and factor >= limits.collapse_growth
    measured = deviations if counts else 0.0
    note = ""
    if measured >= limit:
        note = (
            f"collapsed after step {at:,}: returns fell from {levels[best]:.4g} to "
            f"{levels[-1]:.4g}, {deviations:.0f} deviations, while {sign}"
        )
    return _rule(name, measured, limit, note, limits)


def _saturated_since(series: Series, step: int, limits: VerdictLimits) -> bool:
    """Actions are at their bounds in the end and were not before the step."""
    values = get(series, "health/action_saturation")
    before, tail = values.until(step).values, values.values[-max(values.steps.size // _SHARE, 3) :]
    return bool(before.size) and _level(tail) >= limits.saturation > _level(before)


def _late_ratio(series: Series, top: str, bottom: str) -> float | None:
    """Median of the last third of top / bottom, both > 0; None below six points."""
    _, one, two = align(get(series, top), get(series, bottom))
    ratios = one[two > 0] / two[two > 0]
    return float(np.median(ratios[-(ratios.size // 3) :])) if ratios.size >= 6 else None


def head_share(series: Series, limits: VerdictLimits) -> Criterion:
    """The actor's encoder does not learn past its head: all that it learns comes through there.

    Where actions saturate both gradients vanish together, and their ratio stays.
    """
    return _above(
        limits.head_share,
        _late_ratio(series, "gradients/actor_mlp_norm", "gradients/actor_cnn_norm"),
        "actor head's gradient / its encoder's, late",
        "the actor's encoder learns past its head: late, the head's gradient is {:.2g} of the "
        "encoder's",
        limits,
    )


def bypass(series: Series, limits: VerdictLimits) -> Criterion:
    """The actor learns through its action alone: in TD3 this share is 0, whatever the task."""
    held_share = sustained(get(series, "health/actor_bypass"), limits.stop_points)
    share = float(held_share.values.max()) if held_share.steps.size else None
    note = ""
    if share is not None and share >= limits.bypass:
        note = (
            f"{100 * share:.3g} % of the actor's gradient is not through its action but through "
            "what its loss gives the critic: a leak"
        )
    return _rule("actor's gradient past its action, share", share, limits.bypass, note, limits)


def q_spread(series: Series, limits: VerdictLimits) -> Criterion:
    """Q tells states apart where rewards do."""
    return _above(
        limits.q_spread,
        _late_ratio(series, "debug/q1_std", "debug/reward_std"),
        "spread of Q / spread of rewards, late",
        "Q is the same for every state: late, it spreads {:.2g} as wide as the rewards",
        limits,
    )


def _above(
    limit: float, ratio: float | None, name: str, told: str, limits: VerdictLimits
) -> Criterion:
    """The rule that a ratio stays above a limit; `told` is its note where it does not."""
    note = told.format(ratio) if ratio is not None and ratio <= limit else ""
    return row(Criterion("whole run", name, ratio, limit, ">", note=note), limits, False)
