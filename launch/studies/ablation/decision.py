"""The decision table: what each arm did, and whether it is a cause, a cure or neither.

Arms are read off their names: "D+clip" is the remedy `clip` on the fault D, "A+clip" the same on
correct flow, "D/mlp" the fault D on the dense encoder, "D/town" in the stand-in town,
"A+safe/preset" a candidate for the default. All contrasts are between runs of one seed.
"""

from __future__ import annotations

import csv
import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from launch.files import markdown_table, write_records
from launch.statistics import Estimate, by_stratum, holm, iqm, sign_test, wilson

MARGIN = 0.1  # of the expert's return, for "not worse than correct flow"
GAP = 1e-6
STILL_GROWING = 1.0  # late slope of log Q against log t: one layer's power law
FACTOR = 0.3  # decades of peak, a factor of two, below which a shift is no effect
_SIGNIFICANT = 0.05

Runs = dict[int, dict[str, float]]


@dataclasses.dataclass(frozen=True)
class ArmSummary:
    """One arm. `peak` is E1; the differences are against D (peak) and A (return), paired."""

    arm: str
    label: str
    count: int
    exploded: Estimate
    exploded_at: float
    peak: Estimate
    slope: Estimate
    late_slope: float
    purity: float
    gap: float
    saturation: float
    actor_return: Estimate
    feature_ratio: float
    critic_q_bias: float
    peak_change: Estimate
    peak_p: float
    return_change: Estimate
    verdict: str = ""

    @property
    def leaks(self) -> bool:
        """Wrong in gradient (purity) or in value (gap)."""
        return self.purity > 0.0 or self.gap > GAP


_NONE = Estimate(math.nan, math.nan, math.nan)
_TEXT = ("arm", "label", "stratum")


class Table:
    """The rows of results.csv by arm and seed."""

    def __init__(self, path: Path) -> None:
        self.labels: dict[str, str] = {}
        self.runs: dict[str, Runs] = defaultdict(dict)
        self._strata: dict[str, dict[int, str]] = defaultdict(dict)
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                arm, seed = row["arm"], int(row["seed"])
                self.labels[arm] = row["label"]
                self.runs[arm][seed] = {k: float(v) for k, v in row.items() if k not in _TEXT}
                self._strata[arm][seed] = row["stratum"]

    def column(self, arm: str, name: str) -> np.ndarray:
        """One endpoint of every run, by seed."""
        return np.array([self.runs[arm][seed][name] for seed in sorted(self.runs[arm])])

    def estimate(self, arm: str, name: str) -> Estimate:
        """Interquartile mean of an endpoint over seeds and strata."""
        values = {seed: run[name] for seed, run in self.runs[arm].items()}
        return iqm(by_stratum(values, self._strata[arm]))

    def change(self, arm: str, base: str, name: str) -> tuple[Estimate, float]:
        """Interquartile mean of (arm - base) of one seed, and the sign test's p."""
        seeds = sorted(set(self.runs[arm]) & set(self.runs.get(base, {})))
        if arm == base or not seeds:
            return _NONE, math.nan
        values = {s: self.runs[arm][s][name] - self.runs[base][s][name] for s in seeds}
        strata = {seed: self._strata[arm][seed] for seed in seeds}
        return iqm(by_stratum(values, strata)), sign_test(np.array(list(values.values())))


def _summarise(table: Table, arm: str) -> ArmSummary:
    network = next((end for end in ("/mlp", "/preset", "/town") if arm.endswith(end)), "")
    exploded = table.column(arm, "exploded")
    at = table.column(arm, "exploded_at")
    peak_change, p = table.change(arm, f"D{network}", "peak")
    return ArmSummary(
        arm=arm,
        label=table.labels[arm],
        count=exploded.size,
        exploded=wilson(int(exploded.sum()), exploded.size),
        exploded_at=float(np.nanmedian(at)) if exploded.any() else math.nan,
        peak=table.estimate(arm, "peak"),
        slope=table.estimate(arm, "slope"),
        late_slope=table.estimate(arm, "late_slope").point,
        purity=float(table.column(arm, "purity").max()),
        gap=float(table.column(arm, "gap").max()),
        saturation=table.estimate(arm, "saturation").point,
        actor_return=table.estimate(arm, "return"),
        feature_ratio=float(np.median(table.column(arm, "feature_ratio"))),
        critic_q_bias=table.estimate(arm, "critic_q_bias").point,
        peak_change=peak_change,
        peak_p=p,
        return_change=table.change(arm, f"A{network}", "return")[0],
    )


