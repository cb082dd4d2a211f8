"""The optimisers, written out: clip over encoder + head, Adam, decoupled decay, rate per part."""

from __future__ import annotations

import jax
import optax

from td3jax.config import AgentConfig
from td3jax.networks import Params


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
        optax.clip_by_global_norm(clip) if clip else optax.identity(),
        optax.scale_by_adam(config.adam_b1, config.adam_b2, config.adam_eps),
        optax.add_decayed_weights(decay, kernel_mask) if decay else optax.identity(),
        optax.partition(rates, part_labels),
    )


def part_norms(grads: Params) -> dict[str, jax.Array]:
    """True L2 norms of the gradient: "cnn", "mlp" and "all" (one norm over every leaf)."""
    encoder = {"encoder": grads["encoder"]} if "encoder" in grads else {}
    head = {name: tree for name, tree in grads.items() if name != "encoder"}
    return {
        "cnn": optax.tree.norm(encoder) if encoder else jax.numpy.zeros(()),
        "mlp": optax.tree.norm(head),
        "all": optax.tree.norm(grads),
    }
