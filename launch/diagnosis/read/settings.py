"""Settings that an event file holds as text: CleanRL's table of hyperparameters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event

from launch.diagnosis.read.records import read_blocks

_TAG = "hyperparameters"
_ROW = re.compile(r"^\|(\w+)\|([^|]*)\|\s*$", re.MULTILINE)


def read_settings(path: Path) -> dict[str, float]:
    """The numbers of the table |name|value| near the beginning of an event file; empty without."""
    text = next((text for text in _texts(path) if text), "")
    found = {}
    for name, value in _ROW.findall(text):
        try:
            found[name] = float(value)
        except ValueError:
            continue
    return found


def _texts(path: Path) -> Iterator[str]:
    try:
        first = next(iter(read_blocks(path)), None)
    except OSError:
        return
    for payload in first.payloads if first else ():
        try:
            event = Event.FromString(payload)
        except DecodeError:
            continue
        for value in event.summary.value:
            if value.tag.partition("/")[0] == _TAG and value.tensor.string_val:
                yield value.tensor.string_val[0].decode("utf-8", "replace")
