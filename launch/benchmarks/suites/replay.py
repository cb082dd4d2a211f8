"""The replay buffer's memory and sampling time at 84 x 84 x 4."""

from __future__ import annotations

from launch.benchmarks import contest
from launch.benchmarks.contest import Contestant
from launch.benchmarks.contestants.ours import filled_buffer
from launch.benchmarks.rows import NOT_INSTALLED, BenchmarkRow, alone, compare

_CAPACITY = 20_000


def run(rounds: int) -> list[BenchmarkRow]:
    """Every row of the suite; SB3's buffer is smaller, its stacks need eight times the memory."""
    options = {"task": "pixels", "capacity": _CAPACITY}
    results = contest.run(
        [
            Contestant("ours", "ours:sample", options, work=50),
            Contestant("sb3", "peers:sb3_sample", {**options, "capacity": _CAPACITY // 4}, work=50),
        ],
        rounds,
    )
    ours = contest.own(results, "ours", factor=1e3)
    peer = contest.column(results["sb3"], factor=1e3)
    bytes_each = _bytes_a_transition()
    return [
        alone("replay", "84 x 84 x 4, a transition", "B", bytes_each, "<= 7300"),
        _against_sb3(bytes_each),
        alone("replay", "1,000,000 transitions", "GB", bytes_each / 1e3, "<= 7.3"),
        alone("replay", "sample of 256", "ms", sorted(ours)[len(ours) // 2], "<= 1.0"),
        compare("replay", "sample of 256", "ms", ours, peer, "SB3 DictReplayBuffer", ""),
    ]


def _bytes_a_transition() -> float:
    buffer = filled_buffer("pixels", _CAPACITY)
    return float(buffer.nbytes / buffer.size)


def _against_sb3(ours: float) -> BenchmarkRow:
    try:
        from launch.benchmarks.contestants.peers import sb3_buffer_bytes

        peer: list[float] | str = [sb3_buffer_bytes("pixels")]
    except ModuleNotFoundError:
        peer = NOT_INSTALLED
    name = "SB3 DictReplayBuffer"
    return compare("replay", "84 x 84 x 4, a transition", "B", [ours], peer, name, ">= 7.7")
