"""Ticks per second of the stand-in, through the real client."""

from __future__ import annotations

import numpy as np

from launch.benchmarks import contest
from launch.benchmarks.contest import Contestant
from launch.benchmarks.rows import BenchmarkRow, alone, explained, limit

_CASES = (  # name, NPC vehicles, camera width and height, ticks in a turn, bar
    ("ego + 84 x 84 camera + 20 NPC", 20, 84, 84, 300, ">= 600"),
    ("ego + 84 x 84 camera + 100 NPC", 100, 84, 84, 100, ">= 200"),
    ("ego + 800 x 600 camera", 0, 800, 600, 100, ">= 150"),
)


def run(rounds: int) -> list[BenchmarkRow]:
    """Every row of the suite. One server at a time: an idle one's client still has threads."""
    rows = []
    for name, npcs, width, height, work, bar in _CASES:
        options = {"npcs": npcs, "width": width, "height": height}
        contestant = Contestant(name, "simulator:ticks", options, work=work, patience_s=60.0)
        results = contest.run([contestant], rounds)
        seconds, client = (
            float(np.median(contest.own(results, name, key))) for key in ("seconds", "cpu")
        )
        row = alone("standin", name, "ticks/s", 1.0 / seconds, bar)
        why = (
            f"of {1e3 * seconds:.3g} ms a tick the carla client's own threads compute "
            f"{1e3 * client:.3g}; the bar leaves {1e3 / limit(bar):.3g} for client "
            "and server"
        )
        rows.append(explained(row, why))
    rows.append(alone("standin", "start to first tick", "s", _start_seconds(rounds), "<= 2"))
    return rows


def _start_seconds(rounds: int) -> float:
    """In this process, so that importing carla is not counted; it is no part of a server."""
    from launch.benchmarks.contestants.simulator import first_tick

    return float(np.median([first_tick() for _ in range(min(rounds, 5))]))
