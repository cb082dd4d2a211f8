"""Starts the stand-in CARLA server: `python -m envs.standin --port 2000`.

Says what it does at once, before its imports, which take seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from envs.standin.parent import end_with_parent

READY = "ready"
_CARLA_PORTS = ("-carla-rpc-port", "-carla-port", "-carla-world-port", "-world-port")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m envs.standin",
        description="A simulator that speaks the protocol of CARLA 0.9.16. It listens on PORT for "
        "calls and on PORT+1 for streams. It prints what it waits for, and 'ready on port PORT' "
        "when it accepts clients; until then it refuses them.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=2000, help="port for calls (%(default)s)")
    parser.add_argument("--town", default="", help="town to start with (Town01, or --opendrive's)")
    parser.add_argument(
        "--opendrive",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="OpenDRIVE map to serve as the town of the file's name; may be repeated",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of sensor noise (%(default)s)")
    parser.add_argument(
        "--exit-with-parent",
        type=int,
        metavar="PID",
        help="end when process PID, which starts this one, ends, even if it is killed",
    )
    parser.add_argument(
        "--ready-fd",
        type=int,
        metavar="FD",
        help=f"write each line of progress to this file descriptor too, and last '{READY}'",
    )
    words, ignored = as_ours(sys.argv[1:] if argv is None else argv)
    if ignored:
        print(f"standin: without effect here: {' '.join(ignored)}", flush=True)
    options, unknown = parser.parse_known_args(words)
    if unknown:
        name = unknown[0].partition("=")[0]
        near = difflib.get_close_matches(name, parser._option_string_actions, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        parser.error(f"{name}: no such option{hint}")
    return options


def as_ours(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return a command line of CarlaUE4.sh as ours, and the words that have no effect here.

    Its options have one dash and its map is a path such as /Game/Carla/Maps/Town01.
    """
    ours: list[str] = []
    ignored: list[str] = []
    for word in words:
        name, _, value = word.partition("=")
        if name.lower() in _CARLA_PORTS and value:
            ours.append(f"--port={value}")
        elif word.startswith("/Game/"):
            ours.append(f"--town={word.rpartition('/')[2]}")
        elif len(word) > 2 and word[0] == "-" and word[1].isalpha():
            ignored.append(word)
        else:
            ours.append(word)
    return ours, ignored


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until a signal ends it; return the exit code."""
    options = _arguments(argv)
    if not 1 <= options.port <= 65534:
        return _refuse(f"--port must be in 1 to 65534, not {options.port}")
    if options.seed < 0:
        return _refuse(f"--seed must not be negative, not {options.seed}")
    if options.exit_with_parent is not None:
        end_with_parent(options.exit_with_parent)

    def tell(line: str) -> None:
        if options.ready_fd is not None:
            with contextlib.suppress(OSError):  # nobody waits any more
                os.write(options.ready_fd, f"{line}\n".encode())

    def say(line: str) -> None:
        print(f"standin: {line}", flush=True)
        tell(line)

    say(f"starting on port {options.port}")
    from envs.standin.starting import CannotStart, start

    try:
        server = start(
            options.host, options.port, options.town, options.seed, say, options.opendrive
        )
    except CannotStart as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return 130
    print(f"ready on port {options.port}", flush=True)
    tell(READY)
    if options.ready_fd is not None:
        os.close(options.ready_fd)
    server.run()
    return 0


def _refuse(text: str) -> int:
    print(f"standin: {text}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
