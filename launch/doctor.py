"""Check this machine and a CARLA server: a line for each check, "ok" or what to do.

Started by `td3jax doctor` or `python -m launch.doctor`. Without --host and --port it starts a
stand-in, as training does, and checks that. The server is left as it was found. Exit code 0 where
every check holds, 3 where one does not.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from envs.checkup import Finding, Place, examine
from envs.config import EnvConfig, TaskConfig, TrafficConfig, with_options
from envs.errors import EnvError
from envs.process import abandoned
from envs.process import server as servers
from envs.process.ready import listens
from launch.cli import run_command
from launch.config.flags import Command, Flag
from launch.errors import DONE, NO_GO, BadInput
from launch.own_machine import examine_machine
from launch.signals import StopRequest, stop_on_signals

HOST, PORT, LAST_PORT = "127.0.0.1", 2000, 65535
COMMAND = Command(
    "doctor",
    __doc__,
    "td3jax doctor --host=localhost --port=2000",
    (
        Flag("host", str, "", f"host of a running server [{HOST} where --port is given]", True),
        Flag("port", int, PORT, "its RPC port", True, low=1),
        Flag(
            "tm_port",
            int,
            0,
            "port for our Traffic Manager, on this machine; 0 = as in training, --port + "
            f"{TrafficConfig().tm_port_offset}",
            True,
            low=0,
        ),
        Flag("town", str, TaskConfig().town, "town that training will drive in", True),
        Flag(
            "clean",
            bool,
            False,
            "remove vehicles, walkers, sensors and synchronous mode that "
            "other clients have left on the server, and servers that killed runs of ours have "
            "left on this machine",
            True,
        ),
        Flag("connect_timeout", float, 10.0, "seconds for the server to answer", low=0.1),
        Flag("runs_dir", str, "runs", "folder of run folders, whose disk must have space"),
    ),
)
_MARKS = {True: "ok  ", False: "FAIL", None: "-   "}


class Stopped(Exception):
    """A signal has asked for the end."""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    return run_command(COMMAND, argv, _body)


def _body(given: dict[str, Any]) -> int:
    ports = {"port": COMMAND.value(given, "port"), "tm_port": _tm_port(given)}
    for name, port in ports.items():
        if port >= LAST_PORT:
            raise BadInput(f"--{name}={port}: expected a port below {LAST_PORT}")
    findings: list[Finding] = []
    with stop_on_signals() as stop, tempfile.TemporaryDirectory() as folder:
        try:
            with contextlib.closing(_all(given, Path(folder), _look(stop))) as made:
                for finding in made:
                    findings.append(finding)
                    text = " ".join(finding.text.split())
                    print(f"{_MARKS[finding.ok]}  {finding.name}: {text}", flush=True)
        except Stopped:
            print(f"doctor: stopped by {stop.name}; the server is as it was found", file=sys.stderr)
            return stop.exit_code
    print(_summary(findings))
    return DONE if all(finding.ok for finding in findings) else NO_GO


def _look(stop: StopRequest) -> Callable[[], bool]:
    def look() -> bool:
        if stop:
            raise Stopped
        return True

    return look


def _summary(findings: Sequence[Finding]) -> str:
    wrong = sum(finding.ok is False for finding in findings)
    skipped = sum(finding.ok is None for finding in findings)
    if not wrong:
        return f"all {len(findings)} checks hold"
    rest = f", {skipped} not made" if skipped else ""
    return f"of {len(findings)} checks {wrong} failed{rest}: each line with FAIL says what to do"


def _all(
    given: dict[str, Any], folder: Path, look: Callable[[], bool]
) -> Generator[Finding, None, None]:
    clean = COMMAND.value(given, "clean")
    yield from examine_machine(Path(COMMAND.value(given, "runs_dir")), look)
    yield _left_servers(clean)
    if "host" in given or "port" in given:
        host, port = given.get("host") or HOST, COMMAND.value(given, "port")
        yield from examine(_place(given, host, port), clean, look)
        return
    yield from _standin(given, folder, look)


def _left_servers(clean: bool) -> Finding:
    """Return what killed runs have left on this machine; clean: end it."""
    name = "left servers"
    if clean:
        said: list[str] = []
        stuck = abandoned.stop_abandoned(said.append)
        return Finding(name, not stuck, "; ".join(said) or "there was nothing to end")
    left = [abandoned.describe(note) for _, note in abandoned.notes()]
    if left:
        text = f"killed runs have left {'; '.join(left)}: --clean ends them, as the next run does"
        return Finding(name, False, text)
    return Finding(name, True, "none of killed runs on this machine")


def _tm_port(given: dict[str, Any]) -> int:
    own: int = COMMAND.value(given, "tm_port")
    return own or COMMAND.value(given, "port") + TrafficConfig().tm_port_offset


def _place(given: dict[str, Any], host: str, port: int) -> Place:
    return Place(
        host=host,
        port=port,
        tm_port=_tm_port(given),
        town=COMMAND.value(given, "town"),
        connect_timeout=COMMAND.value(given, "connect_timeout"),
    )


def _standin(given: dict[str, Any], folder: Path, look: Callable[[], bool]) -> Iterator[Finding]:
    log = folder / "server.log"
    config = with_options(EnvConfig(), server_log=str(log))

    def say(line: str) -> None:
        look()
        print(f"      stand-in: {line}", flush=True)

    try:
        server = servers.start(config, say)
    except EnvError as error:
        yield Finding("server", False, f"the stand-in does not start: {error}")
        return
    try:
        ours = {"tm_port": server.port + servers.TM_PORT_OFFSET, **given}
        place = _place(ours, server.host, server.port)
        yield from examine(place, False, lambda: look() and server.alive())
    finally:
        server.stop()
    if listens(HOST, PORT, 0.5):
        hint = f"td3jax doctor --port={PORT} checks the server that listens there"
        print(f"      this was a stand-in; {hint}")


if __name__ == "__main__":
    sys.exit(main())
