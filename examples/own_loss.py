"""A critic loss of one's own, as a library and in a whole run.

    td3jax train --env=Pendulum-v1 --rules=examples/own_loss.py:RULES

The rule is the log-cosh loss: quadratic for small errors, linear for large ones.
"""

import jax
import jax.numpy as jnp

import td3jax


def log_cosh_loss(nets, critic, observation, action, target):
    """Return the summed log-cosh errors of both heads and what the metrics read."""
    q = nets.critic(critic, observation, action)
    error = q - target
    losses = (jnp.logaddexp(error, -error) - jnp.log(2.0)).mean(axis=1)
    return losses.sum(), {"losses": losses, "q": q}


RULES = td3jax.Rules(critic_loss=log_cosh_loss)


def one_update(state: td3jax.TrainState, batch: td3jax.Batch) -> jax.Array:
    """Take one step by the new rule and return its loss."""
    _, metrics = td3jax.update(state, batch, rules=RULES)
    return metrics["train/critic_loss"]
