"""Every scalar of an update, computed inside it: losses, Q values, gradients, alerts, health."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import optax

from td3jax import networks
from td3jax.batch import Batch, Observation
from td3jax.config import AgentConfig

if TYPE_CHECKING:
    from td3jax.agent import TrainState

Metrics = dict[str, jax.Array]

SATURATED = 0.98
EXPLOSION_WARNING, EXPLOSION_CRITICAL = 1e4, 1e5
DORMANT_SHARE = 0.1
RANK_SHARE = 0.99


def _summary(name: str, x: jax.Array) -> Metrics:
    return {
        f"debug/{name}_mean": x.mean(),
        f"debug/{name}_max": x.max(),
        f"debug/{name}_min": x.min(),
        f"debug/{name}_std": x.std(),
    }


def _norm_names(network: str) -> list[str]:
    parts = ("cnn_norm", "mlp_norm", "norm")
    return [f"gradients/{network}_{part}{end}" for part in parts for end in ("", "_clipped")]


ACTOR = (
    "train/actor_loss",
    *(f"debug/actor_q_{stat}" for stat in ("mean", "max", "min", "std")),
    "health/action_saturation",
    "health/pre_tanh_abs",
    "health/action_std",
    *_norm_names("actor"),
)
HEALTH = tuple(
    f"health/{name}"
    for name in (
        "target_gap",
        "feature_norm_actor",
        "feature_norm_critic",
        "feature_rank",
        "dormant_units_actor",
        "dormant_units_critic",
        "update_to_weight_actor",
        "update_to_weight_critic",
        "policy_churn",
        "q_action_gradient",
    )
)


def empty(names: tuple[str, ...]) -> Metrics:
    """Zeros under the given names, for metrics that were not computed yet."""
    return {name: jnp.zeros(()) for name in names}


def gradient_norms(norms: dict[str, jax.Array], clip: float, network: str) -> Metrics:
    """Global L2 norms of each part and of all, before and after clipping all by one factor."""
    factor = jnp.minimum(1.0, clip / (norms["all"] + 1e-12)) if clip else 1.0
    named = {"cnn_norm": norms["cnn"], "mlp_norm": norms["mlp"], "norm": norms["all"]}
    scalars = {f"gradients/{network}_{name}": norm for name, norm in named.items()}
    return scalars | {f"{name}_clipped": norm * factor for name, norm in scalars.items()}


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
        "debug/effective_discount": (config.discount**batch.steps * ~batch.terminated).mean(),
        "debug/overestimation": (info["q"].min(axis=0) - target).mean(),
        "health/twin_gap": jnp.abs(q1 - q2).mean() / (jnp.abs(info["q"]).mean() + 1e-8),
    }
    named = {"q1": q1, "q2": q2, "target_q": target, "reward": batch.reward}
    for name, x in named.items():
        scalars |= _summary(name, x)
    return scalars


def actor_metrics(loss: jax.Array, info: Metrics) -> Metrics:
    """Loss, the Q that drives the actor, and how far its actions are saturated."""
    action = jnp.tanh(info["pre_tanh"])
    return {
        "train/actor_loss": loss,
        **_summary("actor_q", info["q"]),
        "health/action_saturation": (jnp.abs(action) > SATURATED).mean(),
        "health/pre_tanh_abs": jnp.abs(info["pre_tanh"]).mean(),
        "health/action_std": action.std(axis=0).mean(),
    }


def alerts(scalars: Metrics, reward_bound: jax.Array, config: AgentConfig) -> Metrics:
    """Relations between scalars, and alerts as 0 or 1.

    The bound is the largest return that the rewards seen so far allow, max|r| / (1 - discount);
    while every reward was 0 it says nothing.
    """
    bound = reward_bound / (1.0 - config.discount)
    actor_q, replay_q = scalars["debug/actor_q_mean"], scalars["debug/q1_mean"]
    actor_extreme = jnp.maximum(jnp.abs(scalars["debug/actor_q_max"]), jnp.abs(actor_q))
    largest_q = jnp.maximum(actor_extreme, jnp.abs(scalars["debug/q1_max"]))
    bound_ratio = jnp.where(bound > 0.0, largest_q / jnp.maximum(bound, 1e-8), 0.0)
    norms = [v for k, v in scalars.items() if k.startswith("gradients/") and k.endswith("_norm")]
    norm = jnp.stack(norms).max()
    finite = jnp.isfinite(jnp.stack([v.astype(jnp.float32) for v in scalars.values()])).all()
    flags = {
        "alerts/gradient_explosion_warning": norm > EXPLOSION_WARNING,
        "alerts/gradient_explosion_critical": norm > EXPLOSION_CRITICAL,
        "alerts/q_divergence": bound_ratio > 2.0,
        "alerts/action_saturation": scalars["health/action_saturation"] > 0.95,
        "alerts/non_finite": ~finite,
    }
    return {
        "health/actor_replay_q_gap": (actor_q - replay_q) / (jnp.abs(replay_q) + 1e-8),
        "health/bound_ratio": bound_ratio,
        **{name: flag.astype(jnp.float32) for name, flag in flags.items()},
    }


def health_metrics(
    before: TrainState, after: TrainState, observation: Observation, action: jax.Array
) -> Metrics:
    """The dearer metrics, on one batch: features, dormant units, step sizes, policy churn."""
    config = after.config
    full = networks.with_encoder(config, after.actor.params, after.critic.params)
    old_full = networks.with_encoder(config, before.actor.params, before.critic.params)
    policy, actor_units = _actor_units(config, full, observation)
    q, critic_units = _critic_units(config, after.critic.params, observation, action)
    target_q = networks.critic(config, after.critic.target_params, observation, action)
    churn = jnp.abs(policy - networks.actor(config, old_full, observation)).max(axis=-1)

    def first_q(a: jax.Array) -> jax.Array:
        return networks.critic(config, after.critic.params, observation, a)[0].sum()

    slope = jnp.linalg.norm(jax.grad(first_q)(policy), axis=-1).mean()
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
        "health/q_action_gradient": slope / (jnp.abs(q[0]).mean() + 1e-8),
    }


def _flatten(units: dict) -> dict[str, jax.Array]:
    """Sown activations by layer name; the encoder's "features" keep that name."""
    leaves = jax.tree_util.tree_flatten_with_path(units)[0]
    named = {"/".join(str(k.key) for k in path[:-1]): leaf for path, leaf in leaves}
    return {name.removeprefix("encoder/"): leaf for name, leaf in named.items()}


def _actor_units(
    config: AgentConfig, params: networks.Params, observation: Observation
) -> tuple[jax.Array, dict[str, jax.Array]]:
    module = networks.Actor(config, params["head"]["out"]["bias"].shape[0])
    output, sown = module.apply({"params": params}, observation, mutable=["units"])
    return jnp.tanh(output), _flatten(sown["units"])


def _critic_units(
    config: AgentConfig, params: networks.Params, observation: Observation, action: jax.Array
) -> tuple[jax.Array, dict[str, jax.Array]]:
    module = networks.Critic(config)
    output, sown = module.apply({"params": params}, observation, action, mutable=["units"])
    return networks.values(config, output), _flatten(sown["units"])


def dormant_share(units: dict[str, jax.Array]) -> jax.Array:
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


def _step_size(before: networks.Params, after: networks.Params) -> jax.Array:
    """|change of the weights| / |weights|, global L2 norms."""
    change = jax.tree.map(jnp.subtract, after, before)
    return optax.tree.norm(change) / (optax.tree.norm(before) + 1e-12)
