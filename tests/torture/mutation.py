"""Random damage, by a generator that is given: to bytes, and to trees of lists and tables."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

_NUMBERS = (0, -1, 1, 2, 255, 2**31, 2**32, 2**63, -(2**63), 1e-300, 1e30, 1e308, -1e308)
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1  # of what MessagePack carries
_NOT_FINITE = (float("nan"), float("inf"), -float("inf"))
_TEXTS = ("", "x", "None", "é" * 40, "\x00", "a b", "{}", "-1", "nan", "9" * 400, "n" * 5000)
_OTHERS: tuple[Any, ...] = (None, True, False, [], [[]], {}, b"", b"\xff" * 24, [None] * 9)
#: A node of a tree: what holds it, and its index or key there.
Place = tuple[Any, Any]


def odd(rng: random.Random) -> Any:
    """Return a value that few expect."""
    kind = rng.randrange(5)
    if kind == 0:
        return rng.choice(_NOT_FINITE)
    if kind == 1:
        return rng.choice(_TEXTS)
    if kind == 2:
        return copy.deepcopy(rng.choice(_OTHERS))
    if kind == 3:
        return rng.uniform(-1e4, 1e4)
    return rng.choice(_NUMBERS)


def places(tree: Any) -> Iterator[Place]:
    """Yield every node below the root."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            keys: Any = list(node)
        elif isinstance(node, list):
            keys = range(len(node))
        else:
            continue
        for key in keys:
            yield node, key
            stack.append(node[key])


def spoil_tree(tree: Any, rng: random.Random, times: int = 1) -> Any:
    """Return a copy of a list or table with some nodes replaced, dropped, doubled or swapped."""
    spoiled = copy.deepcopy(tree)
    for _ in range(times):
        found = list(places(spoiled))
        if not found:
            return [odd(rng)] if isinstance(spoiled, list) else {"x": odd(rng)}
        holder, key = rng.choice(found)
        _spoil_node(holder, key, rng)
    return spoiled


def _spoil_node(holder: Any, key: Any, rng: random.Random) -> None:
    value, way = holder[key], rng.randrange(6)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(value))
    elif way == 2 and isinstance(value, int | float):
        changed = rng.choice((-value, value + 1, value - 1, value * 1.5))
        holder[key] = max(_LOWEST, min(changed, _HIGHEST)) if type(changed) is int else changed
    elif way == 3 and isinstance(value, str | bytes | list) and value:
        holder[key] = value[: rng.randrange(len(value))]
    elif way == 4:
        holder[key] = [value]
    else:
        holder[key] = odd(rng)


def spoil_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return a copy with bytes changed, a stretch cut out, doubled or zeroed, or the end gone."""
    spoiled, way = bytearray(data), rng.randrange(5)
    if not spoiled:
        return b"\x00"
    start = rng.randrange(len(spoiled))
    end = min(len(spoiled), start + rng.choice((1, 4, 64, 4096)))
    if way == 0:
        for _ in range(rng.choice((1, 3, 20))):
            spoiled[rng.randrange(len(spoiled))] = rng.randrange(256)
    elif way == 1:
        del spoiled[start:]
    elif way == 2:
        del spoiled[start:end]
    elif way == 3:
        spoiled[start:start] = spoiled[start:end]
    else:
        spoiled[start:end] = bytes(end - start)
    return bytes(spoiled)
