"""Rows of a benchmark's results, and the tables and files made of them."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from launch.benchmarks.contestant import turn
from launch.benchmarks.contestants.ours import matmul
from launch.benchmarks.tasks import product_gflop
from launch.files import markdown_table, write_whole

#: GFLOP/s of matrix products on the machine that the bars were set on.
BAR_PEAK = 205.0
NOT_INSTALLED = "not installed: pip install -e .[bench]"
_PACKAGES = ("jax", "jaxlib", "numpy", "torch", "stable-baselines3", "sbx-rl", "carla")


@dataclasses.dataclass(frozen=True)
class BenchmarkRow:
    """One comparison. `ratio` is better when higher if `bar` says >=, when lower if it says <=.

    why: what the same run measured that tells why the bar is missed.
    """

    suite: str
    name: str
    unit: str
    ours: float | None
    peer: float | None = None
    peer_name: str = ""
    ratio: float | None = None
    bar: str = ""
    holds: bool | None = None
    why: str = ""


def meets(ratio: float | None, bar: str) -> bool | None:
    """True where a figure meets a bar such as ">= 1.25" or "<= 7300"; None without either."""
    if ratio is None or not bar:
        return None
    return ratio >= limit(bar) if bar.startswith(">=") else ratio <= limit(bar)


def limit(bar: str) -> float:
    """The figure of a bar."""
    return float(bar.split()[1])


def compare(
    suite: str,
    name: str,
    unit: str,
    ours: Sequence[float],
    peer: Sequence[float] | str,
    peer_name: str,
    bar: str,
    inverse: bool = False,
) -> BenchmarkRow:
    """Medians of two columns of one figure per round, and the median of their paired ratios.

    ratio is peer / ours (times: how much faster ours is), or ours / peer if `inverse`. A peer
    that did not run is the sentence that says why.
    """
    middle = float(np.median(ours))
    if isinstance(peer, str):
        return BenchmarkRow(
            suite, name, unit, middle, None, f"{peer_name} ({peer})", None, bar, None
        )
    rounds = min(len(ours), len(peer))
    pairs = np.asarray(peer[:rounds]) / np.asarray(ours[:rounds])
    ratio = float(np.median(1.0 / pairs if inverse else pairs))
    held = meets(ratio, bar)
    return BenchmarkRow(
        suite, name, unit, middle, float(np.median(peer)), peer_name, ratio, bar, held
    )


def alone(suite: str, name: str, unit: str, ours: float, bar: str = "") -> BenchmarkRow:
    """A figure without a peer, held against the bar itself."""
    return BenchmarkRow(suite, name, unit, ours, bar=bar, holds=meets(ours, bar))


def explained(row: BenchmarkRow, why: str) -> BenchmarkRow:
    """The row; with the reason, if it misses its bar."""
    return dataclasses.replace(row, why=why) if row.holds is False else row


def explain_rest(rows: Sequence[BenchmarkRow]) -> list[BenchmarkRow]:
    """The rows; those that miss their bar and say nothing of it get the machine's present speed."""
    if all(row.holds is not False or row.why for row in rows):
        return list(rows)
    why = (
        f"right after, this machine multiplied large matrices at {product_gflops():.0f} "
        f"GFLOP/s; the bars were set on one with {BAR_PEAK:.0f}"
    )
    return [row if row.why else explained(row, why) for row in rows]


def product_gflops() -> float:
    """GFLOP/s of numpy's float32 matrix product: how fast a shared machine is just now."""
    work = matmul("numpy")
    return float(product_gflop() / np.median([turn(work, 1)["seconds"] for _ in range(5)]))


def machine() -> dict[str, Any]:
    """Describe the machine that the figures come from."""
    versions: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
        "product_gflops": round(product_gflops(), 1),
        "versions": versions,
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def table(rows: Sequence[BenchmarkRow]) -> str:
    """The rows as Markdown, and below them why those that miss their bar do."""
    titles = ("suite", "what", "unit", "ours", "peer", "ratio", "bar", "holds")
    lines = markdown_table(titles, map(_cells, rows))
    reasons = [f"* {row.suite}, {row.name}: {row.why}" for row in rows if row.why]
    return "\n".join([*lines, *([""] if reasons else []), *reasons])


def _cells(row: BenchmarkRow) -> tuple[str, ...]:
    peer = f"{_number(row.peer)} {row.peer_name}".strip()
    holds = {True: "yes", False: "NO", None: ""}[row.holds]
    measured = (_number(row.ours), peer, _number(row.ratio))
    return (row.suite, row.name, row.unit, *measured, row.bar, holds)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def write_json(path: Path, rows: Sequence[BenchmarkRow]) -> None:
    """The list of rows; the machine goes into a neighbour with the suffix .machine.json."""
    table = [dataclasses.asdict(row) for row in rows]
    for file, content in ((path, table), (path.with_suffix(".machine.json"), machine())):
        write_whole(file, json.dumps(content, indent=1) + "\n")
