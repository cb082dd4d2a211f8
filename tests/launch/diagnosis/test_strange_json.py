"""JSON that Python cannot take in: brackets beyond its depth, whole numbers beyond its digits."""

from __future__ import annotations

from pathlib import Path

import pytest

from launch.diagnosis.facts import read_config
from launch.diagnosis.limits import parse_limits
from launch.diagnosis.read.logs import read_run
from launch.diagnosis.tags import read_tag_map
from launch.page.subject import of_folder

STRANGE = ["[" * 100_000, '{"a":' * 100_000, "1" * 5000]


@pytest.fixture(params=STRANGE, ids=["brackets", "objects", "digits"])
def text(request: pytest.FixtureRequest) -> str:
    return request.param


def test_a_file_of_options_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    for read in (
        lambda: read_tag_map(path),
        lambda: parse_limits([str(path)]),
        lambda: read_config(tmp_path),
    ):
        with pytest.raises(ValueError, match=r"config\.json: not .*JSON") as caught:
            read()
        assert "\n" not in str(caught.value)


def test_a_line_of_a_log_is_counted_as_damaged(text: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    rows = [f'{{"step": {step}, "train/loss": 1.0}}' for step in range(5)]
    rows += [text, f'{{"step": {"1" * 400}}}']
    path.write_text("\n".join(rows))
    run = read_run(path, None)
    assert any("2 lines are no JSON object" in line for line in run.warnings), run.warnings


def test_a_page_leaves_it_out(text: str, tmp_path: Path) -> None:
    for name in ("config.json", "evaluation.json", "validate.json", "sessions.jsonl"):
        (tmp_path / name).write_text(text)
    subject = of_folder(tmp_path, None)
    assert (subject.config, subject.final, subject.sessions, subject.gates) == (None, None, [], [])
