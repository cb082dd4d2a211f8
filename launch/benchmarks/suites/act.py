"""One action at batch size 1, from the observation to a control in numpy."""

from __future__ import annotations

from launch.benchmarks import contest
from launch.benchmarks.contest import Contestant
from launch.benchmarks.rows import BenchmarkRow, compare


def run(rounds: int) -> list[BenchmarkRow]:
    """Both tasks; the ratio is the share of the peer's time that ours takes."""
    rows = []
    for task, work in (("pixels", 100), ("vector", 1000)):
        options = {"task": task}
        contestants = [
            Contestant("ours", "ours:act", options, work=work),
            Contestant("SB3 predict", "peers:sb3_act", options, work=work),
        ]
        if task == "vector":
            contestants.append(Contestant("SBX predict", "peers:sbx_act", work=work))
        results = contest.run(contestants, rounds)
        ours = contest.own(results, "ours", factor=1e3)
        for peer in contestants[1:]:
            times = contest.column(results[peer.name], factor=1e3)
            bar = "<= 0.6" if peer.name == "SB3 predict" else ""
            rows.append(
                compare("act", task, "ms/action", ours, times, peer.name, bar, inverse=True)
            )
    return rows
