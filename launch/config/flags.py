"""Command line flags: one for each leaf of the configuration, and the few that are not part of it.

Every flag is undefined until given, so that a preset, then a config file, then the flags decide.
"""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from launch.config.presets import DEFAULT, PRESETS, preset
from launch.config.run import RunConfig, read_config_file
from launch.config.tree import Leaf, get_leaf, leaves, replace_leaves
from launch.errors import BadInput


@dataclasses.dataclass(frozen=True)
class Extra:
    """A flag of a command that is not a field of the configuration."""

    name: str
    kind: type
    default: Any
    help: str


COMMON = (
    Extra("preset", str, DEFAULT, f"configuration to start from: {', '.join(PRESETS)}"),
    Extra("config", str, "", "JSON file of options that override the preset's (a config.json)"),
)
_DEFINE: dict[type, Callable[..., Any]] = {
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
    bool: flags.DEFINE_boolean,
    tuple: flags.DEFINE_list,
}


class Command:
    """The flags of one program, kept out of absl's global registry."""

    def __init__(self, name: str, summary: str, extras: Sequence[Extra]) -> None:
        self.name, self.summary = name, summary
        self._extras = (*extras, *COMMON)
        self._values = flags.FlagValues()
        for extra in self._extras:
            _DEFINE[extra.kind](extra.name, None, extra.help, flag_values=self._values)
        for leaf in leaves(RunConfig).values():
            _DEFINE[leaf.kind](leaf.name, None, leaf.help, flag_values=self._values)

    def parse(self, argv: Sequence[str]) -> dict[str, Any]:
        """The flags that were given, by name; BadInput, one line, for a wrong one."""
        self._values.unparse_flags()
        try:
            rest = self._values([self.name, *argv])
        except flags.Error as error:
            raise BadInput(f"{error} (--help lists every flag)") from error
        if len(rest) > 1:
            raise BadInput(f"{rest[1]!r}: not a flag; write --name=value (--help lists them)")
        found = {name: self._values[name] for name in self._values}
        given = {name: flag.value for name, flag in found.items() if flag.present}
        known = leaves(RunConfig)
        return {n: _converted(known[n], v) if n in known else v for n, v in given.items()}

    def extra(self, given: dict[str, Any], name: str) -> Any:
        """The value of a flag outside the configuration, or its default."""
        default = next(extra.default for extra in self._extras if extra.name == name)
        return given.get(name, default)

    def configuration(self, given: dict[str, Any], base: RunConfig | None = None) -> RunConfig:
        """`base` or the preset, then the config file, then the flags; BadInput if invalid."""
        config = base or preset(self.extra(given, "preset"))
        path = self.extra(given, "config")
        if path:
            config = read_config_file(Path(path), config)
        known = leaves(RunConfig)
        try:
            return replace_leaves(config, {n: v for n, v in given.items() if n in known})
        except ValueError as error:
            raise BadInput(f"--{error}") from error

    def help(self) -> str:
        """Every flag by group, with its default in the default preset."""
        lines = [self.summary, "", f"usage: python -m launch.{self.name} [--flag=value ...]", ""]
        for extra in self._extras:
            lines += _entry(extra.name, extra.kind.__name__, extra.default, extra.help)
        group: tuple[str, ...] = ()
        for leaf in sorted(leaves(RunConfig).values(), key=lambda leaf: leaf.groups[0] != "loop"):
            if leaf.groups != group:
                group = leaf.groups
                lines += ["", " / ".join(group) + ":"]
            default = get_leaf(preset(DEFAULT), leaf)
            lines += _entry(leaf.name, _kind(leaf), default, leaf.help)
        return "\n".join(lines) + "\n"


def _kind(leaf: Leaf) -> str:
    return f"{leaf.element.__name__},..." if leaf.element else leaf.kind.__name__


def _entry(name: str, kind: str, default: Any, text: str) -> list[str]:
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    head = f"  --{name}" if kind == "bool" else f"  --{name}={kind}"
    if kind == "bool":
        head = f"  --[no]{name}"
    text = f"{text} [{shown}]" if shown else text
    return [head, *textwrap.wrap(text, 90, initial_indent=" " * 6, subsequent_indent=" " * 6)]


def _converted(leaf: Leaf, value: Any) -> Any:
    if leaf.element is None:
        return value
    try:
        return tuple(leaf.element(item) for item in value)
    except ValueError as error:
        raise BadInput(
            f"--{leaf.name}={','.join(value)}: expected {leaf.element.__name__} values "
            "separated by commas"
        ) from error
