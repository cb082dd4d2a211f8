"""Memory of the stand-in over many episodes: `python -m launch.soak --episodes=1000`.

Every episode spawns an ego with a camera and a collision sensor and NPC vehicles on autopilot,
drives and destroys them; every fiftieth is left to a client that is killed in its middle. Writes
soak.csv (the server's memory, threads, open files, actors after each episode) and soak.png.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib
from absl import app, flags

from launch.cli import guarded
from launch.errors import BadInput
from launch.studies.endurance import Row, soak
from launch.studies.study import write_rows

matplotlib.use("Agg")
from matplotlib import pyplot as plt

_EPISODES = flags.DEFINE_integer("episodes", 1000, "episodes to play")
_OUT = flags.DEFINE_string("out_dir", "runs/soak", "folder of soak.csv and soak.png")

_SETTLED = 100


def _draw(rows: Sequence[Row], path: Path) -> None:
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(7, 4.5), sharex=True, layout="constrained")
    episodes = [row["episode"] for row in rows]
    upper.plot(episodes, [row["resident_mb"] for row in rows], color="tab:blue")
    upper.set(ylabel="resident memory, MB", ylim=(0, None))
    for name, color in (("threads", "tab:green"), ("open_files", "tab:orange"), ("actors", "k")):
        lower.plot(episodes, [row[name] for row in rows], color=color, label=name.replace("_", " "))
    lower.set(xlabel="episode", ylim=(0, None))
    lower.legend(frameon=False)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _body() -> int:
    if _EPISODES.value < 1:
        raise BadInput(f"--episodes={_EPISODES.value}: expected at least 1")
    out = Path(_OUT.value)
    out.mkdir(parents=True, exist_ok=True)
    rows = soak(_EPISODES.value)
    write_rows(out / "soak.csv", rows, "episode")
    _draw(rows, out / "soak.png")
    first, last = rows[min(_SETTLED, len(rows)) - 1], rows[-1]
    for name in ("resident_mb", "threads", "open_files", "actors"):
        begun = f"{first[name]:g} after {first['episode']:g} episodes"
        print(f"{name}: {begun}, {last[name]:g} at the end")
    return 0


def main(_: Sequence[str]) -> int:
    """Play, write and draw."""
    return guarded("soak", _body)


if __name__ == "__main__":
    app.run(main, argv=sys.argv)
