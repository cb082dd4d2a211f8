"""Calls every public method and prints the table: `python -m envs.standin.api_table`.

Each class is tried by a client in a process of its own, against a fresh server. A probe that ends
its client is noted, and a new client goes on with the next method.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import carla

from envs.standin.api_table import of_actor, of_client, of_world
from envs.standin.api_table.rig import Probe, Rig

Table = dict[str, tuple[str, Probe]]

WORKS, ACCEPTED, REFUSED = "works", "accepted without effect", "refused"
CLIENT = "fails in the client"
FAILED, ABORTED = "FAILED", "ABORTS THE CLIENT"

_HEADER = """# What the stand-in server serves of the client's API

Made by `python -m envs.standin.api_table --write docs/standin_api.md`, which calls each public
method of the real `carla` 0.9.16 client. *Works*: the effect was seen. *Accepted without effect*:
the call returns and changes nothing. *Refused*: the call raises a RuntimeError that names it.
*Fails in the client*: the Python binding of 0.9.16 cannot make the call, whatever the server.
"""


def _table(works: dict[str, Probe], accepted: dict[str, Probe], refused: dict[str, Probe]) -> Table:
    groups = ((WORKS, works), (ACCEPTED, accepted), (REFUSED, refused))
    return {name: (label, probe) for label, group in groups for name, probe in group.items()}


TABLES: dict[str, Table] = {
    "Client": _table(of_client.WORKS, of_client.ACCEPTED, of_client.REFUSED),
    "World": _table(of_world.WORKS, of_world.ACCEPTED, of_world.REFUSED),
    "Vehicle": _table(of_actor.WORKS, of_actor.ACCEPTED, of_actor.REFUSED),
    "Sensor": _table(of_actor.SENSOR_WORKS, of_actor.SENSOR_ACCEPTED, of_actor.SENSOR_REFUSED),
}


def public_methods(name: str) -> list[str]:
    """Public attributes of a class of the client; of a sensor, those that no other actor has."""
    if name == "Sensor":
        own = set(dir(carla.ServerSideSensor)) - set(dir(carla.Actor))
        return sorted(method for method in own if not method.startswith("_"))
    return sorted(method for method in dir(getattr(carla, name)) if not method.startswith("_"))


def verdict(label: str, probe: Probe, rig: Rig) -> tuple[str, str]:
    """The result of one probe, and a note."""
    try:
        result = probe(rig)
    except RuntimeError as error:
        text = " ".join(str(error).split())
        return (REFUSED if label == REFUSED else FAILED), text
    except TypeError as error:
        return CLIENT, " ".join(str(error).split())
    except LookupError as error:
        return label, f"not tried here: {error}"
    if label == REFUSED:
        return FAILED, "was not refused"
    return (label, "") if label == ACCEPTED or result else (FAILED, "effect not seen")


def probe_class(name: str, port: int, methods: list[str]) -> None:
    """Tries methods one after the other; one line each before and after."""
    rigs = []
    for method in methods:
        label, probe = TABLES[name][method]
        print(f"try\t{method}", flush=True)
        # Clients stay alive until the end: taking one down while others run is a race in 0.9.16.
        rigs.append(Rig(port))
        outcome, note = verdict(label, probe, rigs[-1])
        print(f"done\t{method}\t{outcome}\t{note}", flush=True)
    os._exit(0)


@contextlib.contextmanager
def running_server() -> Iterator[int]:
    """A server on a free port for the time of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "envs.standin", "--port", str(port)]
    command += ["--exit-with-parent", str(os.getpid())]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if not any(line.startswith("ready") for line in process.stdout):
            raise RuntimeError(f"the server did not start on port {port}")
        yield port
    finally:
        process.terminate()
        process.communicate()


def results_of(name: str, port: int) -> dict[str, tuple[str, str]]:
    """Outcome and note of every public method of a class."""
    results: dict[str, tuple[str, str]] = {}
    left = [method for method in public_methods(name) if method in TABLES[name]]
    while left:
        command = [
            sys.executable,
            "-m",
            "envs.standin.api_table",
            "--probe",
            name,
            str(port),
            *left,
        ]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=600)
        lines = [line.split("\t") for line in answer.stdout.splitlines()]
        tried = [parts[1] for parts in lines if parts[0] == "try"]
        results |= {p[1]: (p[2], p[3]) for p in lines if p[0] == "done" and len(p) == 4}
        for method in tried:
            results.setdefault(method, (ABORTED, answer.stderr.strip()[-200:]))
        if not tried:
            raise RuntimeError(f"no probe of {name} ran: {answer.stderr.strip()[-500:]}")
        left = [method for method in left if method not in tried]
    return results


def document() -> str:
    """The whole table as Markdown."""
    parts = [_HEADER]
    with running_server() as port:
        for name in TABLES:
            results = results_of(name, port)
            parts.append(f"\n## carla.{name}\n\n| method | | note |\n|---|---|---|\n")
            for method in public_methods(name):
                outcome, note = results.get(method, ("not tried", ""))
                parts.append(f"| `{method}` | {outcome} | {note} |\n")
    return "".join(parts)


def main() -> None:
    """Prints the table or writes it to a file."""
    parser = argparse.ArgumentParser(prog="python -m envs.standin.api_table", description=__doc__)
    parser.add_argument("--write", type=Path, help="file to write instead of printing")
    parser.add_argument("--probe", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe:
        name, port, *methods = options.probe
        probe_class(name, int(port), methods)
        return
    text = document()
    if options.write:
        options.write.write_text(text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
