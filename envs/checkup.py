"""A checkup of a running server: one finding after the other, from a client in a watched process.

The client can hang or crash, so every question has a deadline. Whatever happens, the server is
left as it was found: without actors of ours, with its settings, not in our synchronous mode.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Generator
from typing import Any

from envs.config import EnvConfig, with_options
from envs.errors import EnvError, ServerBusy, SimulatorFault
from envs.process.child import Child
from envs.process.ready import listens
from td3jax.options import suggestion

ROUND_TRIPS = 50
MOST_MILLISECONDS = 10.0  # a step waits for several calls, and its Traffic Manager for five more
WATCH_SECONDS = 2.0  # in which another client is expected to tick
CLOCK_TICKS = 20
DRIVE_TICKS, DRIVE_CHUNK = 100, 10  # a Ctrl-C is seen between two chunks
LEAST_TICKS = 5.0  # a second: below that a default run takes more than an hour
START_SECONDS = 30.0  # for the client's process and its imports, beside the connection
POPULATE_SECONDS = 120.0
LEAVE_SECONDS = 30.0
VEHICLES = 20

Settings = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Place:
    """The server to examine, our Traffic Manager's port on this machine, and the town wanted."""

    host: str
    port: int
    tm_port: int
    town: str = "Town01"
    connect_timeout: float = 10.0
    tick_timeout: float = 15.0

    @property
    def config(self) -> EnvConfig:
        """The environment's configuration with these, and with traffic."""
        return with_options(
            EnvConfig(),
            npc_vehicles=VEHICLES,
            connect_timeout=self.connect_timeout,
            tick_timeout=self.tick_timeout,
        )


@dataclasses.dataclass(frozen=True)
class Finding:
    """The outcome of a check. ok: None where it was not made; text: what was found, what to do."""

    name: str
    ok: bool | None
    text: str


class Complaint(Exception):
    """A check that fails; `blocks`: those after it cannot be made."""

    def __init__(self, text: str, blocks: bool = False) -> None:
        super().__init__(text)
        self.blocks = blocks


class Examiner:
    """The client's process, and what it has found to be put back.

    look: called at least twice a second while something is waited for; says whether the server
    lives, and may raise.
    """

    def __init__(self, place: Place, look: Callable[[], bool]) -> None:
        self.place = place
        self.found: Settings | None = None
        self.entered = False
        self.vehicles = 0
        self.driven: list[dict[str, float]] = []
        self._look = look
        self._child: Child | None = None
        self._answer_due = False

    def connect(self) -> None:
        """Start the client's process and connect."""
        place = self.place
        self._child = Child("")
        self._child.send("visit", place.host, place.port, place.tm_port, place.config)
        waits_for = f"the connection to {place.host}:{place.port}"
        self._receive(waits_for, place.connect_timeout + START_SECONDS)

    def ask(self, waits_for: str, seconds: float, method: str, *arguments: Any) -> Any:
        """Return the answer of a method of `Visit`; SimulatorFault names what was waited for."""
        if self._child is None:
            raise SimulatorFault("the client's process is gone")
        self._look()
        self._child.send("ask", method, *arguments)
        return self._receive(waits_for, seconds)

    def _receive(self, waits_for: str, seconds: float) -> Any:
        assert self._child is not None
        self._answer_due = True  # also after `look` has raised: then the answer is yet to come
        try:
            answer = self._child.receive(waits_for, seconds, self._look)
        except EnvError:
            self._answer_due = False
            if self._child.lost:
                self._kill()
            raise
        self._answer_due = False
        return answer

    def _kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    def tidy(self) -> str:
        """Put back what was changed and end the client; return what could not be put back."""
        self._look = lambda: True  # a stop that was asked for must not stop this
        try:
            return self._put_back() if self.entered else ""
        finally:
            child, self._child = self._child, None
            if child is not None:
                child.end(2.0)

    def _put_back(self) -> str:
        found, place = self.found or {}, self.place
        if not listens(place.host, place.port, 2.0):
            self._kill()
            return f"the server at {place.host}:{place.port} is gone: start it again"
        left = 0
        if self._answer_due:
            with contextlib.suppress(EnvError):
                self._receive("the question under way", LEAVE_SECONDS)
        try:
            now, left = self.ask("the end of the visit", LEAVE_SECONDS, "leave")
        except EnvError:
            now = {}
        if left or differences(found, now):
            self._kill()
            try:
                self.connect()
                now = self.ask("the old settings", LEAVE_SECONDS, "repair", found)
            except EnvError as error:
                return f"{error}: restart the server"
        changed = differences(found, now)
        return f"{'; '.join(changed)}: restart the server" if changed else ""


