"""The seam for algorithms: a record of functions through which everything else reaches one."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import jax

from td3jax import agent, td3
from td3jax.batch import Batch, Observation
from td3jax.config import AgentConfig, Spaces
from td3jax.td3 import Rules

State = Any  # a pytree that flax can serialise
Metrics = dict[str, jax.Array]
T = TypeVar("T")


class Update(Protocol):
    """The type of `Algorithm.update` and `update_many`."""

    def __call__(
        self, state: State, batch: Batch, scalars: bool = True, donate: bool = False
    ) -> tuple[State, Metrics]: ...


class Algorithm(NamedTuple):
    """An off-policy algorithm for continuous actions in [-1, 1].

    The state is a pytree that flax can serialise. All functions work inside jit, and are
    fast when called from Python. Metrics are named group/name, as in the logs.
    """

    name: str
    #: (config, spaces, key) -> a fresh state.
    init: Callable[[AgentConfig, Spaces, jax.Array], State]
    #: (state, observation) -> actions without noise, (B, A).
    act: Callable[[State, Observation], jax.Array]
    #: One gradient step; `update_many` takes K of them on batches with a leading axis K.
    update: Update
    update_many: Update
    #: (state, observation) -> the value of the policy's own actions, (B,).
    values: Callable[[State, Observation], jax.Array]
    #: (state, observation, standard normal noise (B, A)) -> exploring actions (B, A); None: the
    #: collector adds Gaussian noise to `act`.
    explore: Callable[[State, Observation, jax.Array], jax.Array] | None = None
    #: `values` of each critic, (N, B), for videos; None: they show `values`.
    each_value: Callable[[State, Observation], jax.Array] | None = None
    #: state -> a smaller one by which `act` and `explore` do the same, to be sent to where
    #: simulators are; None: the whole state is sent.
    weights: Callable[[State], State] | None = None


def td3_with(rules: Rules) -> Algorithm:
    """Return TD3 under the given formulas."""
    return Algorithm(
        name="td3",
        init=td3.init,
        act=agent.act,
        update=functools.partial(agent.update, rules=rules),
        update_many=functools.partial(agent.update_many, rules=rules),
        values=agent.values,
        each_value=agent.twin_values,
        weights=agent.weights,
    )


ALGORITHMS = {"td3": td3_with(td3.TD3)}


def find(name: str, rules: str = "") -> Algorithm:
    """Return the algorithm of a name, or "module:NAME" or "file.py:NAME" of one's own.

    rules: "module:NAME" of `Rules` for TD3. Raises ValueError, one line, where there is none.
    """
    if rules:
        if name != "td3":
            raise ValueError(f"rules = {rules!r}: only the algorithm td3 has rules, not {name!r}")
        return td3_with(load_object(rules, Rules))
    if ":" in name:
        return load_object(name, Algorithm)
    if name not in ALGORITHMS:
        known = ", ".join(ALGORITHMS)
        raise ValueError(f"algorithm {name!r}: expected {known}, module:NAME or file.py:NAME")
    return ALGORITHMS[name]


def load_object(place: str, kind: type[T]) -> T:
    """Return the object of a type at "module:NAME" or "file.py:NAME"; raise ValueError if none."""
    module_name, _, name = place.rpartition(":")
    try:
        module = _import(module_name)
    except (ImportError, OSError) as error:
        raise ValueError(f"{place}: {module_name} cannot be imported ({error})") from error
    found = getattr(module, name, None)
    if not isinstance(found, kind):
        raise ValueError(f"{place}: {module_name} has no {kind.__name__} named {name!r}")
    return found


def _import(name: str) -> Any:
    if not name.endswith(".py"):
        return importlib.import_module(name)
    path = Path(name).resolve()
    known = f"td3jax_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(known, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ImportError(f"no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[known] = module
    spec.loader.exec_module(module)
    return module
