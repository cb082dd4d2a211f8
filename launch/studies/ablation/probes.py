"""Measurements beside the training curves: leak gap, purity, saturation, value and return."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from envs import lane_toy
from envs.lane_toy import State, ToyConfig
from launch.studies.ablation.data import RewardRule
from launch.studies.ablation.fault_options import Fault
from launch.studies.ablation.faults import composed_actor_loss
from td3jax import act, networks, td3
from td3jax.batch import Observation
from td3jax.metrics import SATURATED
from td3jax.state import TrainState

STATES = 256
EPISODES = 100
VALUE_STATES = 64
_EVALUATION_KEY = 20_000


class LeakProbe(NamedTuple):
    """On a fixed batch of observations; scalars.

    gap: mean |Q1 that drives the actor - Q1 of td3jax's critic at the same action| (0 if right).
    purity: actor gradient with the action detached over the actor gradient (0 if right).
    saturation: share of |action| > 0.98. slack: mean of 1 - action^2, the tanh's derivative.
    feature_norm: mean L2 norm of the actor's features. action_gradient: mean |dQ1/da| / mean |Q1|.
    """

    gap: jax.Array
    purity: jax.Array
    saturation: jax.Array
    slack: jax.Array
    feature_norm: jax.Array
    action_gradient: jax.Array


def leak_probe(fault: Fault, state: TrainState, observation: Observation) -> LeakProbe:
    """Measure all of `LeakProbe`; the loss is the arm's own formula."""
    nets, critic = state.networks, state.critic.params
    arguments = (nets, state.actor.params, critic, observation)
    loss, detached = composed_actor_loss(fault), composed_actor_loss(fault, detach_action=True)
    grads, info = jax.grad(loss, argnums=1, has_aux=True)(*arguments)
    direct, _ = jax.grad(detached, argnums=1, has_aux=True)(*arguments)
    action = act(state, observation)

    def value(action: jax.Array) -> jax.Array:
        return nets.critic(critic, observation, action)[0]

    slope = jax.grad(lambda a: value(a).sum())(action)
    encoder = state.policy_params["encoder"]
    features = networks.Encoder(state.config).apply({"params": encoder}, observation["image"])
    return LeakProbe(
        gap=jnp.abs(info["q"] - value(action)).mean(),
        purity=optax.tree.norm(direct) / (optax.tree.norm(grads) + 1e-30),
        saturation=(jnp.abs(action) > SATURATED).mean(),
        slack=(1.0 - jnp.square(action)).mean(),
        feature_norm=jnp.linalg.norm(features, axis=-1).mean(),
        action_gradient=jnp.linalg.norm(slope, axis=-1).mean() / jnp.abs(value(action)).mean(),
    )


def observe(config: ToyConfig, state: State, stack: jax.Array) -> Observation:
    """The observation of many cars."""
    observation: Observation = {"image": stack}
    if config.vector:
        observation["vector"] = jax.vmap(lane_toy.vector)(state)
    return observation


def _rollout(
    toy: ToyConfig, agent: TrainState | str, state: State, stack: jax.Array, key: jax.Array
) -> jax.Array:
    """Rewards (steps, cars) of an agent, "expert" or "random" from given states, then 0."""

    def one(carry: tuple, key: jax.Array) -> tuple[tuple, jax.Array]:
        state, stack, alive = carry
        if agent == "expert":
            action = jax.vmap(lane_toy.expert)(state)
        elif isinstance(agent, str):
            action = jax.random.uniform(key, (alive.size, lane_toy.ACTION), minval=-1.0)
        else:
            action = act(agent, observe(toy, state, stack))
        after, reward, terminated = jax.vmap(lambda s, a: lane_toy.step(toy, s, a))(state, action)
        frame = jax.vmap(lambda s: lane_toy.render(toy, s))(after)
        following = after, lane_toy.push(stack, frame), alive & ~terminated
        return following, reward * alive

    carry = state, stack, jnp.ones(state.y.shape, bool)
    return jax.lax.scan(one, carry, jax.random.split(key, lane_toy.HORIZON))[1]


def scripted_return(toy: ToyConfig, driver: str) -> jax.Array:
    """`episode_return` of the "expert" or the "random" driver."""
    return episode_return(toy, driver)


def episode_return(toy: ToyConfig, agent: TrainState | str) -> jax.Array:
    """Mean undiscounted raw return of 100 whole episodes from fixed starts."""
    start_key, key = jax.random.split(jax.random.key(_EVALUATION_KEY))
    state = jax.vmap(lane_toy.reset)(jax.random.split(start_key, EPISODES))
    frame = jax.vmap(lambda s: lane_toy.render(toy, s))(state)
    stack = jnp.repeat(frame[..., None], lane_toy.STACK, axis=-1)
    return _rollout(toy, agent, state, stack, key).sum(axis=0).mean()


class Values(NamedTuple):
    """Means over states of the buffer: the true discounted return of the policy, the Q that drives
    the actor, and the critic's own Q, all at the policy's action; and the mean |true return|."""

    true: jax.Array
    actor_q: jax.Array
    critic_q: jax.Array
    size: jax.Array


def policy_values(
    toy: ToyConfig,
    fault: Fault,
    rule: RewardRule,
    agent: TrainState,
    state: State,
    observation: Observation,
) -> Values:
    """Q against one exact rollout from each state: car and policy are deterministic."""
    config = agent.config
    rewards = rule(_rollout(toy, agent, state, observation["image"], jax.random.key(0)))
    true = config.discount ** jnp.arange(rewards.shape[0]) @ rewards
    arguments = (agent.networks, agent.actor.params, agent.critic.params, observation)
    actor_q = composed_actor_loss(fault)(*arguments)[1]["q"]
    critic_q = td3.actor_loss(*arguments)[1]["q"]
    return Values(true.mean(), actor_q.mean(), critic_q.mean(), jnp.abs(true).mean())
