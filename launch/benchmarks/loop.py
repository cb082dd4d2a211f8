"""The whole training loop: HalfCheetah-v5 against SBX, and driving against its own parts."""

from __future__ import annotations

import numpy as np

from launch.benchmarks import contest
from launch.benchmarks.contest import Contestant
from launch.benchmarks.rows import Row, compare

_CHEETAH_STEPS = 1000
_DRIVING_STEPS = 40


def run(rounds: int) -> list[Row]:
    """Every row of the suite."""
    return [*_cheetah(rounds), _driving(rounds)]


def _cheetah(rounds: int) -> list[Row]:
    results = contest.run(
        [
            Contestant("ours", "loops:halfcheetah", work=_CHEETAH_STEPS),
            Contestant("sbx", "loops:sbx_halfcheetah", work=_CHEETAH_STEPS),
            Contestant("sb3", "loops:sb3_halfcheetah", work=_CHEETAH_STEPS),
        ],
        rounds,
    )
    ours = contest.column(results["ours"], factor=1e3)
    assert not isinstance(ours, str)
    name = "HalfCheetah-v5, one update a step, logging on"
    peers = (("sbx", "SBX", ">= 1.3"), ("sb3", "SB3", ""))
    return [
        compare("loop", name, "ms/step", ours, contest.column(results[k], factor=1e3), peer, bar)
        for k, peer, bar in peers
    ]


def _driving(rounds: int) -> Row:
    """A step of training against the longer of a tick alone and an update alone."""
    update = {"task": "pixels", "critic_norm": "layer"}
    results = contest.run(
        [
            Contestant("loop", "loops:driving", {"learn": True}, work=_DRIVING_STEPS),
            Contestant("tick", "loops:driving", {"learn": False}, work=5 * _DRIVING_STEPS),
            Contestant("update", "ours:update", update, work=_DRIVING_STEPS // 4),
        ],
        rounds,
    )
    columns = {}
    for name, result in results.items():
        values = contest.column(result, factor=1e3)
        assert not isinstance(values, str)
        columns[name] = values
    longer = np.maximum(columns["tick"], columns["update"]).tolist()
    name = "stand-in, 84 x 84 x 4, 20 NPC"
    medians = {part: float(np.median(columns[part])) for part in ("tick", "update")}
    peer = f"max(tick {medians['tick']:.3g}, update {medians['update']:.3g})"
    return compare("loop", name, "ms/step", columns["loop"], longer, peer, "<= 1.1", inverse=True)
