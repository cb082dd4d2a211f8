"""Measure the stand-in's memory over many episodes, with clients that are killed in the middle.

Started by `td3jax soak` or `python -m launch.soak`. Every episode spawns an ego with a camera and a
collision sensor and NPC vehicles on autopilot, drives and destroys them; every fiftieth is left to
a client that is killed. Writes soak.csv (the server's memory, threads, open files and actors after
each episode) and soak.png. With --minutes there are towns with traffic, walkers and a recording
instead, one after the other, and the files are towns.csv (a row a simulated minute) and towns.png.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from launch.cli import run_command
from launch.config.flags import Command, Flag
from launch.errors import DONE
from launch.files import write_records
from launch.studies.endurance import draw, soak, summary
from launch.studies.town_endurance import draw_towns, soak_towns, summary_of_towns

COMMAND = Command(
    "soak",
    __doc__,
    "td3jax soak --episodes=1000",
    (
        Flag("episodes", int, 1000, "episodes to play", low=1),
        Flag("minutes", int, 0, "simulated minutes in each town; 0 = episodes instead", low=0),
        Flag("towns", tuple, (), "with --minutes: towns to load, one after the other [all]"),
        Flag("out_dir", str, "runs/soak", "folder of the results"),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(COMMAND, argv, _body)


def _body(given: dict[str, Any]) -> int:
    out = Path(COMMAND.value(given, "out_dir"))
    out.mkdir(parents=True, exist_ok=True)
    minutes = COMMAND.value(given, "minutes")
    if minutes:
        rows = []
        for row in soak_towns(COMMAND.value(given, "towns"), minutes):
            rows.append(row)
            write_records(out / "towns.csv", rows, "town")
        draw_towns(rows, out / "towns.png")
        print("\n".join(summary_of_towns(rows)))
        return DONE
    states = soak(COMMAND.value(given, "episodes"))
    write_records(out / "soak.csv", states, "episode")
    draw(states, out / "soak.png")
    print("\n".join(summary(states)))
    return DONE


if __name__ == "__main__":
    sys.exit(main())
