"""Gradient steps: pixels and vector, against the peers and the matrix-product peak."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping

import numpy as np

from launch.benchmarks import contest
from launch.benchmarks.contest import MALLOC, Answers, Contestant
from launch.benchmarks.rows import BAR_PEAK, BenchmarkRow, alone, compare, explained, limit
from launch.benchmarks.tasks import gflop, product_gflop

_CALLS = 50
_PEAKS = [
    Contestant(f"peak {name}", "ours:matmul", {"library": name}, work=6)
    for name in ("numpy", "jax", "torch")
]


def run(rounds: int) -> list[BenchmarkRow]:
    """Every row of the suite."""
    return [*_pixels(rounds), *_vector(rounds), *_first_update()]


def _pixels(rounds: int) -> list[BenchmarkRow]:
    task = {"task": "pixels"}
    results = contest.run(
        [
            Contestant("ours", "ours:update", task, work=4),
            Contestant("shared", "ours:update", {**task, "encoder": "shared"}, work=4),
            Contestant("reuse", "ours:update", {**task, "reuse_features": True}, work=4),
            Contestant("calls", "ours:update", {**task, "calls": 4}, work=4),
            Contestant("bare", "ours:update", {**task, "log_every": 0}, work=4),
            Contestant("all", "ours:update", {**task, "log_every": 1, "health_every": 1}, work=4),
            Contestant("sb3", "peers:sb3_update", task, work=4),
            Contestant("tuned", "peers:sb3_update", {**task, "tuned": True}, MALLOC, work=4),
            *_PEAKS,
        ],
        rounds,
    )
    ms = {name: contest.column(result, factor=1e3) for name, result in results.items()}
    ours, shared, bare, everything = (
        contest.own(results, k, factor=1e3) for k in ("ours", "shared", "bare", "all")
    )
    sb3, tuned = "SB3 as it comes", "SB3, malloc settings + channels_last"
    unit = "ms/update"
    share = _share("pixels", results, ">= 0.72")
    why = f"both spend their time in products: ours at {share.ours:.3g} GFLOP/s"
    if not isinstance(ms["tuned"], str):
        why += f", SB3 tuned at {1e3 * gflop('pixels') / float(np.median(ms['tuned'])):.3g}"
    variants = [
        compare(
            "update",
            f"pixels, {name}",
            unit,
            contest.own(results, key, factor=1e3),
            ms["tuned"],
            tuned,
            "",
        )
        for key, name in (("reuse", "reused features"), ("calls", "4 updates a call"))
    ]
    return [
        _metrics_cost(bare, everything),
        *variants,
        compare("update", "pixels", unit, ours, ms["sb3"], sb3, ">= 1.25"),
        explained(compare("update", "pixels", unit, ours, ms["tuned"], tuned, ">= 1.05"), why),
        share,
        explained(
            compare("update", "pixels, shared encoder", unit, shared, ms["tuned"], tuned, ">= 1.6"),
            why,
        ),
    ]


def _metrics_cost(bare: list[float], everything: list[float]) -> BenchmarkRow:
    """All scalars and health metrics for the last two of 100 updates, as a share of 100 updates.

    Measured at every update, fifty times as often.
    """
    cost = (np.asarray(everything) / np.asarray(bare) - 1.0) / 50
    name = "pixels, cost of all scalars and health metrics, every 100"
    return alone("update", name, "share", float(np.median(cost)), "<= 0.03")


def _vector(rounds: int) -> list[BenchmarkRow]:
    task = {"task": "vector"}
    results = contest.run(
        [
            Contestant("ours", "ours:update", {**task, "calls": _CALLS}, work=4 * _CALLS),
            Contestant("single", "ours:update", task, work=100),
            Contestant("sbx", "peers:sbx_update", {"calls": _CALLS}, work=4 * _CALLS),
            Contestant("sbx single", "peers:sbx_update", work=100),
            Contestant("sb3", "peers:sb3_update", {"task": "vector"}, work=100),
            *_PEAKS,
        ],
        rounds,
    )
    ms = {name: contest.column(result, factor=1e3) for name, result in results.items()}
    many, one = (contest.own(results, k, factor=1e3) for k in ("ours", "single"))
    name, unit = f"vector, {_CALLS} updates a call", "ms/update"
    share = _share(name, results, ">= 0.75")
    assert share.peer is not None
    products = 1e3 * gflop("vector") / share.peer
    return [
        explained(
            compare("update", name, unit, many, ms["sbx"], f"SBX, train({_CALLS})", ">= 1.3"),
            f"its products alone take {products:.3g} ms at this machine's peak, and SBX runs "
            "the same XLA kernels",
        ),
        share,
        compare("update", name, unit, many, ms["sb3"], "SB3 as it comes", ""),
        compare("update", "vector, one a call", unit, one, ms["sbx single"], "SBX, train(1)", ""),
        compare("update", "vector, one a call", unit, one, ms["sb3"], "SB3 as it comes", ""),
    ]


def _share(name: str, results: Mapping[str, Answers], bar: str) -> BenchmarkRow:
    """GFLOP/s of an update against the best library's matrix product in the same rounds."""
    work = gflop("pixels" if name.startswith("pixels") else "vector")
    rate = [work / s for s in contest.own(results, "ours")]
    columns = {p.name: contest.column(results[p.name]) for p in _PEAKS}
    most = product_gflop()
    rates = {k: [most / s for s in v] for k, v in columns.items() if not isinstance(v, str)}
    best = max(rates, key=lambda k: float(np.median(rates[k])))
    peer = f"{best.removeprefix('peak ')} product of 2048 x 2048"
    row = compare("update", name, "GFLOP/s", rate, rates[best], peer, bar, inverse=True)
    assert row.ours is not None
    assert row.peer is not None
    return explained(
        row,
        f"the bar was set where products reach {BAR_PEAK:.0f} GFLOP/s, so at "
        f"{limit(bar) * BAR_PEAK:.0f}; here large products are "
        f"{row.peer / BAR_PEAK:.2g} and this update {row.ours / BAR_PEAK:.2g} times "
        "that peak",
    )


def _first_update() -> list[BenchmarkRow]:
    """Seconds from the call of the first update to its result, compiled anew and from the cache."""
    with tempfile.TemporaryDirectory() as cache:
        options = {"task": "pixels", "cache": cache}
        first, again = (
            contest.run([Contestant("ours", "ours:update", options, work=2)], 1) for _ in range(2)
        )
    seconds = [contest.own(result, "ours", "first")[0] for result in (first, again)]
    return [
        alone("update", "pixels, first update", "s", seconds[0], "<= 8"),
        alone("update", "pixels, first update when run again", "s", seconds[1], "<= 2"),
    ]
