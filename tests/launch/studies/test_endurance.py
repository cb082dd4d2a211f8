"""A few episodes and killed clients leave nothing behind on the server."""

from __future__ import annotations

import os
import signal

import pytest

from launch.studies import endurance
from launch.studies.endurance import soak


@pytest.mark.slow
def test_episodes_and_killed_clients_leave_nothing_behind() -> None:
    rows = soak(8, kill_every=3)
    assert [row["actors"] for row in rows] == [0] * 8
    assert rows[-1]["threads"] == rows[0]["threads"]
    assert rows[-1]["open_files"] <= rows[0]["open_files"]
    assert rows[-1]["resident_mb"] < rows[0]["resident_mb"] + 20.0


@pytest.mark.slow
def test_a_player_that_hangs_is_killed_and_another_goes_on(monkeypatch) -> None:
    start, players = endurance._start_player, []

    def the_first_hangs(port, tm_port):
        player, orders = start(port, tm_port)
        if not players:
            os.kill(player.pid, signal.SIGSTOP)
        players.append(player)
        return player, orders

    monkeypatch.setattr(endurance, "_start_player", the_first_hangs)
    monkeypatch.setattr(endurance, "_PATIENCE_S", 12.0)
    rows = soak(3)
    assert [player.exitcode for player in players] == [-signal.SIGKILL, 0]
    assert [row["actors"] for row in rows] == [0] * 3
