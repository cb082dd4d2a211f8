"""Files that appear whole or not at all, and tables as CSV and Markdown."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from td3jax.files import write_synced


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; what was written takes the place of `path`.

    An exception in the block leaves the old file as it was, and nothing beside it.
    """
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        yield part
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(part)):
            error.filename = str(path)  # write() names no file
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file, synced to the disk, whole or not at all; text is UTF-8."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with replacing(path) as part:
        write_synced(part, data)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV with a header line."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file with a header line."""
    write_whole(path, csv_text(header, rows))


def write_records(path: Path, records: Sequence[Mapping[str, object]], first: str) -> None:
    """Write a CSV file of records with the same keys; of none, a header of `first` alone."""
    header = list(records[0]) if records else [first]
    write_csv(path, header, [[record[name] for name in header] for record in records])


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a Markdown table; bars and line breaks in cells are escaped."""
    return [_line(header), "|" + "---|" * len(header), *map(_line, rows)]


def _line(cells: Sequence[object]) -> str:
    texts = (" ".join(str(cell).split()).replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(texts) + " |"
