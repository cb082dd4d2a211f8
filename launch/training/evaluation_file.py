"""The JSON file of an evaluation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from launch.files import write_whole
from launch.training.environments import Env, steps_per_second
from launch.training.evaluation import EpisodeResult, table

#: A list of numbers over several lines. A text in JSON has no line break of its own.
_NUMBERS = re.compile(r"\[\n\s+-?[\d.]+(?:e-?\d+)?(?:,\n\s+-?[\d.]+(?:e-?\d+)?)*\n\s+\]")


def write_evaluation(
    path: Path, head: Mapping[str, Any], results: Sequence[EpisodeResult], env: Env
) -> None:
    """Write `evaluation.table` after `head` and the length of a step."""
    pace = {"seconds_per_step": 1.0 / steps_per_second(env)}
    text = json.dumps({**head, **pace, **table(results)}, indent=1)
    write_whole(path, _NUMBERS.sub(_one_line, text) + "\n")


def _one_line(numbers: re.Match[str]) -> str:
    return re.sub(r"\s+", "", numbers[0])
