"""The flags of commands that take a run's configuration: one for each of its leaves.

A preset, then a configuration file, then the flags decide.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from launch.config.flags import Flag
from launch.config.presets import DEFAULT, PRESETS, preset
from launch.config.run import (
    CARLA,
    RENAMED,
    RunConfig,
    is_address,
    parse_address,
    parse_arguments,
    read_config_file,
)
from launch.config.tree import get_leaf, leaves, replace_leaves
from launch.errors import BadInput

_PRESET_HELP = (
    "configuration to start from; empty = the one that fits --env: carla, or pixels or vector by "
    f"its observations. There are {', '.join(PRESETS)}"
)
_CONFIG_HELP = "JSON file of options that override the preset's (a config.json)"
#: This machine, which a checkpoint may name.
_HERE = ("localhost", "127.0.0.1")
ABOUT_PRESETS = ("presets:", *(f"  {name}: {made.about}" for name, made in PRESETS.items()))


def run_flags(common: Collection[str]) -> tuple[Flag, ...]:
    """--preset, --config and every option of a run; `common`: those that --help shows.

    Defaults are those of the default preset.
    """
    ordered = sorted(leaves(RunConfig).values(), key=lambda leaf: leaf.groups[0] != "loop")
    others = {new: name for name, new in RENAMED.items()}
    options = [
        Flag(
            leaf.name,
            leaf.kind,
            get_leaf(preset(DEFAULT), leaf),
            leaf.help,
            common=leaf.name in common,
            group=" / ".join(leaf.groups),
            element=leaf.element or str,
            also=(others[leaf.name],) if leaf.name in others else (),
        )
        for leaf in ordered
    ]
    return (
        Flag("preset", str, "", _PRESET_HELP, common="preset" in common),
        Flag("config", str, "", _CONFIG_HELP, common="config" in common),
        *options,
    )


def env_of(given: Mapping[str, Any]) -> str:
    """The environment that flags and configuration file ask for."""
    if "env" in given:
        return str(given["env"])
    path = given.get("config")
    return read_config_file(Path(path), RunConfig()).loop.env if path else CARLA


def configuration(given: Mapping[str, Any], base: RunConfig) -> RunConfig:
    """`base`, then the configuration file, then the flags; BadInput where they are invalid."""
    path = given.get("config")
    if "port" in given and not given.get("host") and not (path or base.env.server.host):
        raise BadInput(
            f"--port={given['port']}: add --host=localhost, or the server's host; without a host a "
            "server is started on a free port"
        )
    if path:
        base = read_config_file(Path(path), base)
    known = leaves(RunConfig)
    try:
        return replace_leaves(base, {n: v for n, v in given.items() if n in known})
    except ValueError as error:
        raise BadInput(f"--{error}") from error


def from_checkpoint(given: Mapping[str, Any], stored: RunConfig) -> RunConfig:
    """Return a checkpoint's configuration with the flags over it.

    A checkpoint is data: BadInput where it names code to run, a file, or another host, that the
    flags do not name too.
    """
    loop, server = stored.loop, stored.env.server
    named = {
        "algorithm": ":" in loop.algorithm,
        "env": ":" in loop.env,
        "env_args": _holds_text(list(parse_arguments(loop.env_args).values())),
        "rules": bool(loop.rules),
        "server_command": bool(server.server_command),
        "server_log": bool(server.server_log),
        "host": server.host not in ("", *_HERE),
        "servers": any(parse_address(one)[0] not in _HERE for one in loop.servers),
        "replay_path": bool(stored.replay.replay_path),
        "ray_address": is_address(loop.ray_address),
        "server_stop_command": bool(server.server_stop_command),
    }
    known = leaves(RunConfig)
    missing = [
        f"--{name}={_as_word(get_leaf(stored, known[name]))}"
        for name, asks in named.items()
        if asks and name not in given
    ]
    if missing:
        words = " ".join(map(shlex.quote, missing))
        raise BadInput(f"the checkpoint names code to run, files or hosts; to allow it: {words}")
    return configuration(given, stored)


def _as_word(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _holds_text(value: Any) -> bool:
    """Tell whether a text, which may name a file, is among the values of a JSON list."""
    if isinstance(value, list):
        return any(map(_holds_text, value))
    return isinstance(value, (str, dict))
