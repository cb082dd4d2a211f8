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
from launch.config.run import CARLA, RENAMED, RunConfig, read_config_file
from launch.config.tree import get_leaf, leaves, replace_leaves
from launch.errors import BadInput

_PRESET_HELP = (
    "configuration to start from; empty = the one that fits --env: carla, or pixels or vector by "
    f"its observations. There are {', '.join(PRESETS)}"
)
_CONFIG_HELP = "JSON file of options that override the preset's (a config.json)"
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

    A checkpoint is data: BadInput where it names code to run, or a file to write, that the flags do
    not name too.
    """
    named = {
        "algorithm": ":" in stored.loop.algorithm,
        "env": ":" in stored.loop.env,
        "rules": bool(stored.loop.rules),
        "server_command": bool(stored.env.server.server_command),
        "server_log": bool(stored.env.server.server_log),
        "replay_path": bool(stored.replay.replay_path),
        "ray_address": ":" in stored.loop.ray_address,
        "server_stop_command": bool(stored.env.server.server_stop_command),
    }
    known = leaves(RunConfig)
    missing = [
        f"--{name}={get_leaf(stored, known[name])}"
        for name, asks in named.items()
        if asks and name not in given
    ]
    if missing:
        words = " ".join(map(shlex.quote, missing))
        raise BadInput(f"the checkpoint names code to run or a file to write; to allow it: {words}")
    return configuration(given, stored)
