"""The environment in a process of its own, watched from outside.

A call can hang forever inside the client library, and a crash there takes its process with it.
So the client runs in a child with a deadline on every call; a child that misses it is killed, the
caller gets SimulatorFault, and the next `reset` starts a new child and, where the server is ours, a
new server.
"""

from __future__ import annotations

import collections
import contextlib
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from envs.config import EnvConfig, ServerConfig, with_options
from envs.errors import EnvError, ServerUnreachable, SimulatorFault, SimulatorUnavailable
from envs.process import server as servers
from envs.process.child import Child
from envs.process.ready import Say
from envs.process.server import Server
from envs.task import spaces
from envs.task.observation import Observation

TIDY_SECONDS = 5.0  # how long `close` waits for a foreign server that has just failed
MARGIN = 5.0  # s beyond the client's own time-outs before the child counts as hung
# s for what takes the stand-in milliseconds and seconds, before the child counts as hung
STANDIN_STEP, STANDIN_RESET = 10.0, 60.0
TM_PORTS = 40  # a foreign server remembers the Traffic Manager of a dead client: take the next
Info = dict[str, Any]
Step = tuple[Observation, float, bool, bool, Info]


class SupervisedCarlaEnv(gymnasium.Env[Any, np.ndarray]):
    """CarlaEnv behind a process boundary; starts the server when the configuration has no host.

    `step_async(action)` and `step_wait()` are the halves of `step`, for a caller that has other
    work while the simulator ticks. `faults` counts SimulatorFaults so far. `say` gets lines about
    what the start of our server waits for.
    """

    def __init__(
        self, config: EnvConfig, render_mode: str | None = None, say: Say = lambda line: None
    ) -> None:
        self.config = config
        self._say = say
        self.metadata = spaces.metadata(config)
        self.render_mode = spaces.checked_render_mode(render_mode)
        self.observation_space = spaces.observation_space(config)
        self.action_space = spaces.action_space()
        self.faults = 0
        self.server: Server | None = None
        self.child: Child | None = None
        self._waiting = False
        self._budget = RestartBudget(config.server)
        self._starts = 0
        self._episodes = 0
        self._reached = False  # whether any simulator has ever answered
        self._failure: EnvError | None = None
        self._may_leave_actors = False  # whether a killed child may have left actors behind

    def reset(
        self, *, seed: int | None = None, options: Info | None = None
    ) -> tuple[Observation, Info]:
        """Start an episode, restarting what has failed; options as in CarlaEnv.

        The child is always told a seed, drawn here, so that its death loses no random state.
        Raises SimulatorUnavailable after too many restarts within an hour.
        """
        super().reset(seed=seed)
        options = dict(options or {})
        options.setdefault("place_traffic", seed is not None)
        drawn, failed = self._draw(), False
        self._settle()
        self._restart_if_due()
        while True:
            self._charge_restart()
            try:
                self._ensure_child(self.config)
                observation, info = self._call("reset", self._reset_seconds(), drawn, options)
            except (SimulatorFault, ServerUnreachable) as error:
                self._recover(error)
                drawn = self._draw() if failed else drawn  # no start is tried forever
                failed = True
                continue
            self._budget.succeeded()
            self._reached = True
            self._episodes += 1
            info["sim_faults"] = self.faults
            return observation, info

    def step(self, action: np.ndarray) -> Step:
        """Hold the action for `action_ticks` ticks; SimulatorFault when the simulator failed."""
        self.step_async(action)
        return self.step_wait()

    def step_async(self, action: np.ndarray) -> None:
        """Send the action; `step_wait` must follow before anything else."""
        if self._waiting:
            raise RuntimeError("step_async called twice without step_wait")
        action = spaces.checked_action(action)
        self._send("step", action)
        self._waiting = True

    def step_wait(self) -> Step:
        """Return the transition of the action that `step_async` sent."""
        if not self._waiting:
            raise RuntimeError("step_wait called without step_async")
        self._waiting = False
        seconds = 2.0 * self.config.server.tick_timeout + MARGIN
        result: Step = self._receive("step", self._at_most(STANDIN_STEP, seconds))
        return result

    def render(self) -> Any:
        """Return uint8 (H, W, 3) of this tick; see CarlaEnv."""
        return self._call("render", self.config.server.tick_timeout + MARGIN)

    def pictures(self) -> list[np.ndarray]:
        """Return the pictures of each tick since the last call; see CarlaEnv."""
        seconds = self.config.server.tick_timeout + MARGIN
        taken: list[np.ndarray] = self._call("ask", seconds, "pictures")
        return taken

    def close(self) -> None:
        """End the child and our server; nothing is left running.

        On a server that is not ours a killed child may have left actors: a last one removes them.
        """
        if self._may_leave_actors and self.config.server.host:
            brief = min(self.config.server.connect_timeout, TIDY_SECONDS)
            with contextlib.suppress(EnvError):
                self._ensure_child(with_options(self.config, connect_timeout=brief))
        child, self.child = self.child, None
        self._waiting = False
        if child is not None:
            child.end(self.config.server.tick_timeout + MARGIN)
        if self.server is not None:
            self.server.stop()
            self.server = None

    def _settle(self) -> None:
        """Take in the answer to a step that nobody waited for."""
        if self._waiting:
            with contextlib.suppress(SimulatorFault):
                self.step_wait()

    def _draw(self) -> int:
        return int(self.np_random.integers(2**31))

    def _reset_seconds(self) -> float:
        server = self.config.server
        seconds = server.load_timeout + 4.0 * server.tick_timeout + MARGIN
        return self._at_most(STANDIN_RESET, seconds)

    def _at_most(self, standin: float, seconds: float) -> float:
        """Return `seconds`, or less where the server is the stand-in."""
        server = self.config.server
        return seconds if server.host or server.server_command else min(seconds, standin)

    def _ensure_child(self, config: EnvConfig) -> None:
        if self.child is not None and self.child.alive() and self._healthy():
            return
        self._kill_child()
        host, port = self._address()
        own = config.server
        offset = config.traffic.tm_port_offset if own.host else servers.TM_PORT_OFFSET
        tm_port = port + offset + self._starts % TM_PORTS
        self._starts += 1
        self.child = Child(own.server_log)
        seconds = own.connect_timeout + own.load_timeout + MARGIN
        try:
            self._call("make", seconds, config, host, port, tm_port, self.render_mode)
        except EnvError as error:
            self._kill_child()
            if isinstance(error, ServerUnreachable) and self.server is not None:
                raise ServerUnreachable(f"{error}; {self._last_words()}") from error
            raise
        self._may_leave_actors = False

    def _address(self) -> tuple[str, int]:
        own = self.config.server
        if own.host:
            return own.host, own.port
        if self.server is None or not self.server.alive():
            self._kill_server()
            self.server = servers.start(self.config, self._say)
        return self.server.host, self.server.port

    def _last_words(self) -> str:
        log = self.config.server.server_log
        return servers.last_words(Path(log) if log else None)

    def _healthy(self) -> bool:
        return self.server is None or self.server.alive()

    def _call(self, name: str, seconds: float, *arguments: Any) -> Any:
        self._send(name, *arguments)
        return self._receive(name, seconds)

    def _send(self, name: str, *arguments: Any) -> None:
        with self._counted():
            self._live_child().send(name, *arguments)

    def _receive(self, name: str, seconds: float) -> Any:
        with self._counted():
            return self._live_child().receive(name, seconds, self._healthy)

    def _live_child(self) -> Child:
        if self.child is None:
            raise EnvError("there is no simulator: reset the environment")
        return self.child

    @contextlib.contextmanager
    def _counted(self) -> Any:
        """Count a fault, and kill the child and our server: either may be hung."""
        try:
            yield
        except SimulatorFault as error:
            self.faults += 1
            self._failure = error
            self._may_leave_actors = True
            self._kill_child()
            self._kill_server()
            raise

    def _recover(self, error: EnvError) -> None:
        """Clear up after a failed start; what has never worked is not tried again."""
        self._kill_child()
        self._kill_server()
        if isinstance(error, ServerUnreachable) and not self._reached:
            raise error
        self._failure = error

    def _charge_restart(self) -> None:
        """Charge a start that follows a failure to the budget, so that a crash loop ends."""
        failure, self._failure = self._failure, None
        if failure is None:
            return
        try:
            self._budget.spend(failure)
        except SimulatorUnavailable as error:
            if isinstance(failure, ServerUnreachable) or self.config.server.host:
                raise
            raise SimulatorUnavailable(f"{error}; {self._last_words()}") from failure

    def _kill_child(self) -> None:
        child, self.child = self.child, None
        self._waiting = False
        if child is not None:
            child.kill()

    def _kill_server(self) -> None:
        server, self.server = self.server, None
        if server is not None:
            server.kill()

    def _restart_if_due(self) -> None:
        """Restart between episodes, as planned for simulators that grow with time."""
        limits = self.config.server
        if self.server is None or self.child is None:
            return
        due = bool(limits.restart_episodes) and self._episodes >= limits.restart_episodes
        if limits.restart_megabytes:
            used = max(self.server.megabytes(), servers.resident_megabytes(self.child.pid))
            due = due or used > limits.restart_megabytes
        if due:
            self.close()
            self._episodes = 0


class RestartBudget:
    """Restarts within an hour, limited, with growing pauses between failures in a row."""

    def __init__(self, limits: ServerConfig) -> None:
        self._limits = limits
        self._spent: collections.deque[float] = collections.deque()
        self._in_a_row = 0

    def succeeded(self) -> None:
        """Count the next failure as the first in a row again."""
        self._in_a_row = 0

    def spend(self, error: EnvError) -> None:
        """Count a restart and pauses; SimulatorUnavailable when too many fell in an hour."""
        now = time.monotonic()
        self._spent.append(now)
        while now - self._spent[0] > 3600.0:
            self._spent.popleft()
        if len(self._spent) > self._limits.restarts_per_hour:
            raise SimulatorUnavailable(
                f"gave up after {len(self._spent) - 1} restarts within an hour; last: {error}"
            ) from error
        if self._in_a_row:
            pause = self._limits.restart_backoff * 2.0 ** (self._in_a_row - 1)
            time.sleep(min(pause, 60.0))
        self._in_a_row += 1
