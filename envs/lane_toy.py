"""LaneToy: keep a car in a winding lane seen from above, as pure functions and as a gymnasium.Env.

Deterministic and small, for experiments on the learner: a step costs microseconds, `step` and
`render` work under jit and vmap, and the true value of any policy is one rollout away. The lateral
position and the heading are visible in the picture alone.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, NamedTuple

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from envs.task.spaces import RENDER_MODES, checked_render_mode

Array = jax.Array

HORIZON = 100
STACK = 4
VECTOR = 5
ACTION = 2
_DT = 0.1
_STEERING = 2.0  # curvature at full lock
_THRUST = 2.0  # speed per time unit at full throttle
_BEND = 0.8  # largest curvature of the lane
_PERIOD = 4.0  # arc length of one bend to the left and one to the right
_LOOK_AHEAD = (0.2, 0.4, 0.6, 0.8)
_RIDGE = 1.5  # standard deviation of the lane's line, in pixels of a 24 pixel picture
_EDGE = 0.5  # lateral position from which the lane's edge is near
_OFFSET, _SLANT, _CURVE = -8.0, -8.0, 4.0  # pixels per lateral position, heading and curvature


@dataclasses.dataclass(frozen=True)
class ToyConfig:
    """Picture size (24 or 16 in the experiments), kind of reward, whether there is a vector, and
    whether the gymnasium environment tells what only training may know: `privileged` numbers, the
    `expert`'s action, and info["stratum"], 1 near the lane's edge."""

    size: int = 24
    sparse: bool = False
    vector: bool = True
    privileged: bool = False


class State(NamedTuple):
    """Lateral position y (the lane is |y| <= 1), heading psi (rad) against the lane, speed v in
    [0, 1], arc length s, the last action (2,), and steps so far; scalars, or batched alike."""

    y: Array
    psi: Array
    v: Array
    s: Array
    action: Array
    time: Array


def curvature(s: Array) -> Array:
    """Return the lane's curvature at arc length s."""
    return _BEND * jnp.sin(2.0 * jnp.pi * s / _PERIOD)


def reset(key: Array) -> State:
    """Return a start near the middle of the lane, anywhere along it."""
    y, psi, v, s = jax.random.uniform(key, (4,), minval=-1.0, maxval=1.0)
    return State(
        y=0.5 * y,
        psi=0.3 * psi,
        v=0.5 + 0.3 * v,
        s=_PERIOD * (s + 1.0) / 2.0,
        action=jnp.zeros(ACTION),
        time=jnp.zeros((), jnp.int32),
    )


def step(config: ToyConfig, state: State, action: Array) -> tuple[State, Array, Array]:
    """Take (steering, throttle) in [-1, 1]; return the next state, reward in [-1, 1], terminated.

    Leaving the lane (|y| > 1) terminates with reward -1. Truncation, `HORIZON`, is the caller's.
    """
    action = jnp.clip(action, -1.0, 1.0)
    turn = _STEERING * action[0] - curvature(state.s)
    after = State(
        y=state.y + _DT * state.v * jnp.sin(state.psi),
        psi=state.psi + _DT * state.v * turn,
        v=jnp.clip(state.v + _DT * _THRUST * action[1], 0.0, 1.0),
        s=state.s + _DT * state.v * jnp.cos(state.psi),
        action=action,
        time=state.time + 1,
    )
    terminated = jnp.abs(after.y) > 1.0
    reward = _sparse(after) if config.sparse else _dense(after, state.action)
    return after, jnp.where(terminated, -1.0, reward), terminated


def _dense(after: State, last_action: Array) -> Array:
    jerk = 0.1 * jnp.abs(after.action - last_action).sum()
    return jnp.clip(after.v * jnp.cos(after.psi) - jnp.abs(after.y) - jerk, -1.0, 1.0)


def _sparse(after: State) -> Array:
    """Return 1 while the car drives fast in the middle of the lane, else 0."""
    return ((jnp.abs(after.y) < 0.3) & (after.v * jnp.cos(after.psi) > 0.5)).astype(jnp.float32)


def render(config: ToyConfig, state: State) -> Array:
    """Return the lane as a bright ridge on black, uint8 (size, size).

    Row r of 24 has it at column 12 + k1 y r/24 + k2 psi + k3 kappa (r/24)^2.
    """
    size = config.size
    rows, columns = jnp.arange(size) / size, jnp.arange(size)
    shift = _OFFSET * state.y * rows + _SLANT * state.psi + _CURVE * curvature(state.s) * rows**2
    centre = size / 2 + shift * size / 24
    ridge = jnp.exp(-0.5 * jnp.square((columns - centre[:, None]) / (_RIDGE * size / 24)))
    return jnp.round(255.0 * ridge).astype(jnp.uint8)


