"""plotly.js and our own script, and the policy that lets a browser run nothing but these two."""

from __future__ import annotations

import base64
import functools
import gzip
import hashlib
from importlib import resources
from typing import NamedTuple


class Scripts(NamedTuple):
    """library: plotly.js, compressed, as base64; own: our script; policy: the content of the
    header Content-Security-Policy, which also keeps the page from the network."""

    library: str
    own: str
    policy: str


@functools.cache
def scripts() -> Scripts:
    """The scripts of every page; compressed, the library takes 2 MB of a page instead of 5."""
    library = (resources.files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    own = text_of("page.js")
    hashes = " ".join(map(_hash, (own.encode(), library)))
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; media-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    packed = base64.b64encode(gzip.compress(library, 6, mtime=0)).decode("ascii")
    return Scripts(packed, own, policy)


def _hash(script: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode('ascii')}'"


def text_of(name: str) -> str:
    """A file beside this module."""
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
