"""The train state: everything that training changes, as one pytree."""

from __future__ import annotations

import jax
import optax
from flax import struct

from td3jax import networks
from td3jax.config import AgentConfig, Spaces
from td3jax.networks import Networks, Params

Metrics = dict[str, jax.Array]


class Network(struct.PyTreeNode):
    """Parameters, their slowly moving copy (encoder included) and the optimiser's state."""

    params: Params
    target_params: Params
    opt_state: optax.OptState


class TrainState(struct.PyTreeNode):
    """Everything that training changes; `step` counts gradient steps (critic updates).

    Metrics kept: the last actor step's and those of health, taken at step `health_step`.
    """

    actor: Network
    critic: Network
    step: jax.Array
    key: jax.Array
    return_bound: jax.Array
    actor_metrics: Metrics
    health: Metrics
    health_step: jax.Array
    config: AgentConfig = struct.field(pytree_node=False)
    spaces: Spaces = struct.field(pytree_node=False)

    @property
    def networks(self) -> Networks:
        """Actor and critic as functions of parameters."""
        return networks.make(self.config, self.spaces)

    @property
    def policy_params(self) -> Params:
        """Complete parameters of the actor, a shared encoder included."""
        return self.networks.complete(self.actor.params, self.critic.params)

    def __repr__(self) -> str:
        count = sum(leaf.size for leaf in jax.tree.leaves((self.actor.params, self.critic.params)))
        return f"TrainState(step={self.step}, parameters={count:,}, spaces={self.spaces})"
