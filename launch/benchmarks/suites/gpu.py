"""Pixel updates on a GPU: float32 and bfloat16 encoders, against SB3 on the same card."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np

from launch.benchmarks import contest
from launch.benchmarks.contest import GPU, Answers, Contestant
from launch.benchmarks.rows import BenchmarkRow, alone, compare, explained
from launch.benchmarks.suites.loop import driving
from launch.benchmarks.tasks import gflop, product_gflop

_CALLS = 8
_PRODUCT = 8192
_ASK = "import jax; print(jax.devices()[0].device_kind)"


def card() -> str:
    """The name of JAX's GPU, "" where it has none. Asked in a process that leaves the card free."""
    asked = subprocess.run(
        [sys.executable, "-c", _ASK], capture_output=True, text=True, env={**os.environ, **GPU}
    )
    return asked.stdout.strip() if asked.returncode == 0 else ""


def run(rounds: int) -> list[BenchmarkRow]:
    """Every row of the suite; without a GPU one row that says so."""
    name = card()
    if not name:
        why = "JAX sees no GPU; pip install 'jax[cuda12]==0.10.2' and run --suite=gpu again"
        return [BenchmarkRow("gpu", "not measured", "", None, why=why)]
    results = contest.run(contestants(), rounds)
    return [*rows(results, name), driving(rounds, "gpu", GPU)]


def contestants() -> list[Contestant]:
    """Ours in float32 and bfloat16, SB3 as it comes, and the card's matrix products."""

    def ours(name: str, work: int = 200, **options: Any) -> Contestant:
        return Contestant(name, "ours:update", {"task": "pixels", **options}, GPU, work=work)

    def product(dtype: str) -> Contestant:
        options = {"library": "jax", "size": _PRODUCT, "dtype": dtype}
        return Contestant(f"product {dtype}", "ours:matmul", options, GPU, work=20)

    half: dict[str, Any] = {"encoder_dtype": "bfloat16"}
    sb3 = {"task": "pixels", "device": "cuda"}
    return [
        ours("float32"),
        ours("awaited", awaited=True),
        ours("bfloat16", **half),
        ours("calls", work=50 * _CALLS, calls=_CALLS, **half),
        Contestant("sb3", "peers:sb3_update", sb3, work=50),
        product("float32"),
        product("bfloat16"),
    ]


def rows(results: dict[str, Answers], name: str) -> list[BenchmarkRow]:
    """The rows of `contestants`' results on the card of this name."""
    peer = f"SB3 as it comes, {name}"
    sb3 = contest.column(results["sb3"], factor=1e3)
    ms = {key: contest.own(results, key, factor=1e3) for key in results if key != "sb3"}

    def against(key: str, text: str, bar: str = "") -> BenchmarkRow:
        return compare("gpu", text, "ms/update", ms[key], sb3, peer, bar)

    many = f"pixels, bfloat16 encoders, {_CALLS} updates a call"
    rate = 1e3 / float(np.median(ms["calls"]))
    share = _share("pixels, float32", ms["float32"], ms["product float32"], "float32")
    why = f"it works at {share.ours:.3g} TFLOP/s, large products at {share.peer:.3g}"
    return [
        explained(against("float32", "pixels, float32", ">= 5"), why),
        against("awaited", "pixels, float32, each awaited: no batch copied ahead"),
        against("bfloat16", "pixels, bfloat16 encoders"),
        against("calls", many),
        alone("gpu", many, "updates/s", rate),
        share,
        _share(many, ms["calls"], ms["product bfloat16"], "bfloat16"),
    ]


def _share(name: str, update: list[float], product: list[float], dtype: str) -> BenchmarkRow:
    """TFLOP/s of an update against a matrix product's on the same card."""
    ours = [gflop("pixels") / ms for ms in update]
    most = [product_gflop(_PRODUCT) / ms for ms in product]
    peer = f"{dtype} product of {_PRODUCT} x {_PRODUCT}"
    return compare("gpu", name, "TFLOP/s", ours, most, peer, "", inverse=True)
