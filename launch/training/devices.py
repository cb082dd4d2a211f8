"""Several devices for one learner: the train state on each of them, of a batch a share on each.

XLA adds the sums across devices to the compiled update; a norm or a loss is of the whole batch.
"""

from __future__ import annotations

import functools
from typing import TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from launch.errors import BadInput

Tree = TypeVar("Tree")
_AXIS = "data"


@functools.cache
def _mesh(count: int) -> Mesh:
    found = jax.devices()
    if count > len(found):
        kind = found[0].platform
        raise BadInput(f"--devices={count}: this machine has {len(found)} ({kind})")
    return Mesh(np.array(found[:count]), (_AXIS,))


def on_each(tree: Tree, count: int) -> Tree:
    """The same arrays on each of the first `count` devices; BadInput where there are fewer."""
    if count == 1:
        return tree
    placed: Tree = jax.device_put(tree, NamedSharding(_mesh(count), PartitionSpec()))
    return placed


def shared_out(batch: Tree, count: int, axis: int) -> Tree:
    """A batch with an equal part of `axis` on each of the first `count` devices."""
    if count == 1:
        return batch
    spec = PartitionSpec(*[None] * axis, _AXIS)
    placed: Tree = jax.device_put(batch, NamedSharding(_mesh(count), spec))
    return placed
