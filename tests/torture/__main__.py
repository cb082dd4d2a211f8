"""Kill, freeze and damage in rounds, until the time is over: `python -m tests.torture --hours=1`.

Prints a line for each loss at once, and at the end a table. Exit code 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from envs.config import EnvConfig, with_options
from envs.process import server as servers
from launch.files import markdown_table
from launch.training.environments import make_envs
from launch.training.loop import train
from tests.launch.run_support import ROOT, session, tiny
from tests.torture import checkpoints, full_disk, kills, logs, messages, simulators
from tests.torture.outcome import Outcome

#: Growth of a stand-in under 1,000 messages beyond which it counts as a leak.
_MOST_GROWTH_MB = 150.0


def _crash_points(seed: int, scratch: Path) -> Outcome:
    script = ROOT / "tests" / "launch" / "training" / "crash_points.py"
    words = [sys.executable, str(script)]
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    outcome = Outcome(sum(int(n) for n in re.findall(r": (\d+) kills survived", done.stdout)))
    if done.returncode:
        outcome.tried += 1
        outcome.lost.append(done.stderr.strip()[-300:])
    return outcome


def _messages(seed: int, scratch: Path) -> Outcome:
    log = scratch / "server.log"
    server = servers.start(with_options(EnvConfig(), server_log=str(log)))
    try:
        outcome = messages.fuzz(server.port, 100, seed)
        before = server.megabytes()
        outcome.add(messages.fuzz(server.port, 900, seed + 1))
        if server.megabytes() > before + _MOST_GROWTH_MB:
            outcome.lost.append(f"memory grew from {before:.0f} to {server.megabytes():.0f} MB")
        if "Traceback" in log.read_text() or not server.alive():
            outcome.lost.append(f"the server's end: {log.read_text()[-300:]}")
    finally:
        server.kill()
    return outcome


def _checkpoints(seed: int, scratch: Path) -> Outcome:
    folder = scratch / "trained"
    config = tiny(eval_every=0, steps=130)
    with contextlib.redirect_stderr(io.StringIO()):
        run = session(config, folder)
        train(run)
        run.close()
    return checkpoints.fuzz(folder, lambda: make_envs(config), 100, seed, scratch)


def _logs(seed: int, scratch: Path) -> Outcome:
    return logs.fuzz(100, seed, scratch)


def _kills(seed: int, scratch: Path) -> Outcome:
    return kills.fuzz(8, seed, scratch)


def _simulators(seed: int, scratch: Path) -> Outcome:
    return simulators.fuzz(8, seed, scratch)


def _full_disk(seed: int, scratch: Path) -> Outcome:
    try:
        return full_disk.fill(scratch)
    except full_disk.CannotMount as error:
        print(f"full_disk: not tried: {error}")
        return Outcome()


#: Name: what is tried, and the program for a share of it.
PROGRAMS: dict[str, tuple[str, Callable[[int, Path], Outcome]]] = {
    "crash_points": ("a kill at each file operation of a checkpoint's writing", _crash_points),
    "kills": ("a training killed at a random time and resumed: byte-identical", _kills),
    "simulators": ("a stand-in killed or frozen under a training", _simulators),
    "checkpoints": ("a damaged checkpoint resumed from and loaded", _checkpoints),
    "full_disk": ("a full disk at each kind of write of a run", _full_disk),
    "logs": ("a damaged event file or CSV diagnosed", _logs),
    "messages": ("a mutated message of a recorded session sent to a stand-in", _messages),
}


def _piece(name: str, seed: int, scratch: Path) -> Outcome:
    """Run a share of one program; where the program itself breaks, that is a loss."""
    outcome, whole = Outcome(), Outcome()
    with outcome.attempt(f"the program, seed {seed}"):
        whole = PROGRAMS[name][1](seed, scratch)
    whole.lost += outcome.lost
    whole.tried += len(outcome.lost)
    return whole


def round_of(names: list[str], seed: int, until: float, totals: dict[str, Outcome]) -> None:
    """Run a share of each program that has time left, or was not tried yet."""
    for name in names:
        if time.monotonic() > until and totals[name].tried:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            outcome = _piece(name, seed, Path(scratch))
        totals[name].add(outcome)
        print(f"{name}, seed {seed}: {outcome.tried} tried, {len(outcome.lost)} lost", flush=True)
        for line in outcome.lost:
            print(f"  lost: {line}", flush=True)


def table(totals: dict[str, Outcome]) -> str:
    """Return the Markdown table of what was tried, survived and lost."""
    rows = []
    for name, outcome in totals.items():
        counts = (outcome.tried, outcome.tried - len(outcome.lost), len(outcome.lost))
        rows.append([name, PROGRAMS[name][0], *(f"{count:,}" for count in counts)])
    return "\n".join(markdown_table(["program", "what", "tried", "survived", "lost"], rows))


def main() -> int:
    """Run rounds; at least one of each program, however short the time."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("programs", nargs="*", help=f"of {', '.join(PROGRAMS)} [all]")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    options = parser.parse_args()
    if unknown := set(options.programs) - set(PROGRAMS):
        parser.error(f"no such program: {', '.join(sorted(unknown))}")
    began, seed = time.monotonic(), options.seed
    names = options.programs or list(PROGRAMS)
    totals = {name: Outcome() for name in names}
    until = began + options.hours * 3600.0
    while seed == options.seed or time.monotonic() < until:
        round_of(names, seed, until, totals)
        seed += 1
    print(f"\n{(time.monotonic() - began) / 60:.0f} minutes\n\n{table(totals)}")
    return int(any(outcome.lost for outcome in totals.values()))


if __name__ == "__main__":
    sys.exit(main())
