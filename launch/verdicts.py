"""GO, NO-GO or UNDECIDED: one set of rules for the live run, the staged protocol and diagnosis."""

from __future__ import annotations

import dataclasses

from launch.facts import RunFacts
from launch.series import Series

GO, NO_GO, UNDECIDED = "GO", "NO-GO", "UNDECIDED"


@dataclasses.dataclass(frozen=True)
class VerdictLimits:
    """Every number that a rule compares with."""


@dataclasses.dataclass(frozen=True)
class Criterion:
    """One row: a rule, its absolute and relative form, and what was measured.

    passed is None where nothing could be measured. relative_* are None where the rule has no
    relative form or its scalars are missing.
    """

    stage: str
    name: str
    measured: float | None
    limit: float
    relation: str
    relative_name: str | None = None
    relative_measured: float | None = None
    relative_limit: float | None = None
    passed: bool | None = None
    core: bool = False
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """decision is GO, NO_GO or UNDECIDED; reasons are one line each, the gravest first."""

    decision: str
    stage: str
    last_step: int
    reasons: tuple[str, ...]
    rows: tuple[Criterion, ...]


def judge(
    series: Series,
    limits: VerdictLimits | None = None,
    facts: RunFacts | None = None,
    stage: str | None = None,
) -> Verdict:
    """The verdict on a run's scalars (names as in docs/scalars.md).

    stage: "2K", "5K" or "10K" judges that gate; None judges the highest one that the run reached.
    """
    raise NotImplementedError
