"""Starts the stand-in CARLA server: `python -m envs.standin --port 2000`.

Says what it does at once, before its imports, which take seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys

from envs.standin.parent import end_with_parent

READY = "ready"


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m envs.standin",
        description="A simulator that speaks the protocol of CARLA 0.9.16. It listens on PORT for "
        "calls and on PORT+1 for streams. It prints what it waits for, and 'ready on port PORT' "
        "when it accepts clients; until then it refuses them.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=2000, help="port for calls (%(default)s)")
    parser.add_argument("--town", default="Town01", help="town to start with (%(default)s)")
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
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
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
        server = start(options.host, options.port, options.town, options.seed, say)
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
