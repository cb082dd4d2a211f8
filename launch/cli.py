"""The entry of every command: flags, help, errors as one line on stderr, and an exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from envs.errors import EnvError
from launch.config.flags import Command
from launch.errors import BAD_INPUT, DONE, FAILED, INTERRUPTED, LaunchError
from td3jax.errors import BadCheckpoint

Body = Callable[[dict[str, Any]], int]
_OURS = ("td3jax", "launch", "envs")
_EXTRAS = "pip install 'td3jax[carla]' brings what this needs, td3jax[gym] does without CARLA"


def run_command(command: Command, argv: Sequence[str] | None, body: Body) -> int:
    """Parse the flags and run `body` with those that were given; returns the exit code.

    argv: the words after the command's name; None = those of this process.
    """
    words = sys.argv[1:] if argv is None else argv
    wanted = command.wanted_help(words)
    if wanted:
        print(command.help(everything=wanted == "helpfull"), end="")
        return DONE
    return guarded(command.name, lambda: body(command.parse(words)))


def guarded(name: str, body: Callable[[], int]) -> int:
    """Run a command; expected errors become one line and an exit code."""
    try:
        return body()
    except LaunchError as error:
        return _tell(name, str(error), error.exit_code)
    except BadCheckpoint as error:
        return _tell(name, str(error), BAD_INPUT)
    except EnvError as error:
        return _tell(name, str(error), FAILED)
    except OSError as error:
        return _tell(name, _os_error(error), FAILED)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _OURS:
            raise
        return _tell(name, f"{error.name} is not installed: {_EXTRAS}", BAD_INPUT)
    except KeyboardInterrupt:
        return _tell(name, "aborted; checkpoints are intact", INTERRUPTED)


def _os_error(error: OSError) -> str:
    if error.filename is not None:
        return f"{error.filename}: {error.strerror or error}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}, line {frame.lineno}"
    return f"{type(error).__name__}: {error.strerror or error} ({where})"


def _tell(name: str, line: str, code: int) -> int:
    print(f"{name}: {' '.join(line.split())}", file=sys.stderr)
    return code
