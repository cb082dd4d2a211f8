"""The whole training loop: HalfCheetah-v5 against SBX, and driving against its own parts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from launch.benchmarks import contest
from launch.benchmarks.contest import CPU, Contestant
from launch.benchmarks.rows import BenchmarkRow, compare, explained

_CHEETAH_STEPS = 1000
_DRIVING_STEPS = 40


def run(rounds: int) -> list[BenchmarkRow]:
    """Every row of the suite."""
    return [*_cheetah(rounds), driving(rounds)]


def _cheetah(rounds: int) -> list[BenchmarkRow]:
    results = contest.run(
        [
            Contestant("ours", "training:halfcheetah", work=_CHEETAH_STEPS),
            Contestant("sbx", "training:sbx_halfcheetah", work=_CHEETAH_STEPS),
            Contestant("sb3", "training:sb3_halfcheetah", work=_CHEETAH_STEPS),
            Contestant("env", "training:halfcheetah_alone", work=_CHEETAH_STEPS),
            Contestant("update", "ours:update", {"task": "vector"}, work=100),
        ],
        rounds,
    )
    ours, env, update = (contest.own(results, k, factor=1e3) for k in ("ours", "env", "update"))
    why = (
        f"a step of the environment takes {np.median(env):.2g} ms for either, and our "
        f"update alone {np.median(update):.3g} ms, by the same XLA kernels as SBX's"
    )
    name = "HalfCheetah-v5, one update a step, logging on"
    peers = (("sbx", "SBX", ">= 1.3"), ("sb3", "SB3", ""))
    return [
        explained(
            compare(
                "loop", name, "ms/step", ours, contest.column(results[k], factor=1e3), peer, bar
            ),
            why,
        )
        for k, peer, bar in peers
    ]


def driving(rounds: int, suite: str = "loop", environment: Mapping[str, str] = CPU) -> BenchmarkRow:
    """A step of training against the longer of a tick alone and an update alone."""
    update = {"task": "pixels", "critic_norm": "layer"}
    results = contest.run(
        [
            Contestant("loop", "training:driving", {"learn": True}, environment, _DRIVING_STEPS),
            Contestant("tick", "training:driving", {"learn": False}, work=5 * _DRIVING_STEPS),
            Contestant("update", "ours:update", update, environment, _DRIVING_STEPS // 4),
        ],
        rounds,
    )
    columns = {name: contest.own(results, name, factor=1e3) for name in results}
    longer = np.maximum(columns["tick"], columns["update"]).tolist()
    name = "stand-in, 84 x 84 x 4, 20 NPC"
    medians = {part: float(np.median(columns[part])) for part in ("tick", "update")}
    peer = f"max(tick {medians['tick']:.3g}, update {medians['update']:.3g})"
    row = compare(suite, name, "ms/step", columns["loop"], longer, peer, "<= 1.1", inverse=True)
    both = medians["tick"] + medians["update"]
    return explained(
        row,
        f"a tick and an update one after the other take {both:.3g} ms; the "
        "simulator, its client and the update share the cores",
    )
