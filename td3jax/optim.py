"""The optimisers, written out: clip over encoder + head, Adam, decoupled decay, rate per part."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import optax

from td3jax.config import AgentConfig
from td3jax.networks import Params

_BLOCKS = 8  # of rows, in a sum of squares


def part_labels(params: Params) -> Params:
    """The same tree with "cnn" at every encoder leaf and "mlp" at every other."""
    return {
        name: jax.tree.map(lambda _, part="cnn" if name == "encoder" else "mlp": part, tree)
        for name, tree in params.items()
    }


def kernel_mask(params: Params) -> Params:
    """True at kernels, False at biases and normalisation scales, which do not decay."""
    return jax.tree_util.tree_map_with_path(lambda path, _: path[-1].key == "kernel", params)


def make_optimizer(config: AgentConfig, network: str) -> optax.GradientTransformation:
    """The chain of `network` ("actor" or "critic"); its update needs the parameters.

    Clipping by one global norm comes first, so a clipped step keeps its direction over encoder
    and head. Decay is decoupled (Loshchilov and Hutter 2019): rate x decay x kernel.
    """
    clip = getattr(config, f"{network}_clip_norm")
    decay = getattr(config, f"{network}_weight_decay")
    rates = {
        "cnn": optax.scale(-getattr(config, f"{network}_cnn_lr")),
        "mlp": optax.scale(-getattr(config, f"{network}_lr")),
    }
    return optax.chain(
        optax.stateless(functools.partial(_clip, clip)) if clip else optax.identity(),
        optax.scale_by_adam(config.adam_b1, config.adam_b2, config.adam_eps),
        optax.add_decayed_weights(decay, kernel_mask) if decay else optax.identity(),
        optax.partition(rates, part_labels),
    )


def _clip(bound: float, grads: Params, params: Params | None) -> Params:
    """`optax.clip_by_global_norm` by the norm that is logged, so that XLA computes it once."""
    norm = part_norms(grads)["all"]

    def clipped(x: jax.Array) -> jax.Array:
        return jnp.where(norm < bound, x, x / norm.astype(x.dtype) * bound)

    return jax.tree.map(clipped, grads)


def part_norms(grads: Params) -> dict[str, jax.Array]:
    """True L2 norms of the gradient: "cnn", "mlp" and "all" (one norm over every leaf)."""
    squares = {"cnn": jnp.zeros(()), "mlp": jnp.zeros(())}
    for name, tree in grads.items():
        part = "cnn" if name == "encoder" else "mlp"
        for leaf in jax.tree.leaves(tree):
            squares[part] += _sum_of_squares(leaf)
    norms = {part: jnp.sqrt(square) for part, square in squares.items()}
    return norms | {"all": jnp.sqrt(squares["cnn"] + squares["mlp"])}


def _sum_of_squares(x: jax.Array) -> jax.Array:
    """XLA sums on a CPU one number after the other, but adds arrays many at a time: so it adds
    blocks of rows first."""
    rows = x.reshape(-1, x.shape[-1]) if x.ndim else x.reshape(1, 1)
    height = rows.shape[0] // _BLOCKS
    blocks = [jnp.square(rows[i * height : (i + 1) * height]) for i in range(_BLOCKS)]
    rest = jnp.square(rows[_BLOCKS * height :]).sum()
    return functools.reduce(jnp.add, blocks).sum() + rest
