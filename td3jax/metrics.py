"""Every scalar of an update, computed inside it: losses, Q values, gradients, health.

Only measurements: limits and alerts are the diagnosis's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from td3jax.batch import Batch, Observation, policy_view
from td3jax.config import AgentConfig
from td3jax.guidance import no_scalars
from td3jax.networks import Params, Units, dummy_observation
from td3jax.optim import part_norms
from td3jax.state import Metrics, TrainState

SATURATED = 0.98
DORMANT_SHARE = 0.1
RANK_SHARE = 0.99
BYPASS = "health/actor_bypass"


def _summary(name: str, x: jax.Array) -> Metrics:
    return {
        f"debug/{name}_mean": x.mean(),
        f"debug/{name}_max": x.max(),
        f"debug/{name}_min": x.min(),
        f"debug/{name}_std": x.std(),
    }


def float32(measure: Callable[..., Metrics]) -> Callable[..., Metrics]:
    """Make every metric of a function float32, with 64-bit numbers enabled too."""

    @functools.wraps(measure)
    def wrapped(*arguments: Any) -> Metrics:
        return {name: x.astype(jnp.float32) for name, x in measure(*arguments).items()}

    return wrapped


def with_empty(state: TrainState) -> TrainState:
    """Return a fresh state with zeros for the metrics that it keeps between updates."""
    observation = dummy_observation(state.spaces)
    action = jnp.zeros((1, state.spaces.action), jnp.float32)

    def actor() -> Metrics:
        norms = part_norms(state.actor.params)
        info = {"q": jnp.zeros(1), "pre_tanh": action, "guide": no_scalars(state.config)}
        return actor_metrics(jnp.zeros(()), info) | gradient_norms(norms, 0.0, "actor")

    def health() -> Metrics:
        return health_metrics(state, state, observation, action)

    kept = {}
    if state.config.health_every:
        kept = _zeros_like(health) | {BYPASS: jnp.zeros((), jnp.float32)}
    return state.replace(actor_metrics=_zeros_like(actor), health=kept)


def _zeros_like(measure: Callable[[], Metrics]) -> Metrics:
    return {name: jnp.zeros((), jnp.float32) for name in jax.eval_shape(measure)}


def bootstrap(config: AgentConfig, batch: Batch) -> jax.Array:
    """Return discount^steps (1 - terminated), float32 (B,): the weight of the next value."""
    steps = jnp.asarray(batch.steps, jnp.float32)
    return jnp.float32(config.discount) ** steps * (1.0 - jnp.asarray(batch.terminated))


def return_bound(config: AgentConfig, batch: Batch) -> jax.Array:
    """Return the largest return that a batch's rewards allow: |r| / (1 - discount^steps)."""
    steps = jnp.asarray(batch.steps, jnp.float32)
    return (jnp.abs(batch.reward) / (1.0 - jnp.float32(config.discount) ** steps)).max()


@float32
def gradient_norms(norms: dict[str, jax.Array], clip: float, network: str) -> Metrics:
    """Global L2 norms of each part and of all, before and after clipping all by one factor."""
    factor = jnp.minimum(1.0, clip / (norms["all"] + 1e-12)) if clip else 1.0
    named = {"cnn_norm": norms["cnn"], "mlp_norm": norms["mlp"], "norm": norms["all"]}
    scalars = {f"gradients/{network}_{name}": norm for name, norm in named.items()}
    return scalars | {f"{name}_clipped": norm * factor for name, norm in scalars.items()}


@float32
def critic_metrics(batch: Batch, target: jax.Array, info: Metrics, config: AgentConfig) -> Metrics:
    """Losses, Q values of replay actions, targets, TD errors and the batch's rewards."""
    q1, q2 = info["q"]
    scalars = {
        "train/critic_loss": info["losses"].sum(),
        "train/critic_1_loss": info["losses"][0],
        "train/critic_2_loss": info["losses"][1],
        "train/q1_value": q1.mean(),
        "train/q2_value": q2.mean(),
        "debug/td_error_q1": jnp.abs(q1 - target).mean(),
        "debug/td_error_q2": jnp.abs(q2 - target).mean(),
        "debug/done_ratio": batch.terminated.mean(dtype=jnp.float32),
        "debug/effective_discount": bootstrap(config, batch).mean(),
        "debug/overestimation": (info["q"].min(axis=0) - target).mean(),
        "health/twin_gap": jnp.abs(q1 - q2).mean() / (jnp.abs(info["q"]).mean() + 1e-8),
    }
    named = {"q1": q1, "q2": q2, "target_q": target, "reward": batch.reward}
    for name, x in named.items():
        scalars |= _summary(name, x)
    return scalars


@float32
def actor_metrics(loss: jax.Array, info: dict[str, Any]) -> Metrics:
    """Loss and its parts, the Q that drives the actor, and how far its actions are saturated."""
    action = jnp.tanh(info["pre_tanh"])
    return {
        "train/actor_loss": loss,
        **info.get("guide", {}),
        **_summary("actor_q", info["q"]),
        "health/action_saturation": (jnp.abs(action) > SATURATED).mean(),
        "health/pre_tanh_abs": jnp.abs(info["pre_tanh"]).mean(),
        "health/action_std": action.std(axis=0).mean(),
    }


@float32
def relations(scalars: Metrics) -> Metrics:
    """Return what relates other scalars."""
    actor_q, replay_q = scalars["debug/actor_q_mean"], scalars["debug/q1_mean"]
    return {"health/actor_replay_q_gap": (actor_q - replay_q) / (jnp.abs(replay_q) + 1e-8)}


