"""Errors of a simulator, each with one line that a person can act on."""

from __future__ import annotations


class EnvError(Exception):
    """Base of every error of this package; `str(error)` is one line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class ServerUnreachable(EnvError):
    """Nothing that speaks CARLA's protocol answers at the given host and port."""


class WrongVersion(EnvError):
    """The server's version is not the client's; their protocols differ."""


class ServerBusy(EnvError):
    """Another client ticks the server, or owns the port of our Traffic Manager."""


class UnknownMap(EnvError):
    """The server has no such town."""


class UnknownBlueprint(EnvError):
    """The server has no such vehicle, sensor or attribute."""


class UnknownWeather(EnvError):
    """The client has no such weather preset."""


class SimulatorFault(EnvError):
    """The simulator died, hung or answered out of step: drop the transition and reset."""


class SimulatorUnavailable(EnvError):
    """The simulator failed more often than the restarts allow: give up."""


_BY_NAME = {
    kind.__name__: kind
    for kind in (
        EnvError,
        ServerUnreachable,
        WrongVersion,
        ServerBusy,
        UnknownMap,
        UnknownBlueprint,
        UnknownWeather,
        SimulatorFault,
        SimulatorUnavailable,
    )
}


def rebuild(name: str, message: str) -> EnvError:
    """Return the error that another process reported by class name and message."""
    kind = _BY_NAME.get(name)
    return kind(message) if kind else SimulatorFault(f"{name}: {message}")
