"""A trained policy, loaded in one call."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from td3jax import checkpoint
from td3jax.algorithm import ALGORITHMS, Algorithm
from td3jax.config import AgentConfig, Spaces
from td3jax.errors import BadCheckpoint

Observation = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Policy:
    """The agent without noise, as a function of one observation or a batch of them."""

    algorithm: Algorithm
    state: Any
    spaces: Spaces

    def __call__(self, observation: Observation) -> np.ndarray:
        """Return the action (A,), or actions (B, A) of a batch, float32 in [-1, 1]."""
        single = self._is_single(observation)
        batch = {name: x[None] if single else x for name, x in observation.items()}
        actions = np.asarray(self.algorithm.act(self.state, batch))
        return actions[0] if single else actions

    def _is_single(self, observation: Observation) -> bool:
        ranks = {"image": 3, "vector": 1}
        return any(np.ndim(x) == ranks.get(name) for name, x in observation.items())


def load(path: str | Path, algorithm: Algorithm | None = None) -> Policy:
    """Load the policy of a run folder (its newest checkpoint) or of a checkpoint's own folder.

    algorithm: needed where the run was trained by one that td3jax does not ship: a checkpoint
    is data and never names code to run. Raises BadCheckpoint, one line, if it cannot be used.
    """
    folder = checkpoint.find(Path(path))
    checkpoint.verify(folder)
    table = checkpoint.read_json(folder / checkpoint.CONFIG)
    loop, agent = (table.get(name, {}) for name in ("loop", "agent"))
    if not (isinstance(loop, dict) and isinstance(agent, dict)):
        raise BadCheckpoint(f"{folder / checkpoint.CONFIG}: loop and agent are to be objects")
    name = str(loop.get("algorithm", "td3"))
    if algorithm is None and name not in ALGORITHMS:
        raise BadCheckpoint(f"{folder}: trained by {name}: pass it as `algorithm`")
    chosen = algorithm or ALGORITHMS[name]
    try:
        config = AgentConfig(**agent)
    except (TypeError, ValueError) as error:
        raise BadCheckpoint(f"{folder / checkpoint.CONFIG}: {error}") from error
    spaces, key = checkpoint.read_spaces(folder), jax.random.PRNGKey(0)
    state = checkpoint.read_state(folder, lambda: chosen.init(config, spaces, key))
    return Policy(chosen, jax.tree.map(jnp.asarray, state), spaces)
