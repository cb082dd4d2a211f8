"""The import contract: arrows run one way, and no module imports itself through others."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("td3jax", "envs", "launch")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
#: importer: what it must not import, by prefix, except those that follow
FORBIDDEN = {
    "td3jax": ("envs", "launch"),
    "envs": ("launch", "td3jax"),
    "envs.standin": ("envs", "launch", "td3jax"),
    "envs.task": ("carla", "envs.world", "envs.process", "envs.standin"),
    "envs.world": ("envs.process", "envs.standin"),
    "launch.config": ("launch.training", "launch.studies", "launch.benchmarks", "envs.world"),
    "launch.diagnosis": (
        "launch.page",
        "launch.training",
        "launch.studies",
        "launch.benchmarks",
        "jax",
        "carla",
    ),
    "launch.page": ("launch.training", "launch.studies", "launch.benchmarks", "jax", "carla"),
    "launch.training": ("launch.studies", "launch.benchmarks"),
    "launch.studies": ("launch.benchmarks",),
}
ALLOWED = {
    "td3jax": ("td3jax",),
    "envs": ("td3jax.options",),
    "envs.standin": ("envs.standin",),
}


def _lies_in(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def _imports(module: str, top_level_only: bool = False) -> set[str]:
    """Modules that a module imports, those under TYPE_CHECKING left out."""
    tree = ast.parse(MODULES[module].read_text())
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if top_level_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in MODULES else node.module)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree)
    return found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_import_runs_upward(package):
    allowed = ALLOWED.get(package, ())
    wrong = [
        f"{module} -> {name}"
        for module in MODULES
        if _lies_in(module, package)
        for name in _imports(module)
        if any(_lies_in(name, other) for other in FORBIDDEN[package])
        and not any(_lies_in(name, other) for other in allowed)
    ]
    assert not wrong


def test_there_is_no_import_circle():
    arrows = {
        module: {name for name in _imports(module, top_level_only=True) if name in MODULES}
        for module in MODULES
    }
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module in done:
            return
        for name in sorted(arrows[module] - {module}):
            walk(name, (*path, module))
        done.add(module)

    for module in MODULES:
        walk(module, ())


def test_the_contract_sees_an_import():
    assert "td3jax.options" in _imports("envs.config")
    assert "envs.errors" in _imports("launch.cli")
