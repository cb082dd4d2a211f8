"""The console command `td3jax`, also `python -m td3jax`: hands over to `launch.command`.

It stands here because a package `launch` or `envs` of somebody else may be found before ours; then
one line says so. Nothing else in this package knows of the other two, which are imported by name.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_HOME = Path(__file__).resolve().parents[1]  # of td3jax, envs and launch
_BAD_INPUT = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    for name in ("envs", "launch"):
        complaint = _stranger(name)
        if complaint:
            print(f"td3jax: {complaint}", file=sys.stderr)
            return _BAD_INPUT
    here = Path.cwd().resolve()
    if here != _HOME:
        # `python -m` in our own processes would find a folder `envs` here before ours.
        os.environ["PYTHONSAFEPATH"] = "1"
        sys.path.append(str(here))  # for --env=module:Name, behind ours
    words = sys.argv[1:] if argv is None else argv
    code: int = importlib.import_module("launch.command").main(words)
    return code


def _stranger(name: str) -> str:
    """Say which package Python finds under the name of one of ours, where it is another."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return f"there is no package {name} beside {_HOME / 'td3jax'}: install td3jax again"
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    found = Path(places[0]).resolve()
    ours = _HOME / name
    if found in (ours, ours / "__init__.py"):
        return ""
    return (
        f"Python finds a package {name} of somebody else, {found}, before {ours}: rename it, take "
        "its folder out of PYTHONPATH, or start td3jax in another folder"
    )


if __name__ == "__main__":
    sys.exit(main())
