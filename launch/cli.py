"""What every command does with errors: one line on stderr and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from envs.errors import EnvError
from launch.errors import BAD_INPUT, FAILED, INTERRUPTED, LaunchError
from td3jax.errors import BadCheckpoint


def wants_help(argv: Sequence[str]) -> bool:
    """Whether a person asks for the flags."""
    return any(word in ("--help", "-help", "-h", "--helpfull") for word in argv)


def guarded(name: str, body: Callable[[], int]) -> int:
    """Runs a command; expected errors become one line and an exit code."""
    try:
        return body()
    except LaunchError as error:
        return _tell(name, str(error), error.exit_code)
    except BadCheckpoint as error:
        return _tell(name, str(error), BAD_INPUT)
    except EnvError as error:
        return _tell(name, str(error), FAILED)
    except OSError as error:
        return _tell(name, f"{error.filename or 'output'}: {error.strerror or error}", FAILED)
    except KeyboardInterrupt:
        return _tell(name, "aborted; checkpoints are intact", INTERRUPTED)


def _tell(name: str, line: str, code: int) -> int:
    print(f"{name}: {line}", file=sys.stderr)
    return code
