"""Command line flags, one system for every command: over absl's, outside its global registry."""

from __future__ import annotations

import dataclasses
import math
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from absl import flags

from launch.errors import EXIT_CODES, BadInput
from td3jax.options import suggestion

_DEFINE: dict[type, Callable[..., Any]] = {
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
    bool: flags.DEFINE_boolean,
    tuple: flags.DEFINE_multi_string,
}
_BRACKETS = {"[": 1, "{": 1, "(": 1, "]": -1, "}": -1, ")": -1}


@dataclasses.dataclass(frozen=True)
class Flag:
    """One flag: of type int, float, bool, str, or tuple (separated by commas, may be repeated).

    element: type of a tuple's items. common: shown by --help. also: older names of the flag.
    """

    name: str
    kind: type
    default: Any
    help: str
    common: bool = False
    group: str = ""
    element: type = str
    low: float | None = None
    choices: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    def value(self, given: Any) -> Any:
        """The flag's value from absl's; BadInput, one line, for one that is out of bounds."""
        if self.kind is tuple:
            given = self._items([item for text in given for item in split(text)])
        if self.kind is float and not math.isfinite(given):
            raise BadInput(f"--{self.name}={given}: expected a finite number")
        if self.low is not None and given < self.low:
            raise BadInput(f"--{self.name}={given}: expected at least {self.low:g}")
        for item in given if self.kind is tuple else (given,):
            if self.choices and item not in self.choices:
                wanted = "choose from" if self.kind is tuple else "expected one of"
                near = suggestion(item, self.choices)
                names = ", ".join(self.choices)
                raise BadInput(f"--{self.name}={item}: {wanted} {names}{near}")
        return given

    def _items(self, texts: Sequence[str]) -> tuple[Any, ...]:
        try:
            return tuple(self.element(text) for text in texts)
        except ValueError as error:
            kind = self.element.__name__
            raise BadInput(
                f"--{self.name}={','.join(texts)}: expected {kind} values separated by commas"
            ) from error

    def entry(self) -> list[str]:
        """The lines of help."""
        kind = f"{self.element.__name__},..." if self.kind is tuple else self.kind.__name__
        head = f"  --[no]{self.name}" if self.kind is bool else f"  --{self.name}={kind}"
        listed = isinstance(self.default, tuple)
        shown = ",".join(map(str, self.default)) if listed else str(self.default)
        text = f"{self.help} [{shown}]" if shown else self.help
        return [head, *textwrap.wrap(text, 90, initial_indent=" " * 6, subsequent_indent=" " * 6)]


@dataclasses.dataclass(frozen=True)
class Command:
    """The command line of one program.

    about: its module's docstring, whose first line says what it does. positional: flag that a
    word without a name stands for, or all such words where it is a tuple. rest: tuple flag that
    takes the words after "--". notes: lines that --helpfull adds.
    """

    name: str
    about: str | None
    example: str
    flags: tuple[Flag, ...]
    positional: str = ""
    rest: str = ""
    notes: tuple[str, ...] = ()

    def parse(self, argv: Sequence[str]) -> dict[str, Any]:
        """The flags that were given, by name; BadInput, one line, for a wrong one."""
        own, rest = _at_dashes(argv)
        values = flags.FlagValues()
        values.set_gnu_getopt()
        for flag in self.flags:
            _DEFINE[flag.kind](flag.name, None, flag.help, flag_values=values)
        try:
            words = values([self.name, *self._renamed(own)])[1:]
        except flags.Error as error:
            raise BadInput(f"{error} (--help lists the flags)") from error
        given = {
            f.name: f.value(values[f.name].value) for f in self.flags if values[f.name].present
        }
        if words and self.positional and self.positional not in given:
            several = any(f.kind is tuple for f in self.flags if f.name == self.positional)
            given[self.positional] = tuple(words) if several else words[0]
            words = [] if several else words[1:]
        if words:
            raise BadInput(f"{words[0]!r}: not a flag; write --name=value (--help lists them)")
        if rest:
            if not self.rest:
                raise BadInput(f"{rest[0]!r}: nothing may follow -- here (see --help)")
            given[self.rest] = (*given.get(self.rest, ()), *rest)
        return given

    def _renamed(self, argv: Sequence[str]) -> Iterator[str]:
        names = {old: flag.name for flag in self.flags for old in flag.also}
        names |= {f"no{old}": f"no{new}" for old, new in names.items()}
        for word in argv:
            match = re.fullmatch(r"(--?)(\w+)(=.*)?", word, re.DOTALL)
            if match and match[2] in names:
                word = f"{match[1]}{names[match[2]]}{match[3] or ''}"
            yield word

    def value(self, given: dict[str, Any], name: str) -> Any:
        """The value of a flag: what was given, or its default."""
        if name in given:
            return given[name]
        return next(flag.default for flag in self.flags if flag.name == name)

    @staticmethod
    def wanted_help(argv: Sequence[str]) -> str:
        """ "help" or "helpfull", or nothing where a person asks for neither."""
        for word in _at_dashes(argv)[0]:
            if word in ("-h", "-help", "--help", "-helpfull", "--helpfull"):
                return "helpfull" if word.endswith("helpfull") else "help"
        return ""

    def help(self, everything: bool = False) -> str:
        """An example, the flags that people use or all of them, and the exit codes."""
        common = tuple(flag for flag in self.flags if flag.common) or self.flags
        usage = f"usage: td3jax {self.name} [--flag=value ...]"
        usage += f" [{self.positional.upper()}]" if self.positional else ""
        usage += " [-- flags of td3jax train]" if self.rest else ""
        summary = (self.about or "").partition("\n")[0]
        lines = [f"example: {self.example}", "", summary, "", usage, ""]
        group = ""
        for flag in self.flags if everything else common:
            if everything and flag.group != group:
                group = flag.group
                lines += ["", f"{group}:"]
            lines += flag.entry()
        if everything and self.notes:
            lines += ["", *self.notes]
        codes = "; ".join(f"{code} {text}" for code, text in EXIT_CODES.items())
        lines += ["", *textwrap.wrap(f"exit codes: {codes}", 96)]
        if not everything:
            lines.append(f"--helpfull lists all {len(self.flags)} flags.")
        return "\n".join(lines) + "\n"


def _at_dashes(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words before and after "--"."""
    words = list(argv)
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def split(text: str) -> list[str]:
    """The parts of a text between its commas, but not those within brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += _BRACKETS.get(letter, 0)
        if letter == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts] if text else []