def vector(state: State) -> Array:
    """Return speed and four curvatures ahead, each in [-1, 1], float32 (5,)."""
    ahead = curvature(state.s + jnp.asarray(_LOOK_AHEAD)) / _BEND
    return jnp.concatenate([state.v[None], ahead])


def expert(state: State) -> Array:
    """Drive by a proportional-derivative rule at full throttle; action (2,)."""
    turn = curvature(state.s) - 4.0 * state.y - 3.0 * state.psi
    return jnp.clip(jnp.stack([turn / _STEERING, jnp.ones(())]), -1.0, 1.0)


def privileged(state: State) -> Array:
    """Return what only the picture shows, y and the sine of psi, and the vector: float32 (7,)."""
    return jnp.concatenate([jnp.stack([state.y, jnp.sin(state.psi)]), vector(state)])


def first_stack(frame: Array) -> Array:
    """Return the picture at a start, repeated: uint8 (size, size, 4)."""
    return jnp.repeat(frame[..., None], STACK, axis=-1)


def push(stack: Array, frame: Array) -> Array:
    """Return the stack with its oldest picture dropped and `frame` as its newest."""
    return jnp.concatenate([stack[..., 1:], frame[..., None]], axis=-1)


@functools.cache
def _compiled(config: ToyConfig) -> tuple[Any, Any, Any]:
    return (
        jax.jit(reset),
        jax.jit(functools.partial(step, config)),
        jax.jit(lambda state: (render(config, state), _numbers(config, state))),
    )


def _numbers(config: ToyConfig, state: State) -> dict[str, Array]:
    parts = {"vector": vector(state)} if config.vector else {}
    if config.privileged:
        parts |= {"privileged": privileged(state), "expert": expert(state)}
    return parts


class LaneToy(gymnasium.Env[dict[str, Any], np.ndarray[Any, Any]]):
    """LaneToy behind the gymnasium interface, one car."""

    metadata = {"render_modes": list(RENDER_MODES), "render_fps": 10}  # noqa: RUF012

    def __init__(self, config: ToyConfig | None = None, render_mode: str | None = None) -> None:
        self._config = config or ToyConfig()
        self.render_mode = checked_render_mode(render_mode)
        self._reset, self._step, self._look = _compiled(self._config)
        shape = (self._config.size, self._config.size, STACK)
        spaces: dict[str, gymnasium.Space[Any]] = {
            "image": gymnasium.spaces.Box(0, 255, shape, np.uint8)
        }
        if self._config.vector:
            spaces["vector"] = gymnasium.spaces.Box(-1.0, 1.0, (VECTOR,), np.float32)
        if self._config.privileged:
            spaces["privileged"] = gymnasium.spaces.Box(-2.0, 2.0, (2 + VECTOR,), np.float32)
            spaces["expert"] = gymnasium.spaces.Box(-1.0, 1.0, (ACTION,), np.float32)
        self.observation_space = gymnasium.spaces.Dict(spaces)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (ACTION,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode; the same seed gives the same start."""
        super().reset(seed=seed)
        key = jax.random.key(int(self.np_random.integers(2**31)))
        self._state: State = self._reset(key)
        frame, numbers = self._look(self._state)
        self._stack = np.repeat(np.asarray(frame)[..., None], STACK, axis=-1)
        return self._observation(numbers), self._info()

    def step(
        self, action: np.ndarray[Any, Any]
    ) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Take one step; truncated after `HORIZON`."""
        self._state, reward, terminated = self._step(self._state, jnp.asarray(action))
        frame, numbers = self._look(self._state)
        self._stack = np.concatenate([self._stack[..., 1:], np.asarray(frame)[..., None]], axis=-1)
        truncated = bool(self._state.time >= HORIZON) and not bool(terminated)
        told = self._observation(numbers), float(reward), bool(terminated), truncated
        return *told, self._info()

    def render(self) -> np.ndarray[Any, Any]:
        """Return the newest picture as uint8 (size, size, 3)."""
        return np.repeat(self._stack[..., -1:], 3, axis=-1)

    def _observation(self, numbers: dict[str, Array]) -> dict[str, Any]:
        parts = {name: np.asarray(part, np.float32) for name, part in numbers.items()}
        return {"image": self._stack, **parts}

    def _info(self) -> dict[str, Any]:
        return {"stratum": int(abs(self._state.y) > _EDGE)} if self._config.privileged else {}
