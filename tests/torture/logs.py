"""Damaged logs: event files, some with checksums made anew, and our CSV. Judged, or refused."""

from __future__ import annotations

import contextlib
import io
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event

from launch.cli import guarded
from launch.diagnose import examine, main, summary
from launch.diagnosis.read.records import masked_crc, read_blocks
from launch.errors import BAD_INPUT, DONE, NO_GO, BadInput
from tests.torture.mutation import odd, spoil_bytes
from tests.torture.outcome import Outcome

_DATA = Path(__file__).parents[1] / "launch" / "data" / "conditions"
SOURCES = (
    _DATA / "healthy-cleanrl-pendulum-5" / "events.tfevents",
    _DATA / "dead_critic-cleanrl-pendulum-4" / "events.tfevents",
    _DATA / "healthy-ours-pendulum-5" / "metrics.csv",
)
_NAME = "torture"
_WITH_REPORT = 40  # one in so many is reported with plots


def fuzz(count: int, seed: int, scratch: Path) -> Outcome:
    """Damage copies of the logs and diagnose each."""
    rng, outcome = random.Random(seed), Outcome()
    for number in range(count):
        source = rng.choice(SOURCES)
        folder = scratch / f"log-{number}"
        folder.mkdir()
        way = rng.choice((_bytes, _records, _events) if "tfevents" in source.name else (_bytes,))
        file = folder / source.name
        file.write_bytes(way(source, rng))
        with outcome.attempt(f"{number}: {way.__name__[1:]} of {source.parent.name}"):
            diagnose(file, number % _WITH_REPORT == _WITH_REPORT - 1)
        shutil.rmtree(folder)
    return outcome


def diagnose(file: Path, report: bool) -> None:
    """Judge the run as the command does; raise where more than one line tells of an error."""
    body: Callable[[], int] = lambda: _judged(file)  # noqa: E731
    if report:
        body = lambda: main([str(file), f"--out_dir={file.parent / 'out'}"])  # noqa: E731
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        code = guarded(_NAME, body)
    if code not in (DONE, BAD_INPUT, NO_GO) or told.getvalue().count("\n") > 1:
        raise AssertionError(f"exit code {code}: {told.getvalue()[:300]}")


def _judged(file: Path) -> int:
    try:
        summary(examine(file))
    except ValueError as error:
        raise BadInput(str(error)) from error
    return DONE


def _bytes(source: Path, rng: random.Random) -> bytes:
    return spoil_bytes(source.read_bytes(), rng)


def _payloads(source: Path) -> list[bytes]:
    return [payload for block in read_blocks(source) for payload in block.payloads]


def _framed(payloads: list[bytes]) -> bytes:
    """Records with right checksums."""
    parts = []
    for payload in payloads:
        length = struct.pack("<Q", len(payload))
        parts += [length, _crc(length), payload, _crc(payload)]
    return b"".join(parts)


def _crc(data: bytes) -> bytes:
    return masked_crc(np.frombuffer(data, np.uint8)[None]).astype("<u4").tobytes()


def _records(source: Path, rng: random.Random) -> bytes:
    """Whole records dropped, doubled, out of order, or with another content."""
    payloads = _payloads(source)[:400]
    for _ in range(rng.choice((1, 10, 100))):
        at, way = rng.randrange(len(payloads)), rng.randrange(4)
        if way == 0 and len(payloads) > 1:
            del payloads[at]
        elif way == 1:
            payloads.insert(at, payloads[rng.randrange(len(payloads))])
        elif way == 2:
            other = rng.randrange(len(payloads))
            payloads[at], payloads[other] = payloads[other], payloads[at]
        else:
            payloads[at] = spoil_bytes(payloads[at], rng)
    return _framed(payloads)


def _events(source: Path, rng: random.Random) -> bytes:
    """Events whose step, time, tags or values are none that a training writes."""
    payloads = _payloads(source)[:400]
    for _ in range(rng.choice((1, 10, 100))):
        at = rng.randrange(len(payloads))
        event = Event.FromString(payloads[at])
        with contextlib.suppress(TypeError, ValueError, UnicodeError):
            _spoil_event(event, rng)
        payloads[at] = event.SerializeToString()
    return _framed(payloads)


def _spoil_event(event: Event, rng: random.Random) -> None:
    """Raise where the value is of a type that the field cannot have."""
    value, way = odd(rng), rng.randrange(4)
    if way == 0:
        event.step = value
    elif way == 1:
        event.wall_time = value
    elif way == 2 and event.summary.value:
        event.summary.value[0].simple_value = value
    else:
        event.summary.value.add(tag=str(value)[:200], simple_value=rng.uniform(-10.0, 10.0))
