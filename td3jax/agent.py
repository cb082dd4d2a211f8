"""The agent as people call it: `act`, `update`, `update_many`, jitted over one train state.

Each works inside the caller's jit, scan, vmap or grad too, where it is traced into the caller's
program; at the top level it is a compiled program of its own, with the backend's best options.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import get_opaque_trace_state

from td3jax import networks, td3
from td3jax.batch import Batch, Observation, critic_view, policy_view
from td3jax.config import AgentConfig, Spaces
from td3jax.conv import compiler_options
from td3jax.metrics import WORST
from td3jax.networks import Params
from td3jax.state import Metrics, Network, TrainState
from td3jax.td3 import TD3, Rules

Updated = tuple[TrainState, Metrics]
_TOP_LEVEL = get_opaque_trace_state(convention="flax")


def act(state: TrainState, observation: Observation) -> jax.Array:
    """Return the policy's actions without noise, float32 (B, A) in [-1, 1].

    observation: {"image": uint8 (B, H, W, C), "vector": float32 (B, V)}, parts as in Spaces; one
    with "privileged" or "expert" is refused.
    """
    if _inside_transformation():
        return state.networks.actor(state.policy_params, observation)
    run = _compiled_act(state.config, state.spaces)
    return run(state.actor.params, _shared(state), observation)


def weights(state: TrainState) -> TrainState:
    """Return the state with nothing in it but what `act` reads: a fifth of it or less.

    It acts as the whole does and cannot be updated.
    """
    return state.replace(
        actor=Network(state.actor.params, {}, ()),
        critic=Network(_shared(state), {}, ()),
        actor_metrics={},
        health={},
    )


def values(state: TrainState, observation: Observation) -> jax.Array:
    """Return the smaller twin Q of the policy's own actions, float32 (B,).

    The observation is a training's: with "privileged" where the critic reads it.
    """
    if _inside_transformation():
        return _values(state, observation)
    return _compiled(_values, False)(state, observation)


def twin_values(state: TrainState, observation: Observation) -> jax.Array:
    """Return both twins' Q of the policy's own actions, float32 (2, B); else as `values`."""
    if _inside_transformation():
        return _twin_values(state, observation)
    return _compiled(_twin_values, False)(state, observation)


def update(
    state: TrainState,
    batch: Batch,
    scalars: bool = True,
    donate: bool = False,
    rules: Rules = TD3,
) -> Updated:
    """Take one gradient step; return the new state and device scalars, named as in the logs.

    scalars=False compiles a leaner step (equal up to rounding) and returns only
    "train/critic_loss" and `metrics.WORST`, which are of this step alone. Actor metrics are of the
    last measured actor step, so measure `policy_delay` steps in a row. donate=True reuses the
    memory of `state`: do not use it again.
    """
    step = _step(rules, scalars)
    if _inside_transformation():
        return step(state, batch)
    return _compiled(step, donate)(state, batch)


def update_many(
    state: TrainState,
    batches: Batch,
    scalars: bool = True,
    donate: bool = False,
    rules: Rules = TD3,
) -> Updated:
    """Take K gradient steps in one call; every leaf of `batches` has a leading axis of length K.

    Metrics are the last step's, those of `metrics.WORST` the largest of all steps.
    """
    steps = _steps(rules, scalars)
    if _inside_transformation():
        return steps(state, batches)
    return _compiled(steps, donate)(state, batches)


@functools.cache
def _step(rules: Rules, scalars: bool) -> Callable[[TrainState, Batch], Updated]:
    def step(state: TrainState, batch: Batch) -> Updated:
        return td3.update(state, batch, rules, scalars)

    return step


@functools.cache
def _steps(rules: Rules, scalars: bool) -> Callable[[TrainState, Batch], Updated]:
    def steps(state: TrainState, batches: Batch) -> Updated:
        state, measured = jax.lax.scan(_step(rules, scalars), state, batches)
        return state, {
            name: value.max(axis=0) if name in WORST else value[-1]
            for name, value in measured.items()
        }

    return steps


def _values(state: TrainState, observation: Observation) -> jax.Array:
    return _twin_values(state, observation).min(axis=0)


def _twin_values(state: TrainState, observation: Observation) -> jax.Array:
    action = state.networks.actor(state.policy_params, policy_view(observation))
    seen = critic_view(observation)
    return state.networks.critic(state.critic.params, seen, action)


def _inside_transformation() -> bool:
    """Tell whether a caller's jit, scan, vmap or grad is under way; jit takes no options there."""
    return get_opaque_trace_state(convention="flax") != _TOP_LEVEL


@functools.cache
def _compiled(function: Callable[..., Any], donate: bool) -> Callable[..., Any]:
    """Jit with the backend's compiler options, which need the backend to be up."""
    donated = (0,) if donate else ()
    return jax.jit(function, donate_argnums=donated, compiler_options=compiler_options())


def _shared(state: TrainState) -> Params:
    """Return the critic's parameters that the actor uses: a shared encoder, or none."""
    critic = state.critic.params
    shares = state.config.encoder == "shared" and "encoder" in critic
    return {"encoder": critic["encoder"]} if shares else {}


@functools.cache
def _compiled_act(config: AgentConfig, spaces: Spaces) -> Callable[..., jax.Array]:
    """Jit a function of the policy's weights alone: a whole state takes longer to hand over
    than a small network to run (vector policy: 57 -> 18 us)."""
    nets = networks.make(config, spaces)

    def run(params: Params, shared: Params, observation: Observation) -> jax.Array:
        return nets.actor(nets.complete(params, shared), observation)

    return jax.jit(run, compiler_options=compiler_options())
