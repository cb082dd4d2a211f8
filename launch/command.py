"""The console command's commands by name; each is imported when it is asked for."""

from __future__ import annotations

import importlib
import importlib.util
import pydoc
from collections.abc import Sequence

import td3jax
from launch.cli import guarded
from launch.errors import DONE, BadInput
from td3jax.options import suggestion

MODULES = {
    "train": "launch.train",
    "evaluate": "launch.evaluate",
    "diagnose": "launch.diagnose",
    "compare": "launch.compare",
    "validate": "launch.validate",
    "ablate": "launch.ablate",
    "driving": "launch.driving",
    "parity": "launch.parity",
    "benchmark": "launch.benchmark",
    "soak": "launch.soak",
    "conditions": "launch.conditions",
    "contact_sheet": "launch.studies.contact_sheet",
    "doctor": "launch.doctor",
    "standin": "envs.standin.__main__",
}


def main(argv: Sequence[str]) -> int:
    """Run the command that the first word names with the words after it; returns the exit code."""
    if not argv or argv[0] in ("-h", "-help", "--help", "--helpfull"):
        print(overview(), end="")
        return DONE
    if argv[0] == "--version":
        print(f"td3jax {td3jax.__version__}")
        return DONE
    return guarded("td3jax", lambda: _run(argv[0], list(argv[1:])))


def _run(name: str, words: list[str]) -> int:
    if name not in MODULES:
        near = suggestion(name, MODULES)
        raise BadInput(f"{name!r}: no such command{near} (td3jax --help lists them)")
    code: int = importlib.import_module(MODULES[name]).main(words)
    return code


def overview() -> str:
    """One line for each command."""
    lines = ["example: td3jax train --steps=5000 --seed=1", "", "commands:"]
    lines += [f"  {name:14} {_summary(module)}" for name, module in MODULES.items()]
    return "\n".join([*lines, "", "td3jax COMMAND --help explains the flags of each."]) + "\n"


def _summary(module: str) -> str:
    """The first line of a module's docstring, without importing it."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return pydoc.synopsis(spec.origin) or ""
