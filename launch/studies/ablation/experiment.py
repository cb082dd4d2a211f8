"""One run of one arm: training curves, probes on the way, values and return at the end.

Seeds of the weights, the buffer and the batches are separate and the same in every arm, so that
runs of one seed are pairs. Seeds run one after the other: under vmap each seed has convolution
kernels of its own, which XLA computes 4.5 times slower on a CPU.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from envs import lane_toy
from envs.lane_toy import ToyConfig
from launch.studies.ablation import probes
from launch.studies.ablation.arms import Arm
from launch.studies.ablation.data import Buffer, RewardRule, collect, n_step_batch, reward_rule
from launch.studies.ablation.endpoints import endpoints_of
from launch.studies.ablation.fault_options import Fault
from launch.studies.ablation.faults import after_update, prepare, rules
from launch.studies.ablation.town import collect_town, town_return
from td3jax import Spaces, init, td3
from td3jax.batch import Batch, Observation
from td3jax.conv import compiler_options
from td3jax.optim import make_optimizer
from td3jax.state import TrainState

BATCH_SIZE = 32
SEGMENT = 500  # updates between probes
CURVES = {
    "actor_q": "debug/actor_q_mean",
    "replay_q": "debug/q1_mean",
    "cnn_norm": "gradients/actor_cnn_norm",
    "mlp_norm": "gradients/actor_mlp_norm",
    "saturation": "health/action_saturation",
    "critic_loss": "train/critic_loss",
}
_WEIGHTS, _BUFFER, _BATCHES, _WATCHED = range(4)

Curves = dict[str, np.ndarray[Any, Any]]


class ArmRun(NamedTuple):
    """endpoints: name to number; curves: one value for each actor update."""

    endpoints: dict[str, float]
    curves: Curves


def _train(
    fault: Fault, updates: int, state: TrainState, data: Batch, key: jax.Array
) -> tuple[TrainState, dict[str, jax.Array]]:
    """`updates` updates on batches drawn by `key`; curves have one value per actor update."""
    formulas = rules(fault)

    def one(before: TrainState, _: None) -> tuple[TrainState, dict[str, jax.Array]]:
        draw = jax.random.fold_in(key, before.step)
        rows = jax.random.randint(draw, (BATCH_SIZE,), 0, data.reward.shape[0])
        state, scalars = td3.update(before, jax.tree.map(lambda x: x[rows], data), formulas)
        state = after_update(fault, before, state)
        return state, {name: scalars[tag] for name, tag in CURVES.items()}

    state, curves = jax.lax.scan(one, state, length=updates)
    delay = state.config.policy_delay
    return state, {name: values[delay - 1 :: delay] for name, values in curves.items()}


@functools.cache
def _compiled(function: Callable[..., Any], *static: Any) -> Callable[..., Any]:
    return jax.jit(functools.partial(function, *static), compiler_options=compiler_options())


@functools.cache
def _limits(toy: ToyConfig) -> tuple[float, float]:
    """Returns of the random and of the expert driver."""
    random, expert = (
        float(_compiled(probes.scripted_return, toy, driver)()) for driver in ("random", "expert")
    )
    return random, expert


class Setting(NamedTuple):
    """Task, buffer and batches of one seed, the same for every arm."""

    toy: ToyConfig | None
    buffer: Buffer
    rule: RewardRule
    batches: jax.Array
    watched: jax.Array


def _setting(arm: Arm, seed: int) -> tuple[Setting, TrainState]:
    keys = [jax.random.fold_in(jax.random.key(seed), i) for i in range(4)]
    if arm.network == "town":
        toy, buffer = None, collect_town(seed)
        largest = float(jnp.abs(buffer.batch.reward).max())
    else:
        toy, largest = arm.toy(seed), 1.0
        buffer = collect(toy, keys[_BUFFER])
    rule = reward_rule(buffer, arm.replay, arm.agent.discount, largest)
    data = buffer.batch.replace(reward=rule(buffer.batch.reward))
    data = n_step_batch(data, buffer.last, arm.replay.n_step, arm.agent.discount)
    count = data.reward.shape[0]
    watched = jax.random.choice(keys[_WATCHED], count, (probes.STATES,), replace=False)
    first, _ = jax.tree.map(lambda x: x[0], data.observations(lane_toy.STACK))
    vector = first["vector"].size if "vector" in first else None
    spaces = Spaces(first["image"].shape, vector, data.action.shape[1])
    state = init(arm.agent, spaces, keys[_WEIGHTS])
    state = prepare(arm.phases[0][0], state, make_optimizer(arm.agent, "actor"))
    return Setting(toy, buffer._replace(batch=data), rule, keys[_BATCHES], watched), state


def _watched(setting: Setting, count: int) -> tuple[Any, Observation]:
    rows = setting.watched[:count]
    pick = functools.partial(jax.tree.map, lambda x: x[rows])
    observation, _ = pick(setting.buffer.batch).observations(lane_toy.STACK)
    return pick(setting.buffer.state), observation


def run_arm(arm: Arm, seed: int) -> ArmRun:
    """Train one arm on one seed and measure it; the same call gives the same bits."""
    setting, state = _setting(arm, seed)
    _, observation = _watched(setting, probes.STATES)
    seen = [_compiled(probes.leak_probe, arm.phases[0][0])(state, observation)]
    parts = []
    for fault, updates in arm.phases:
        for start in range(0, updates, SEGMENT):
            length = min(SEGMENT, updates - start)
            train = _compiled(_train, fault, length)
            state, curves = train(state, setting.buffer.batch, setting.batches)
            seen.append(_compiled(probes.leak_probe, fault)(state, observation))
            parts.append(jax.device_get(curves))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in CURVES}
    q_bound = setting.rule.bound / (1.0 - arm.agent.discount)
    endpoints = endpoints_of(joined, jax.device_get(seen), q_bound)
    endpoints |= _outcome(arm, setting, state)
    return ArmRun(endpoints, joined)


def _outcome(arm: Arm, setting: Setting, state: TrainState) -> dict[str, float]:
    """Normalised return of the final policy; on the toy, Q against the exact return."""
    if setting.toy is None:
        unknown = float("nan")
        return {
            "return": town_return(state),
            "actor_q_bias": unknown,
            "critic_q_bias": unknown,
        }
    random, expert = _limits(setting.toy)
    score = float(_compiled(probes.episode_return, setting.toy)(state))
    cars, observation = _watched(setting, probes.VALUE_STATES)
    fault = arm.phases[-1][0]
    measure = _compiled(probes.policy_values, setting.toy, fault, setting.rule)
    values = jax.device_get(measure(state, cars, observation))
    return {
        "return": (score - random) / (expert - random),
        "actor_q_bias": float((values.actor_q - values.true) / values.size),
        "critic_q_bias": float((values.critic_q - values.true) / values.size),
    }