#: Of several updates the largest value counts, of all other metrics the last.
WORST = ("health/bound_ratio", "gradients/norm_max", "health/non_finite")
_LARGEST_Q = ("debug/actor_q_mean", "debug/actor_q_max", "debug/q1_max")
_NORMS = ("gradients/actor_norm", "gradients/critic_norm")  # never below their parts'
#: What `worst` needs at least, which an update without other scalars computes too.
WATCHED = (*_LARGEST_Q, *_NORMS, "train/actor_loss", "train/critic_loss")


def fresh(actor: Metrics, acted: jax.Array) -> Metrics:
    """Return the actor's scalars in an update that moved it, zeros in others."""
    return {name: jnp.where(acted, value, 0.0) for name, value in actor.items()}


@float32
def worst(scalars: Metrics, bound: jax.Array) -> Metrics:
    """Return the WORST of one update from its own scalars, all or the WATCHED.

    bound: the largest return that the rewards seen so far allow; 0 says nothing.
    """
    largest_q = jnp.stack([jnp.abs(scalars[name]) for name in _LARGEST_Q]).max()
    finite = jnp.isfinite(jnp.stack(list(scalars.values()))).all()
    return {
        "health/bound_ratio": jnp.where(bound > 0.0, largest_q / jnp.maximum(bound, 1e-8), 0.0),
        "gradients/norm_max": jnp.stack([scalars[name] for name in _NORMS]).max(),
        "health/non_finite": ~finite,
    }


def with_health(
    before: TrainState,
    after: TrainState,
    observation: Observation,
    action: jax.Array,
    bypass: Callable[[], jax.Array],
) -> TrainState:
    """Measure health at an actor step once the last is `health_every` gradient steps old.

    bypass: returns the norm of the part of the actor's gradient that is not through its action.
    """
    config = after.config
    if not config.health_every:
        return after
    due = after.step >= after.health_step + config.health_every
    fresh = due & (after.step % config.policy_delay == 0)

    def measured() -> Metrics:
        share = bypass() / (after.actor_metrics["gradients/actor_norm"] + 1e-12)
        found = health_metrics(before, after, observation, action)
        return found | {BYPASS: share.astype(jnp.float32)}

    health = jax.lax.cond(fresh, measured, lambda: after.health)
    return after.replace(health=health, health_step=jnp.where(fresh, after.step, after.health_step))


@float32
def health_metrics(
    before: TrainState, after: TrainState, observation: Observation, action: jax.Array
) -> Metrics:
    """Return the expensive metrics, on one batch: features, dormant units, steps, churn."""
    nets, critic = after.networks, after.critic.params
    seen = policy_view(observation)
    policy, actor_units = nets.actor_units(after.policy_params, seen)
    q, critic_units = nets.critic_units(critic, observation, action)
    target_q = nets.critic(after.critic.target_params, observation, action)
    churn = jnp.abs(policy - nets.actor(before.policy_params, seen)).max(axis=-1)
    slope = jax.grad(lambda a: nets.critic(critic, observation, a)[0].sum())(policy)
    features = critic_units.get("features")
    return {
        "health/target_gap": jnp.abs(q - target_q).mean() / (jnp.abs(q).mean() + 1e-8),
        "health/feature_norm_actor": _mean_norm(actor_units.get("features")),
        "health/feature_norm_critic": _mean_norm(features),
        "health/feature_rank": jnp.zeros(()) if features is None else feature_rank(features),
        "health/dormant_units_actor": dormant_share(actor_units),
        "health/dormant_units_critic": dormant_share(critic_units),
        "health/update_to_weight_actor": _step_size(before.actor.params, after.actor.params),
        "health/update_to_weight_critic": _step_size(before.critic.params, after.critic.params),
        "health/policy_churn": churn.mean(),
        "health/q_action_gradient": jnp.linalg.norm(slope, axis=-1).mean()
        / (jnp.abs(q[0]).mean() + 1e-8),
    }


def dormant_share(units: Units) -> jax.Array:
    """Share of units whose mean |activation| is at most 0.1 of their layer's mean.

    Sokar et al. 2023 (arXiv 2302.12902); a convolution's channel is one unit.
    """
    dormant, count = jnp.zeros(()), 0
    for x in units.values():
        score = jnp.abs(x).mean(axis=tuple(range(x.ndim - 1)))
        dormant += (score <= DORMANT_SHARE * score.mean()).sum()
        count += score.size
    return dormant / count


def feature_rank(features: jax.Array) -> jax.Array:
    """Singular values that carry 99 % of the sum, of features (B, D) (Kumar et al. 2021)."""
    gram = features @ features.T if features.shape[0] < features.shape[1] else features.T @ features
    singular = jnp.sqrt(jnp.maximum(jnp.linalg.eigvalsh(gram), 0.0))[::-1]
    share = jnp.cumsum(singular) / (singular.sum() + 1e-12)
    return (share < RANK_SHARE).sum().astype(jnp.float32) + 1.0


def _mean_norm(features: jax.Array | None) -> jax.Array:
    return jnp.zeros(()) if features is None else jnp.linalg.norm(features, axis=-1).mean()


def _step_size(before: Params, after: Params) -> jax.Array:
    """|change of the weights| / |weights|, global L2 norms."""
    change = jax.tree.map(jnp.subtract, after, before)
    return optax.tree.norm(change) / (optax.tree.norm(before) + 1e-12)
