"""What a run asks of the machine."""

from pathlib import Path

import jax
import pytest
from run_support import command, finished, start

from launch.training.machine import cache_compilations


def test_compiled_programs_are_kept_in_the_user_s_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = jax.config.jax_compilation_cache_dir
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache_compilations()
    assert jax.config.jax_compilation_cache_dir == before  # the environment names one
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    try:
        cache_compilations()
        folder = Path(jax.config.jax_compilation_cache_dir)
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
    assert folder.parent == tmp_path / "td3jax"
    assert jax.__version__ in folder.name


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        ("train", "cuda"),
        pytest.param("train", "no_such_platform", marks=pytest.mark.slow),
        pytest.param("ablate", "cuda", marks=pytest.mark.slow),
    ],
)
def test_a_device_that_is_not_there_is_one_line(
    name: str, platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if platform == "cuda" and jax.default_backend() == "gpu":
        pytest.skip("this machine has one")
    monkeypatch.setenv("JAX_PLATFORMS", platform)
    run = tmp_path / "run"
    words = {
        "train": ["--env=Pendulum-v1", "--preset=vector", f"--run_dir={run}"],
        "ablate": [f"--out_dir={run}"],
    }
    code, _, err = finished(start(command(name, *words[name])))
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(f"{name}: jax does not start with JAX_PLATFORMS={platform}: ")
    assert not run.exists()
