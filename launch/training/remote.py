"""Simulators on several hosts: each an environment in a Ray actor, which this process steps.

Policy, seeds, replay buffer and all rules stay here, in rounds and with --overlap: actions travel
there, observations back. With --policy_on_collectors the weights travel there, and pieces of
episodes back. An actor or a host that dies is a simulator fault.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import gymnasium
import numpy as np

import td3jax
from envs.errors import EnvError, SimulatorFault, SimulatorUnavailable
from envs.supervised import RestartBudget
from launch.config.run import LOCAL, LoopConfig, RunConfig, is_address, parse_address
from launch.errors import BadInput, LaunchError
from launch.training.environments import Env, Say, in_halves, make_env

if TYPE_CHECKING:  # an actor without a policy needs no jax
    from launch.training.pieces import Piece, PolicyCopy, Weights

_INSTALL = "pip install 'td3jax[scale]'"
_START = "ray start --head, or ray start --address=HEAD:6379, makes this machine part of a cluster"
_REACH_SECONDS = 5.0
_ANSWER_SECONDS = 600.0  # with a simulator's own restarts; Ray tells by itself of what has died
_TELL_SECONDS = 20.0  # until a start that takes long is told
_CLOSE_SECONDS = 30.0
_STORE_BYTES = 100 * 2**20  # of a cluster of this machine alone: hardly anything is stored
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to Ray's makers
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # simulators render on GPUs that Ray gives nobody
}


class About(NamedTuple):
    """An environment as its actor describes it."""

    version: str
    host: str
    observation_space: gymnasium.Space[Any]
    action_space: gymnasium.Space[Any]
    metadata: dict[str, Any]
    render_mode: str | None


class Host:
    """The environment in the actor's process; all calls come in the thread that makes it."""

    def __init__(self, config: RunConfig, index: int) -> None:
        self._config, self._index = config, index
        self._env: Env | None = None
        self._seen: Any = None
        self._policy: PolicyCopy | None = None

    def make(self) -> About:
        """Make the environment; in a call of its own, whose errors Ray hands on."""
        os.environ.setdefault("JAX_PLATFORMS", "cpu")  # the accelerator is the learner's
        folder = Path(tempfile.gettempdir()) / f"td3jax-{os.getuid()}"
        log = folder / f"simulator-{self._index}.log"
        self._env = env = make_env(self._config, log, index=self._index)
        spaces, name = (env.observation_space, env.action_space), socket.gethostname()
        return About(td3jax.__version__, name, *spaces, env.metadata, env.render_mode)

    def reset(self, seed: int | None, options: dict[str, Any] | None) -> Any:
        """Return the first observation and info; options are for simulators."""
        assert self._env is not None
        known = options if in_halves(self._env) else None
        self._seen, info = self._env.reset(seed=seed, options=known)
        return self._seen, info

    def step(self, action: np.ndarray) -> Any:
        """Return the transition."""
        assert self._env is not None
        self._seen, *rest = self._env.step(action)
        return self._seen, *rest

    def drive(self, version: int, weights: Any, noise: np.ndarray) -> Piece:
        """Return a piece of the episode by the policy of so many updates."""
        import jax

        from launch.training.pieces import PolicyCopy, drive

        assert self._env is not None
        if self._policy is None:
            jax.config.update("jax_platforms", "cpu")  # its variable may have come too late
            self._policy = PolicyCopy(self._config.loop)
        self._policy.take(version, weights)
        channels = self._env.metadata.get("frame_channels", 1)
        piece = drive(self._env, self._seen, self._policy, noise, channels)
        if piece.steps:
            _, (self._seen, *_) = piece.steps[-1]
        return piece

    def render(self) -> Any:
        """Return the picture."""
        assert self._env is not None
        return self._env.render()

    def close(self) -> None:
        """Close the environment."""
        if self._env is not None:
            self._env.close()

    def process(self) -> int:
        """Return the actor's process id."""
        return os.getpid()


