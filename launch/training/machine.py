"""A run's demands on the machine: allocator, compilation cache, a line that says where it is."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

import jax

from launch.errors import BadInput
from launch.training.allocator import tune_allocator
from td3jax.config import Spaces
from td3jax.replay.buffer import ReplayBuffer


def cache_compilations() -> None:
    """Keep compiled programs in the user's cache folder, apart for each kind of processor."""
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(home) / "td3jax" / f"jax-{jax.__version__}-{_processor()}"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    # The fifty small programs that make the first state take two seconds together.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def _processor() -> str:
    """A short name for what the processor can do; programs compiled for another may crash."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        text = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        text = ""
    return hashlib.sha256((platform.machine() + text).encode()).hexdigest()[:8]


def tune(spaces: Spaces) -> None:
    """Set the allocator for pixel runs, then start jax; BadInput where it cannot start."""
    if spaces.image is not None:
        tune_allocator()
    devices()


def devices() -> str:
    """Name what jax computes on, in one line; BadInput where it has no device."""
    try:
        found = jax.devices()
    except (RuntimeError, AssertionError) as error:  # an empty one for cuda without its plugin
        asked = os.environ.get("JAX_PLATFORMS", "")
        reason = str(error) or "there is no such device, or jax's plugin for it is not installed"
        raise BadInput(
            f"jax does not start with JAX_PLATFORMS={asked}: {reason}; JAX_PLATFORMS=cpu takes the "
            "processor, td3jax doctor looks for an accelerator"
        ) from error
    return ", ".join(f"{d.platform}:{d.id} {d.device_kind}" for d in found)


def describe(folder: Path, buffer: ReplayBuffer, spaces: Spaces) -> str:
    """Host, devices, run folder and the buffer's bytes, in one line."""
    sizes = {"image": spaces.image, "vector": spaces.vector}
    parts = ", ".join(f"{name} {size}" for name, size in sizes.items() if size)
    return (
        f"{platform.node()} | {devices()} | {folder} | buffer {buffer.nbytes:,} bytes "
        f"for {buffer.capacity:,} transitions ({parts})"
    )
