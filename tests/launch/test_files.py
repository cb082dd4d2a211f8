"""Files that appear whole or not at all; tables as CSV and Markdown."""

import csv
from pathlib import Path

import pytest

from launch.files import markdown_table, replacing, write_csv, write_records, write_whole


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "new \udcff")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    write_whole(path, b"\x00new")
    assert path.read_bytes() == b"\x00new"


def test_a_block_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "plot.png"
    write_whole(path, "old")

    def interrupted() -> None:
        with replacing(path) as part:
            part.write_text("half")
            assert part.suffix == ".png"
            assert path.read_text() == "old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        write_whole(tmp_path / "none" / "a.txt", "x")
    assert "none" in str(caught.value.filename)


def test_csv_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    records = [{"arm": "a, b", "x": 1}, {"arm": 'say "c"', "x": 2.5}]
    write_records(path, records, "arm")
    with path.open(newline="") as file:
        assert list(csv.DictReader(file)) == [{k: str(v) for k, v in r.items()} for r in records]
    write_records(path, [], "arm")
    assert path.read_text() == "arm\n"
    write_csv(path, ("a", "b"), [(1, None)])
    assert path.read_text() == "a,b\n1,\n"


def test_cells_of_markdown_are_escaped() -> None:
    assert markdown_table(("what", "late"), [("|Q - target Q|", 3), ("two\nlines", "")]) == [
        "| what | late |",
        "|---|---|",
        "| \\|Q - target Q\\| | 3 |",
        "| two lines |  |",
    ]