class RemoteEnv(gymnasium.Env[Any, np.ndarray]):
    """An environment in an actor, its step in two halves; the next reset replaces a lost actor.

    `ready` has to be called before anything else.
    """

    def __init__(self, config: RunConfig, index: int, say: Say = lambda line: None) -> None:
        self._config, self._index, self._say = config, index, say
        self.name = f"collector {index}"
        self._budget = RestartBudget(config.env.server)
        self._failure: SimulatorFault | None = None  # of an actor that is lost
        self._stepping: Any = None
        self._create()

    def ready(self) -> None:
        """Wait for the environment, and take over what it says of itself."""
        import ray

        done, _ = ray.wait([self._making], timeout=_TELL_SECONDS)
        if not done:
            self._say(f"{self.name} waits for a free CPU of the cluster, or its simulator")
        about: About = self._answer(self._making)
        self.name = f"collector {self._index} on {about.host}"
        if about.version != td3jax.__version__:
            raise BadInput(
                f"{self.name} has td3jax {about.version}, this process {td3jax.__version__}: "
                "install the same on all hosts"
            )
        self.observation_space, self.action_space = about.observation_space, about.action_space
        self.metadata, self.render_mode = about.metadata, about.render_mode
        self._made = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode, in a new actor where the last was lost.

        Raises SimulatorUnavailable after too many restarts within an hour.
        """
        self._settle()
        lost = self._failure
        if lost is not None:
            self._budget.spend(lost)
            self._create()
        try:
            if lost is not None:
                self.ready()
            first: tuple[Any, dict[str, Any]] = self._answer(
                self._actor.reset.remote(seed, options)
            )
        except BadInput as error:
            if lost is None:
                raise
            raise SimulatorUnavailable(str(error)) from error  # a checkpoint is worth keeping
        self._budget.succeeded()
        return first

    def step(self, action: np.ndarray) -> Any:
        """Return the transition of an action."""
        self.step_async(action)
        return self.step_wait()

    def step_async(self, action: np.ndarray) -> None:
        """Send the action; `step_wait` must follow before anything else."""
        self._stepping = self._actor.step.remote(action)

    def step_wait(self) -> Any:
        """Return the transition of the action that `step_async` sent."""
        sent, self._stepping = self._stepping, None
        return self._answer(sent)

    def drive(self, weights: Weights, noise: np.ndarray) -> Piece:
        """Return a piece that the actor drives: a step for each row of noise, at most."""
        asked = self._actor.drive.remote(weights.version, weights.place, noise)
        piece: Piece = self._answer(asked)
        if piece.fault:
            self._say(f"{self.name}: {piece.fault}")
        return piece

    def render(self) -> Any:
        """Return the picture of this step."""
        return self._answer(self._actor.render.remote())

    def close(self) -> None:
        """Close the environment, and end its actor."""
        import ray

        self._stepping = None
        if self._made:
            with contextlib.suppress(ray.exceptions.RayError):
                ray.get(self._actor.close.remote(), timeout=_CLOSE_SECONDS)
        self._kill()

    def process(self) -> int:
        """Return the process id of the actor, on its host."""
        number: int = self._answer(self._actor.process.remote())
        return number

    def _create(self) -> None:
        import ray

        place = {"num_cpus": 1, "resources": _beside(self._config.loop, self._index)}
        made = ray.remote(Host).options(scheduling_strategy="SPREAD", max_restarts=0, **place)
        self._actor = made.remote(self._config, self._index)
        self._making = self._actor.make.remote()
        self._made, self._failure = False, None

    def _settle(self) -> None:
        """Take in the answer to a step that nobody waited for."""
        if self._stepping is not None:
            with contextlib.suppress(SimulatorFault):
                self.step_wait()

    def _answer(self, sent: Any) -> Any:
        """Wait for an answer; the environment's own errors, or SimulatorFault for a lost actor."""
        import ray

        try:
            return ray.get(sent, timeout=_ANSWER_SECONDS)
        except ray.exceptions.RayTaskError as error:
            fault = self._own(error.cause)
        except ray.exceptions.RayError as error:
            self._kill()
            fault = self._failure = SimulatorFault(f"{self.name}: {_in_a_line(error)}")
        if isinstance(fault, SimulatorFault):
            self._say(str(fault))
        raise fault

    def _own(self, error: Exception) -> Exception:
        """An error of the actor as one of ours that names it; of others, no retry is any use."""
        if isinstance(error, LaunchError):
            return error
        if isinstance(error, EnvError):
            return type(error)(f"{self.name}: {error}")
        words = _in_a_line(error)
        return SimulatorUnavailable(f"{self.name}: {type(error).__name__}: {words}")

    def _kill(self) -> None:
        import ray

        with contextlib.suppress(ray.exceptions.RayError):
            ray.kill(self._actor)


