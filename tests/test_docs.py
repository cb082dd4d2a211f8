"""The documents hold what they show: python blocks run, commands and their flags exist, numbers are
those of the code, and every page is in the site's navigation."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from pathlib import Path
from typing import Any

import gymnasium
import pytest

from envs.config import EnvConfig
from launch import train
from launch.command import MODULES
from launch.config.flags import Command
from launch.config.run import RunConfig
from launch.config.tree import get_leaf, leaves
from launch.errors import BadInput

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda path: path.as_posix()
)
NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))
SLOW = {"docs/environments.md", "docs/library.md"}  # a simulator; compiles for 20 s
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:td3jax |python -m (?:launch|envs)\.)[^`]+)`")
_PLACEHOLDER = re.compile(r"=[A-Z]+(?=$|[ /])")
TINY = ["--steps=120", "--learning_starts=20", "--hidden_sizes=16", "--batch_size=16"]
TINY += ["--capacity=1000", "--eval_every=0", "--final_episodes=0", "--norecord_video"]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(text: str, *languages: str) -> list[str]:
    """The fenced blocks in one of the languages."""
    return [code for language, code in _FENCE.findall(text) if language in languages]


def code_of(path: Path) -> list[str]:
    """The python of a page or a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return blocks(text, "python")
    code = (cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code")
    return ["".join(cell["source"]) for cell in code]


def with_code(paths: list[Path]) -> list[Any]:
    """A parameter for each document that has python."""
    return [
        pytest.param(path, id=name(path), marks=[pytest.mark.slow] if name(path) in SLOW else [])
        for path in paths
        if code_of(path)
    ]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run that documents load, runs/carla-001."""
    folder = tmp_path_factory.mktemp("here")
    run = folder / "runs" / "carla-001"
    assert train.main(["--env=Pendulum-v1", *TINY, f"--run_dir={run}"]) == 0
    return folder


def run(path: Path) -> dict[str, Any]:
    """Run a document's code in its order, as one program; returns what it has named."""
    known: dict[str, Any] = {"__name__": "__main__"}
    for number, code in enumerate(code_of(path), 1):
        exec(compile(code, f"{name(path)}, block {number}", "exec"), known)
    for value in known.values():
        if isinstance(value, gymnasium.Env):
            value.close()
    return known


@pytest.mark.parametrize("path", with_code(PAGES))
def test_the_code_of_a_document_runs(path, request, tmp_path, monkeypatch):
    loads = any("runs/carla-001" in code for code in code_of(path))
    monkeypatch.chdir(request.getfixturevalue("trained") if loads else tmp_path)
    run(path)


@pytest.mark.slow
def test_the_notebook_shows_what_it_says(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    known = run(ROOT / "docs" / "first_hour.ipynb")
    right, leak = known["right"], known["leak"]
    assert min(right["return"][-5:]) > max(right["return"][:5]) + 20.0
    assert max(right["actor Q"]) < 20.0
    assert leak["actor Q"][-1] > 1e5
    assert abs(leak["replay Q"][-1]) < 20.0
    assert max(leak["return"][-5:]) < min(right["return"][-5:])


def test_the_notebook_is_kept_without_its_output():
    for path in NOTEBOOKS:
        table = json.loads(path.read_text(encoding="utf-8"))
        assert not any(cell.get("outputs") for cell in table["cells"]), path


def commands(text: str) -> list[str]:
    """The command lines of ours, in blocks and within sentences."""
    lines = "".join(blocks(text, "", "sh")).replace("\\\n", " ").splitlines()
    lines += [line.strip() for line in text.splitlines() if line.startswith("    td3jax ")]
    inline = [" ".join(words.split()) for words in _INLINE.findall(_FENCE.sub("", text))]
    lines = [re.split(r"(?:^|\s)#", line)[0] for line in lines]
    return [line for line in lines if re.search(r"(^|\s)td3jax\s", line)] + inline


def of_ours(line: str) -> tuple[str, list[str]]:
    """The name of a command of ours and the words after it."""
    words = shlex.split(line)
    if "td3jax" in words:
        name, *rest = words[words.index("td3jax") + 1 :]
        return name, rest
    modules = {module.removesuffix(".__main__"): each for each, module in MODULES.items()}
    return modules.get(words[2], words[2]), words[3:]


def parsed(name: str, words: list[str]) -> dict[str, Any]:
    """What a command makes of its words; capitals stand for a number or a name."""
    module = importlib.import_module(MODULES.get(name, name))
    if not isinstance(getattr(module, "COMMAND", None), Command):
        return {}  # argparse's
    filled = [_PLACEHOLDER.sub("=1", word) for word in words if word != "..."]
    return {} if Command.wanted_help(filled) else module.COMMAND.parse(filled)


WITH_COMMANDS = [
    path
    for path in (*PAGES, *NOTEBOOKS)
    if path.name != "CHANGELOG.md"  # its commands are those of their time
    and commands(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=name)
def test_every_command_that_a_document_shows_is_one(path):
    for line in commands(path.read_text(encoding="utf-8")):
        parsed(*of_ours(line))


TOYS = [
    line
    for path in WITH_COMMANDS
    for line in commands(path.read_text(encoding="utf-8"))
    if "LaneToy" in line
]


@pytest.mark.slow
@pytest.mark.parametrize("line", TOYS)
def test_a_shown_training_on_the_toy_runs(line, tmp_path):
    command, words = of_ours(line)
    assert command == "train"
    quick = {"steps": 60, "learning_starts": 20, "batch_size": 8, "final_episodes": 0}
    quick |= {"pretrain_updates": 0, "capacity": 1000, "run_dir": tmp_path / "run"}
    kept = [word for word in words if word[2:].partition("=")[0] not in quick]
    assert train.main([*kept, *(f"--{flag}={value}" for flag, value in quick.items())]) == 0


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("`td3jax train --stepz=5`", "stepz"),
        ("```sh\nA=1 td3jax evaluate RUN --seed=S \\\n  --oh=1\n```\n", "oh"),
        ("`td3jax trian`", "trian"),
        ("`python -m launch.trian`", "trian"),
    ],
)
def test_a_wrong_command_or_flag_in_a_document_is_found(text, wrong):
    (line,) = commands(text)
    with pytest.raises((BadInput, ImportError), match=wrong):
        parsed(*of_ours(line))


def test_the_task_s_page_has_the_code_s_numbers():
    known = leaves(RunConfig)
    text = (ROOT / "docs" / "task.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `--(\w+)` \| (\S+) \|", text, re.MULTILINE)
    assert len(rows) > 40
    for option, shown in rows:
        value = get_leaf(RunConfig(), known[option])
        assert shown == (f"{value:g}" if type(value) in (int, float) else str(value)), option
    assert EnvConfig() == RunConfig().env


def test_every_page_is_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = re.findall(r"(\S+\.md)$", text, re.MULTILINE)
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in PAGES if "docs" in path.parts}
    assert sorted(listed) == sorted(pages)
