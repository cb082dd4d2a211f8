"""setup.py, requirements.lock and the imports of the code agree."""

from __future__ import annotations

import ast
import configparser
import email
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
METADATA = """
import sys
from setuptools import build_meta
build_meta.prepare_metadata_for_build_wheel(sys.argv[1])
"""
# Optional packages, which need not be installed where the tests run.
BENCH = {"sbx": "sbx-rl", "stable_baselines3": "stable-baselines3", "torch": "torch"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The metadata folder that a wheel would have, made from a copy of what that needs."""
    folder = tmp_path_factory.mktemp("package")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "td3jax/__init__.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", METADATA, str(folder)], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("*.dist-info")
    return made


@pytest.fixture(scope="module")
def package(made: Path) -> email.message.Message:
    """The metadata itself."""
    return email.message_from_string((made / "METADATA").read_text(encoding="utf-8"))


def required(package: email.message.Message, *extras: str) -> list[Requirement]:
    """Return the requirements of an installation with these extras."""
    asked = [Requirement(text) for text in package.get_all("Requires-Dist", [])]
    return [
        requirement
        for requirement in asked
        if requirement.marker is None
        or any(requirement.marker.evaluate({"extra": extra}) for extra in extras)
    ]


def names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


def locked() -> dict[str, Version]:
    """Package -> release, of requirements.lock."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): Version(release) for name, release in pairs}


def imported(folder: str) -> set[str]:
    """Distributions that the modules of a folder import."""
    ours = {"td3jax", "envs", "launch"}
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module)
    tops = {
        "google.protobuf" if n.startswith("google.protobuf") else n.split(".")[0] for n in found
    }
    owners = packages_distributions() | {"google.protobuf": ["protobuf"]}
    return {
        canonicalize_name(BENCH.get(top) or owners.get(top, [top])[0])
        for top in tops - ours - set(sys.stdlib_module_names)
    }


def test_the_algorithm_imports_the_core_alone(package):
    assert imported("td3jax") <= names(required(package))


@pytest.mark.parametrize("folder", ["envs", "launch"])
def test_every_import_is_asked_for(package, folder):
    assert imported(folder) <= names(required(package, "all", "bench", "scale", "wandb"))


@pytest.mark.parametrize("extra", ["carla", "gym", "diagnose", "studies", "dev"])
def test_all_holds_each_extra(package, extra):
    assert names(required(package, extra)) <= names(required(package, "all"))


def test_all_has_neither_cuda_nor_torch(package):
    everything = required(package, "all")
    assert "torch" not in names(everything)
    assert not any(extra.startswith("cuda") for each in everything for extra in each.extras)


def test_the_lock_has_a_release_in_every_range(package):
    releases = locked()
    for requirement in required(package, "all"):
        release = releases[canonicalize_name(requirement.name)]
        assert release in requirement.specifier, f"{requirement}, locked is {release}"


def test_both_pythons_and_no_other(package):
    asked = Requirement(f"x{package['Requires-Python']}").specifier
    assert [minor for minor in range(9, 16) if f"3.{minor}" in asked] == [11, 12]


def test_the_version_is_the_modules_own(package):
    text = (ROOT / "td3jax" / "__init__.py").read_text(encoding="utf-8")
    assert f'__version__ = "{package["Version"]}"' in text
    newest = re.search(r"^## (\S+),", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert newest is not None
    assert newest[1] == package["Version"]


def test_the_console_command_starts(made, package):
    commands = configparser.ConfigParser()
    commands.read(made / "entry_points.txt", encoding="utf-8")
    assert list(commands["console_scripts"]) == ["td3jax"]
    module, function = commands["console_scripts"]["td3jax"].split(":")
    # As pip's script does it: no arguments, and what it returns is the exit code.
    code = f"import sys; from {module} import {function}; sys.exit({function}())"
    done = subprocess.run(
        [sys.executable, "-c", code, "--version"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"td3jax {package['Version']}"


def test_the_readme_names_all_that_diagnose_needs_without_jax(package):
    (line,) = re.findall(r"^pip install (numpy .*)$", (ROOT / "README.md").read_text(), re.M)
    wanted = names(required(package, "diagnose")) - names(required(package))
    asked = {canonicalize_name(name) for name in line.split()}
    assert asked == wanted - {"markupsafe"} | {"numpy", "absl-py"}  # jinja2 brings it