def put(value: Any) -> Any:
    """Put a value into the cluster's object store; actors get it for the reference returned."""
    import ray

    return ray.put(value)


def _beside(loop: LoopConfig, index: int) -> dict[str, float]:
    """The resource that puts an actor on the host of its one of --servers, where Ray has it."""
    import ray

    if not loop.servers:
        return {}
    host, _ = parse_address(loop.servers[index])
    with contextlib.suppress(OSError):
        host = socket.gethostbyname(host)
    node = f"node:{host}"
    return {node: 0.001} if node in ray.cluster_resources() else {}


def _in_a_line(error: Exception) -> str:
    """Return what Ray says, without its advice: the first line, or the last of a traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    told = lines[-1] if any(line.startswith("Traceback") for line in lines) else lines[0]
    return told.rstrip(".")


def remote_envs(config: RunConfig, say: Say = lambda line: None) -> list[RemoteEnv]:
    """Make one environment for each simulator, all at once; none stays where one cannot be made."""
    _check_size(config.loop)
    with contextlib.ExitStack() as made:
        envs = []
        for index in range(config.loop.simulators):
            envs.append(RemoteEnv(config, index, say))
            made.callback(envs[-1].close)
        for env in envs:
            env.ready()
        made.pop_all()
    return envs


@contextlib.contextmanager
def cluster(loop: LoopConfig) -> Iterator[None]:
    """Be connected to the Ray cluster, or to one that is started on this machine, in the block."""
    for name, text in _QUIET.items():
        os.environ.setdefault(name, text)
    try:
        import ray
    except ImportError as error:
        raise BadInput(f"--ray_address: ray cannot be imported ({error}): {_INSTALL}") from error
    how: dict[str, Any] = {"address": loop.ray_address}
    if loop.ray_address == LOCAL:
        how |= {"num_cpus": loop.simulators, "include_dashboard": False}
        how |= {"object_store_memory": _STORE_BYTES}
    else:
        _check_reached(loop.ray_address)
    stop = signal.getsignal(signal.SIGTERM)  # Ray puts its own in its place
    try:
        ray.init(**how, log_to_driver=False, logging_level="CRITICAL")
    except Exception as error:  # a time-out of Ray's start is of no other class
        remedy = "the logs of its session say more" if loop.ray_address == LOCAL else _START
        line = f"--ray_address={loop.ray_address}: {_in_a_line(error)}; {remedy}"
        raise BadInput(line) from error
    finally:
        signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        ray.shutdown()


def _check_reached(address: str) -> None:
    """BadInput where nothing listens; Ray would try for minutes."""
    if not is_address(address):
        return
    try:
        socket.create_connection(parse_address(address), _REACH_SECONDS).close()
    except OSError as error:
        raise BadInput(f"--ray_address={address}: no Ray cluster there ({error})") from error


def _check_size(loop: LoopConfig) -> None:
    import ray

    cpus = ray.cluster_resources().get("CPU", 0.0)
    if cpus < loop.simulators:
        raise BadInput(
            f"--collectors={loop.simulators}: the Ray cluster has {cpus:g} CPUs, one for each; "
            "ray start --num-cpus=N says how many a host is to have"
        )