def examine(place: Place, clean: bool, look: Callable[[], bool]) -> Generator[Finding, None, None]:
    """Yield a finding for each check of a server; it is left as it was found, however this ends.

    clean: remove actors and synchronous mode that other clients have left. An end before the last
    finding raises SimulatorFault where something could not be put back.
    """
    examiner = Examiner(place, look)
    tidied = False
    try:
        blocked = ""
        for name, check in CHECKS.items():
            if blocked:
                yield Finding(name, None, f"not checked, for {blocked} fails")
                continue
            finding, blocks = _made(name, check, examiner, clean)
            blocked = name if blocks else ""
            yield finding
        tidied = True
        wrong = examiner.tidy()
        if examiner.entered:
            good = "no actors of ours, settings and mode as they were found"
            yield Finding("left as found", not wrong, wrong or good)
    finally:
        wrong = "" if tidied else examiner.tidy()
        if wrong:
            raise SimulatorFault(f"the server could not be left as it was found: {wrong}")


Check = Callable[[Examiner, bool], str]


def _made(name: str, check: Check, examiner: Examiner, clean: bool) -> tuple[Finding, bool]:
    """Make a check; return its finding, and whether those after it cannot be made."""
    try:
        return Finding(name, True, check(examiner, clean)), False
    except Complaint as complaint:
        return Finding(name, False, str(complaint)), complaint.blocks
    except EnvError as error:
        return Finding(name, False, f"{error}{_advice(error)}"), True


def _advice(error: EnvError) -> str:
    """Return what to do where the message does not say it."""
    if not isinstance(error, SimulatorFault):
        return ""
    return "; try once more, as training would, and restart the server if it comes again"


def _server(examiner: Examiner, clean: bool) -> str:
    examiner.connect()
    patience = examiner.place.tick_timeout
    version = examiner.ask("the version", patience, "version")
    return f"CARLA {version} at {examiner.place.host}:{examiner.place.port}, as the client"


def _round_trip(examiner: Examiner, clean: bool) -> str:
    seconds = examiner.place.tick_timeout
    found = examiner.ask(f"{ROUND_TRIPS} round trips", seconds, "round_trip", ROUND_TRIPS)
    if found > MOST_MILLISECONDS:
        raise Complaint(
            f"{found:.1f} ms, over {MOST_MILLISECONDS:g}: run the trainer on the server's machine, "
            "or free that machine of other work"
        )
    return f"{found:.2f} ms, the median of {ROUND_TRIPS}"


def _towns(examiner: Examiner, clean: bool) -> str:
    wanted = examiner.place.town
    loaded, towns = examiner.ask("the list of towns", examiner.place.tick_timeout, "towns")
    if wanted not in towns:
        near = suggestion(wanted, towns)
        raise Complaint(f"it has {', '.join(towns)}, and no {wanted}: choose one by --town{near}")
    return f"{wanted} is among {len(towns)}: {', '.join(towns)}; {loaded} is loaded"


def _alone(examiner: Examiner, clean: bool) -> str:
    """Remove what others have left, or complain of it; note the settings to be put back."""
    place = examiner.place
    settings = examiner.ask("the settings", place.tick_timeout, "settings")
    if settings["synchronous_mode"]:
        seconds = WATCH_SECONDS + place.tick_timeout
        if examiner.ask("frames of another client", seconds, "ticked_by_others", WATCH_SECONDS):
            raise ServerBusy("another client ticks the server: stop it, or check another server")
        if not clean:
            raise Complaint(
                "the server is in synchronous mode and nobody ticks it: a client has died, or one "
                "pauses. Where none of yours runs, --clean sets the server free",
                blocks=True,
            )
    said = _cleared(examiner) if clean else _found_empty(examiner)
    examiner.found = examiner.ask("the settings", place.tick_timeout, "settings")
    return said


