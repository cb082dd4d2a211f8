"""The process that holds a simulator client: `python -m envs.process.worker FD`.

Requests are (name, arguments); answers are ("ok", value) or ("error", class name, message). The
process ends when its parent does, at "close", and when the socket closes.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from envs.config import EnvConfig
from envs.errors import EnvError


def serve(channel: Connection) -> None:
    """Answer requests until "close" or the end of the channel."""
    env: Any = None
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            name, arguments = channel.recv()
            if name == "close":
                break
            try:
                if name in _MAKERS:
                    env, value = _MAKERS[name](*arguments), None
                else:
                    value = _answer(env, name, arguments)
            except EnvError as error:
                channel.send(("error", type(error).__name__, str(error)))
            except Exception as error:
                channel.send(("error", "", f"{type(error).__name__}: {error}"))
            else:
                channel.send(("ok", value))
    if env is not None:
        env.close()


def _make(config: EnvConfig, host: str, port: int, tm_port: int, render_mode: str | None) -> Any:
    try:
        from envs.carla_env import CarlaEnv
    except ImportError as error:
        raise _no_client(error) from error
    return CarlaEnv(config, host, port, render_mode, tm_port)


def _no_client(error: ImportError) -> EnvError:
    return EnvError(f"the carla client cannot be imported ({error}): pip install 'td3jax[carla]'")


def _visit(host: str, port: int, tm_port: int, config: EnvConfig) -> Any:
    try:
        from envs.world.visit import Visit
    except ImportError as error:
        raise _no_client(error) from error
    return Visit(host, port, tm_port, config)


_MAKERS: dict[str, Callable[..., Any]] = {"make": _make, "visit": _visit}


def _answer(env: Any, name: str, arguments: tuple[Any, ...]) -> Any:
    if name == "step":
        return env.step(*arguments)
    if name == "reset":
        seed, options = arguments
        return env.reset(seed=seed, options=options)
    if name == "render":
        return env.render()
    if name == "ask":
        method, *rest = arguments
        return getattr(env, method)(*rest)
    raise ValueError(f"unknown request {name!r}")


def end_with_parent(parent: int) -> None:
    """Ask Linux to kill this process when the parent dies, however it dies."""
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main(arguments: list[str]) -> None:
    """Serve the socket inherited as file descriptor FD from process PARENT."""
    descriptor, parent = int(arguments[0]), int(arguments[1])
    faulthandler.enable()
    end_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(Connection(descriptor))
    sys.stdout.flush()
    # The client library's threads may outlive its world; nothing is left to be saved here.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
