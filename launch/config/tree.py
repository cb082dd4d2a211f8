"""Trees of frozen dataclasses: their leaves by name, copies with new leaves, JSON both ways."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from td3jax.options import suggestion

T = TypeVar("T")


class Leaf(NamedTuple):
    """One option: path of groups, type (int, float, bool, str or tuple), element type of a tuple,
    default and help."""

    name: str
    groups: tuple[str, ...]
    kind: type
    element: type | None
    default: Any
    help: str


@functools.cache
def leaves(tree: type[Any]) -> dict[str, Leaf]:
    """Every leaf of a tree of dataclasses by its name; ValueError where two share a name."""
    found: dict[str, Leaf] = {}
    for leaf in _walk(tree, ()):
        if leaf.name in found:
            raise ValueError(
                f"{leaf.name}: a field of both {found[leaf.name].groups} and "
                f"{leaf.groups}; names must be unique"
            )
        found[leaf.name] = leaf
    return found


@functools.cache
def _hints(tree: type[Any]) -> dict[str, Any]:
    return typing.get_type_hints(tree)


def _walk(tree: type, groups: tuple[str, ...]) -> Iterable[Leaf]:
    hints = _hints(tree)
    for field in dataclasses.fields(tree):
        kind = hints[field.name]
        if dataclasses.is_dataclass(kind):
            yield from _walk(typing.cast(type, kind), (*groups, field.name))
            continue
        element = None
        if isinstance(kind, types.GenericAlias):
            kind, element = tuple, typing.get_args(kind)[0]
        text = str(field.metadata.get("help", ""))
        yield Leaf(field.name, groups, kind, element, field.default, text)


def get_leaf(config: Any, leaf: Leaf) -> Any:
    """The value of a leaf."""
    for group in leaf.groups:
        config = getattr(config, group)
    return getattr(config, leaf.name)


def replace_leaves(config: T, values: Mapping[str, Any]) -> T:
    """A copy with leaves replaced by name, validated; ValueError for an unknown name."""
    known = leaves(typing.cast(Any, type(config)))
    nested: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{name}: no such option{suggestion(name, known)}")
        place = nested
        for group in known[name].groups:
            place = place.setdefault(group, {})
        place[name] = value
    return _replace(config, nested)


def _replace(config: Any, nested: Mapping[str, Any]) -> Any:
    changes = {
        name: _replace(getattr(config, name), value) if isinstance(value, dict) else value
        for name, value in nested.items()
    }
    return dataclasses.replace(config, **changes)


def to_dict(config: Any) -> dict[str, Any]:
    """Nested dictionaries and lists, as JSON has them."""
    table: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            table[field.name] = to_dict(value)
        else:
            table[field.name] = list(value) if isinstance(value, tuple) else value
    return table


def flat(table: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves of nested dictionaries by their names alone."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        found |= flat(value) if isinstance(value, Mapping) else {str(name): value}
    return found


def update_from_dict(config: T, table: Any, where: str = "") -> T:
    """A copy with the values that `table` has; ValueError naming an unknown key or a wrong type."""
    if not isinstance(table, Mapping):
        raise ValueError(f"{where or 'configuration'}: expected an object {{name: value}}")
    hints = _hints(typing.cast(Any, type(config)))
    changes: dict[str, Any] = {}
    for name, value in table.items():
        path = f"{where}.{name}" if where else str(name)
        if name not in hints:
            raise ValueError(f"{path}: no such option{suggestion(str(name), hints)}")
        if dataclasses.is_dataclass(hints[name]):
            changes[name] = update_from_dict(getattr(config, name), value, path)
        else:
            changes[name] = _checked(value, hints[name], path)
    return dataclasses.replace(config, **changes)  # type: ignore[type-var]


def _checked(value: Any, kind: Any, path: str) -> Any:
    if isinstance(kind, types.GenericAlias):
        if not isinstance(value, list):
            raise ValueError(f"{path} = {value!r}: expected a list")
        return tuple(_checked(item, typing.get_args(kind)[0], path) for item in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError as error:
            raise ValueError(f"{path} = {value!r}: expected a finite number") from error
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{path} = {value!r}: expected a value of type {kind.__name__}")
    return value
