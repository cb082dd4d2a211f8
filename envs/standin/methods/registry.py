"""The table from RPC method name to the function that serves it."""

from __future__ import annotations

import struct
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from envs.standin.rpc import VOID_DONE, RpcFailure, failure, success, void_failure
from envs.standin.simulation import Simulation

Function = Callable[..., Any]


@dataclass(frozen=True)
class Method:
    """The function that serves a call, and the way its answer is wrapped."""

    function: Function
    void: bool
    bare: bool = False


TABLE: dict[str, Method] = {}


def value(*names: str) -> Callable[[Function], Function]:
    """Registers a function `(simulation, *arguments)` whose result goes into `Response<T>`."""
    return _register(names, void=False)


def void(*names: str) -> Callable[[Function], Function]:
    """Registers a function whose answer is `Response<void>`."""
    return _register(names, void=True)


def bare(*names: str) -> Callable[[Function], Function]:
    """Registers a function whose result is sent without a wrapper."""
    return _register(names, void=False, bare=True)


def _register(
    names: tuple[str, ...], void: bool, bare: bool = False
) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        for name in names:
            TABLE[name] = Method(function, void, bare)
        return function

    return register


def call(simulation: Simulation, name: str, arguments: list[Any]) -> Any:
    """Serves one request; whatever goes wrong becomes a failure response that names the call."""
    method = TABLE.get(name)
    if method is None:
        return failure(f"{name}: not supported by this server")
    try:
        result = method.function(simulation, *arguments)
    except RpcFailure as error:
        text = str(error)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError, struct.error) as error:
        reason = error.args[0] if error.args else error
        text = f"{name}: bad argument: {reason}"
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        print(
            f"standin: {name} failed: {error!r} ({at.filename}:{at.lineno}); the server goes on. "
            "This is a fault of the stand-in: please report this line",
            file=sys.stderr,
        )
        text = f"{name}: internal error: {error}"
    else:
        if method.bare:
            return result
        return VOID_DONE if method.void else success(result)
    if method.bare:
        return [failure(text)]
    return void_failure(text) if method.void else failure(text)