def on_correct_flow(row: ArmSummary) -> str:
    """Verdict on an option added to correct flow, by its return against plain correct flow."""
    low, high = row.return_change.low, row.return_change.high
    if low > 0.0:
        return "helps"
    if low > -MARGIN:
        return "harmless"
    return "harms" if high < 0.0 else "undecided"


def on_fault(row: ArmSummary) -> str:
    """Verdict on a remedy added to the leak.

    cure: no explosion, purity 0, gap 0, return not worse than correct flow. Of what still leaks:
    mask = no explosion, or Q no longer grows; delay = a peak lower by a factor of two; none = less.
    """
    if row.purity == 0.0 and row.gap <= GAP and row.exploded.point == 0.0:
        return "cure" if row.return_change.low > -MARGIN else "bounded"
    if row.exploded.point == 0.0 or row.late_slope < STILL_GROWING:
        return "mask"
    later = row.peak_change.point < -FACTOR and row.peak_p < _SIGNIFICANT
    return "delay" if later else "none"


def of_formula(row: ArmSummary) -> str:
    """Verdict on a wrong formula: does it explode, is it at least wrong in value or gradient?"""
    if row.exploded.point > 0.5:
        return "cause"
    if row.arm.startswith("A"):
        return "cure" if not row.leaks and row.exploded.point == 0.0 else "none"
    return "wrong, no explosion" if row.leaks else "no explosion"


def _verdict(row: ArmSummary) -> str:
    if "+" not in row.arm:
        return of_formula(row)
    return on_fault(row) if row.arm.startswith("D") else on_correct_flow(row)


def decide(table: Table, arms: Iterable[str] | None = None) -> list[ArmSummary]:
    """Every arm with its verdict; p-values of the remedies are Holm-adjusted together."""
    rows = [_summarise(table, arm) for arm in arms or table.runs]
    remedies = [i for i, row in enumerate(rows) if row.arm.startswith("D+")]
    for i, p in zip(remedies, holm([rows[i].peak_p for i in remedies]), strict=True):
        rows[i] = dataclasses.replace(rows[i], peak_p=p)
    return [dataclasses.replace(row, verdict=_verdict(row)) for row in rows]


def write_decision(rows: Sequence[ArmSummary], path: Path) -> None:
    """One line an arm; an estimate takes three columns."""
    write_records(path, [_flat(row) for row in rows], "arm")


def _flat(row: ArmSummary) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in dataclasses.asdict(row).items():
        if isinstance(value, tuple):
            flat |= {f"{name}{e}": f"{x:.4g}" for e, x in zip(_ENDS, value, strict=True)}
        else:
            flat[name] = f"{value:.4g}" if isinstance(value, float) else value
    return flat


_ENDS = ("", "_low", "_high")


def _cell(estimate: Estimate, digits: int = 2) -> str:
    if math.isnan(estimate.point):
        return ""
    if math.isnan(estimate.low):
        return f"{estimate.point:.{digits}f}"
    low, high = (f"{x:.{digits}f}" for x in (estimate.low, estimate.high))
    return f"{estimate.point:.{digits}f} [{low}, {high}]"


def _cells(row: ArmSummary) -> tuple[str, ...]:
    exploded = f"{round(row.exploded.point * row.count)}/{row.count}"
    rate = f"[{row.exploded.low:.2f}, {row.exploded.high:.2f}]"
    return (
        row.arm,
        row.label,
        f"{exploded} {rate}",
        _cell(row.peak),
        _cell(row.slope),
        f"{row.late_slope:.1f}",
        f"{row.purity:.2g}",
        f"{row.gap:.2g}",
        f"{row.saturation:.2f}",
        _cell(row.actor_return),
        _cell(row.return_change),
        f"**{row.verdict}**",
    )


def markdown(rows: Sequence[ArmSummary]) -> str:
    """The table as Markdown."""
    titles = (
        "arm",
        "what",
        "exploded [Wilson]",
        "peak, decades",
        "slope",
        "late slope",
        "purity",
        "gap",
        "saturation",
        "return",
        "return - A",
        "verdict",
    )
    return "\n".join(markdown_table(titles, map(_cells, rows)))
