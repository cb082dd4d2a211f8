"""What a run asks of the machine."""

from pathlib import Path

import jax
import pytest

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
