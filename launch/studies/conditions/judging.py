"""Judge the kept runs as `td3jax diagnose` does, and count what was right."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from launch.diagnosis.causes import LIKELY
from launch.diagnosis.examine import examine
from launch.diagnosis.verdict import NO_GO
from launch.files import markdown_table
from launch.studies.conditions.manifest import HELD_OUT, TUNE, Entry
from launch.studies.conditions.plan import HEALTHY, LATE

NONE = "none"
ONSET_TOLERANCE = 1_500  # steps between a late fault and the step that is named
_BEGAN = re.compile(r"(?:collapsed|diverged) after step ([\d,]+)")
_TITLES = ("condition", "runs", "GO", "NO-GO", "UNDECIDED", "verdict right", "cause right", "named")


class Judged(NamedTuple):
    """A run, its verdict, the cause that is named first, and the steps of late faults."""

    entry: Entry
    decision: str
    cause: str
    reasons: tuple[str, ...]

    @property
    def verdict_right(self) -> bool:
        """A healthy run is not NO-GO, any other is."""
        return (self.decision == NO_GO) != (self.entry.condition == HEALTHY)

    @property
    def cause_right(self) -> bool:
        """The condition is named first; of a late fault, the step where it began."""
        if self.entry.condition == HEALTHY:
            return self.cause == NONE
        if self.entry.condition != LATE:
            return self.cause == self.entry.condition
        steps = [int(m[1].replace(",", "")) for m in map(_BEGAN.search, self.reasons) if m]
        return any(abs(step - self.entry.onset) <= ONSET_TOLERANCE for step in steps)


def judge_entry(folder: Path, entry: Entry) -> Judged:
    """Examine one run."""
    found = examine(folder / entry.path)
    first = found.causes[0]
    cause = first.name if first.score >= LIKELY else NONE
    return Judged(entry, found.verdict.decision, cause, found.verdict.reasons)


def judge_all(folder: Path, entries: Iterable[Entry]) -> list[Judged]:
    """Examine the runs, in their order."""
    return [judge_entry(folder, entry) for entry in entries]


class Score(NamedTuple):
    """Shares in [0, 1]: right verdicts over all runs, right causes over those with a fault; and
    healthy runs that are NO-GO."""

    verdicts: float
    causes: float
    healthy_no_go: int


def score(judged: Sequence[Judged]) -> Score:
    """Score runs that are at least one healthy and one not."""
    faulty = [run for run in judged if run.entry.condition != HEALTHY]
    healthy = [run for run in judged if run.entry.condition == HEALTHY]
    return Score(
        sum(run.verdict_right for run in judged) / len(judged),
        sum(run.cause_right for run in faulty) / len(faulty),
        sum(run.decision == NO_GO for run in healthy),
    )


def _row(condition: str, runs: Sequence[Judged]) -> tuple[str, ...]:
    decisions = Counter(run.decision for run in runs)
    named = Counter(run.cause for run in runs)
    return (
        condition,
        str(len(runs)),
        *(str(decisions[name]) for name in ("GO", "NO-GO", "UNDECIDED")),
        str(sum(run.verdict_right for run in runs)),
        str(sum(run.cause_right for run in runs)),
        ", ".join(f"{name} {count}" for name, count in named.most_common()),
    )


def confusion(judged: Sequence[Judged]) -> list[str]:
    """Markdown lines: one row for each condition."""
    conditions = dict.fromkeys(run.entry.condition for run in judged)
    rows = [_row(c, [run for run in judged if run.entry.condition == c]) for c in conditions]
    return markdown_table(_TITLES, rows)


def split_report(judged: Sequence[Judged]) -> list[str]:
    """Markdown lines: the table and the shares of each split, and the runs that were missed."""
    lines: list[str] = []
    for split in (TUNE, HELD_OUT):
        runs = [run for run in judged if run.entry.split == split]
        if not runs:
            continue
        shares = score(runs)
        lines += [f"### {split}, {len(runs)} runs", "", *confusion(runs), ""]
        lines += [
            f"Verdict right {100 * shares.verdicts:.1f} %, cause right {100 * shares.causes:.1f} "
            f"% of the faulty, healthy runs NO-GO: {shares.healthy_no_go}.",
            "",
        ]
        lines += [
            f"- missed: `{run.entry.name}`: {run.decision}, named {run.cause}"
            for run in runs
            if not (run.verdict_right and run.cause_right)
        ]
        lines.append("")
    return lines