def _cleared(examiner: Examiner) -> str:
    removed, left = examiner.ask("the removal of actors", LEAVE_SECONDS, "clear")
    if any(left.values()):
        raise Complaint(f"{_listed(left)} cannot be removed: restart the server", blocks=True)
    return f"removed {_listed(removed)}" if any(removed.values()) else "there was nothing to remove"


def _found_empty(examiner: Examiner) -> str:
    counts = examiner.ask("the list of actors", 2.0 * examiner.place.tick_timeout, "actors")
    ours = counts.pop("ours")
    if not any(counts.values()):
        return "no vehicles, walkers or sensors of others"
    whose = f", {ours} of them of td3jax" if ours else ""
    raise Complaint(
        f"there are {_listed(counts)}{whose}: a client is at work, or has left them. Where none of "
        "yours runs, --clean removes them",
        blocks=True,
    )


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)


def _synchronous(examiner: Examiner, clean: bool) -> str:
    place = examiner.place
    examiner.entered = True
    examiner.ask("synchronous mode", 4.0 * place.tick_timeout, "enter")
    step = place.config.task.tick_seconds
    return f"the server waits for each tick, with a fixed step of {step:g} s"


def _clock(examiner: Examiner, clean: bool) -> str:
    place = examiner.place
    step = place.config.task.tick_seconds
    seconds = place.tick_timeout + CLOCK_TICKS * step
    steps = examiner.ask(f"{CLOCK_TICKS} ticks", seconds, "clock", CLOCK_TICKS)
    worst = max(steps, key=lambda found: abs(found - step))
    if not math.isclose(worst, step, abs_tol=1e-4):
        raise Complaint(
            f"a tick took {worst:.4f} s of simulated time, not {step:g}: another client changes "
            "the settings, or the server was started with -benchmark -fps"
        )
    return f"{len(steps)} ticks, each of {step:g} s of simulated time"


def _drive(examiner: Examiner, clean: bool) -> str:
    """Tick with what training has in the world, in pieces: a Ctrl-C is seen between them."""
    patience = examiner.place.tick_timeout
    waits = f"an ego with a camera and {VEHICLES} vehicles"
    examiner.vehicles = examiner.ask(waits, POPULATE_SECONDS, "populate")
    waits = f"{DRIVE_CHUNK} ticks with a camera and {examiner.vehicles} vehicles"
    for _ in range(DRIVE_TICKS // DRIVE_CHUNK):
        examiner.driven.append(examiner.ask(waits, 2.0 * patience, "drive", DRIVE_CHUNK))
    speed = DRIVE_TICKS / sum(piece["seconds"] for piece in examiner.driven)
    if not examiner.driven[-1]["contrast"]:
        raise Complaint(
            "the camera's pictures are of one colour: start the server with -RenderOffScreen, "
            "not -nullrhi, on a GPU"
        )
    if speed < LEAST_TICKS:
        raise Complaint(
            f"{speed:.1f} ticks/s: start the server with -quality-level=Low, see that it uses a "
            "GPU (nvidia-smi), or take fewer vehicles (--npc_vehicles)"
        )
    return f"{speed:.0f} ticks/s with a camera and {examiner.vehicles} vehicles"


def _traffic(examiner: Examiner, clean: bool) -> str:
    moved, port = examiner.driven[-1]["moved"], examiner.place.tm_port
    if not moved:
        raise Complaint(
            f"none of {examiner.vehicles} vehicles has moved: choose another port by --tm_port "
            f"(training: --tm_port_offset), {port} may be known to the server from a dead client"
        )
    return f"at port {port} of this machine; {moved:g} of {examiner.vehicles} vehicles drive"


CHECKS: dict[str, Check] = {
    "server": _server,
    "round trip": _round_trip,
    "towns": _towns,
    "other clients": _alone,
    "synchronous mode": _synchronous,
    "clock": _clock,
    "ticks": _drive,
    "Traffic Manager": _traffic,
}


def differences(before: Settings, after: Settings) -> list[str]:
    """Return "name: was X, is Y" of settings that are not as they were."""

    def same(a: Any, b: Any) -> bool:
        if isinstance(a, float) and isinstance(b, float):
            return math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-9)
        return bool(a == b)

    return [
        f"{name}: was {value}, is {after.get(name)}"
        for name, value in before.items()
        if not same(value, after.get(name))
    ]
