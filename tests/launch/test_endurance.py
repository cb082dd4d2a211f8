"""A few episodes and killed clients leave nothing behind on the server."""

from __future__ import annotations

from launch.endurance import soak


def test_episodes_and_killed_clients_leave_nothing_behind() -> None:
    rows = soak(8, kill_every=3)
    assert [row["actors"] for row in rows] == [0] * 8
    assert rows[-1]["threads"] == rows[0]["threads"]
    assert rows[-1]["open_files"] <= rows[0]["open_files"]
    assert rows[-1]["resident_mb"] < rows[0]["resident_mb"] + 20.0
