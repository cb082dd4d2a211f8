"""What a run was made with: settings that differ from a preset, source, versions, machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from launch.config.presets import PRESETS
from launch.config.tree import flat, to_dict
from launch.diagnosis.series import get
from launch.page.subject import Subject, Table

UNKNOWN = "no such option now"
_PRESET = re.compile(r"--?preset(?:=(.*))?")


class Setting(NamedTuple):
    """An option, its value, and what the preset has."""

    name: str
    value: str
    usual: str


class Settings(NamedTuple):
    """preset: its name, empty where there is none to compare with; facts: name and value."""

    preset: str
    changed: list[Setting]
    facts: list[tuple[str, str]]


def settings(subject: Subject) -> Settings | None:
    """The settings of a page's subject; None where nothing is known of them."""
    facts = [*_facts(subject)]
    if not subject.config:
        return Settings("", [], facts) if facts else None
    own = flat(subject.config)
    if not subject.loop:
        return Settings("", [Setting(n, _foreign(v), "") for n, v in own.items()], facts)
    preset = _preset(subject, own)
    usual = flat(to_dict(PRESETS[preset].config))
    changed = [
        Setting(
            name,
            shown_value(value),
            shown_value(usual[name]) if name in usual else "no such option now",
        )
        for name, value in own.items()
        if name not in usual or usual[name] != value
    ]
    return Settings(preset, changed, facts)


def _preset(subject: Subject, own: Mapping[str, Any]) -> str:
    """The preset that the command named, else the one with the fewest other values."""
    for session in subject.sessions[:1]:
        named = _named(_flags(session))
        if named in PRESETS:
            return named

    def other(name: str) -> int:
        usual = flat(to_dict(PRESETS[name].config))
        return sum(usual.get(leaf) != value for leaf, value in own.items())

    return min(PRESETS, key=other)


def _named(words: Sequence[str]) -> str:
    for word, following in zip(words, [*words[1:], ""], strict=False):
        match = _PRESET.fullmatch(word)
        if match:
            return match[1] if match[1] is not None else following
    return ""


def _flags(session: Table) -> list[str]:
    """The flags of the command that started a run."""
    words = [str(word) for word in session.get("command", ())]
    at = next((i for i, word in enumerate(words) if word in ("train", "launch.train")), None)
    return [] if at is None else words[at + 1 :]


def _facts(subject: Subject) -> Iterator[tuple[str, str]]:
    if subject.sessions:
        first, last = subject.sessions[0], subject.sessions[-1]
        yield "command", " ".join(map(str, last.get("command", ())))
        yield "started", str(first.get("time", ""))
        if len(subject.sessions) > 1:
            yield "starts", f"{len(subject.sessions)}, the last at {last.get('time', '')}"
        commits = dict.fromkeys(str(s["commit"]) for s in subject.sessions if s.get("commit"))
        if commits:
            yield "commit", ", ".join(commits)
        named = {"python": last.get("python"), **(last.get("versions") or {})}
        yield "versions", ", ".join(f"{name} {release}" for name, release in named.items())
        machine = (last.get(name) for name in ("host", "processor", "cores", "devices"))
        yield "machine", ", ".join(str(part) for part in machine if part)
    if subject.found:
        seconds = get(subject.found.run.series, "time/seconds").values
        if seconds.size:
            yield "training", f"{seconds[-1]:,.0f} s ({_clock(seconds[-1])})"
        yield "files", ", ".join(path.name for path in subject.found.run.files)


def _clock(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60.0), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _foreign(value: Any) -> str:
    """A setting of another library, which may have written whole numbers as floats."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return f"{value:.0f}" if whole else shown_value(value)


def shown_value(value: Any) -> str:
    """A setting's value as a text."""
    return value if isinstance(value, str) and value else json.dumps(value)
