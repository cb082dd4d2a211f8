"""A checkup of this machine: packages, accelerator, disk and memory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from envs.checkup import Complaint, Finding

PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "carla")
JAX_SECONDS = 180.0  # drivers are loaded and a program is compiled
LEAST_DISK, LEAST_MEMORY = 2.0, 4.0  # GB: checkpoints, buffer and video of a run; trainer, server
Look = Callable[[], object]


def examine_machine(runs: Path, look: Look) -> Iterator[Finding]:
    """Yield a finding for each check of this machine; look: called often, may raise."""
    checks: dict[str, Callable[[], str]] = {
        "packages": packages,
        "jax": lambda: accelerator(look),
        "disk": lambda: disk(runs),
        "memory": memory,
    }
    for name, check in checks.items():
        look()
        try:
            yield Finding(name, True, check())
        except Complaint as complaint:
            yield Finding(name, False, str(complaint))


def packages() -> str:
    """Return the releases of what a run needs."""
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        raise Complaint(f"not installed: {', '.join(missing)}: pip install 'td3jax[carla]'")
    return f"Python {sys.version.split()[0]}, {', '.join(found)}"


def accelerator(look: Look) -> str:
    """Return what jax computes on; it is asked in a process of its own, which may hang or die."""
    found = _probe(look)
    if found["platform"] == "cpu":
        if _has_nvidia():
            raise Complaint(
                f"jax sees {found['devices']} alone, but there is an NVIDIA GPU: "
                "pip install 'td3jax[cuda12]', or cuda13, and see that JAX_PLATFORMS is not cpu"
            )
        return f"{found['devices']}; no NVIDIA GPU in this machine, training uses its processor"
    return f"{found['devices']}, a first computation in {found['seconds']:.1f} s"


def _probe(look: Look) -> dict[str, Any]:
    words = [sys.executable, "-m", "launch.accelerator"]
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            out, err = _awaited(process, look)
        finally:
            process.kill()
    if process.returncode == 0:
        answer: dict[str, Any] = json.loads(out.splitlines()[-1])
        return answer
    said = [line.strip() for line in err.splitlines() if line.strip()]
    last = said[-1] if said else f"it ended with code {process.returncode}"
    raise Complaint(
        f"jax does not compute: {last}: see its installation guide, or JAX_PLATFORMS=cpu"
    )


def _awaited(process: subprocess.Popen[str], look: Look) -> tuple[str, str]:
    deadline = time.monotonic() + JAX_SECONDS
    while time.monotonic() < deadline:
        look()
        try:
            return process.communicate(timeout=0.5)
        except subprocess.TimeoutExpired:
            continue
    raise Complaint(
        f"waited {JAX_SECONDS:g} s for a first computation: see nvidia-smi, or set "
        "JAX_PLATFORMS=cpu"
    )


def _has_nvidia() -> bool:
    return Path("/proc/driver/nvidia/gpus").is_dir() or Path("/dev/nvidia0").exists()


def disk(folder: Path) -> str:
    """Return the free space for runs."""
    place = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.is_dir())
    if not os.access(place, os.W_OK):
        raise Complaint(f"{place} is not writable: choose another folder by --runs_dir")
    free = shutil.disk_usage(place).free / 1e9
    if free < LEAST_DISK:
        raise Complaint(
            f"{free:.1f} GB free in {place}, a run may take {LEAST_DISK:g}: remove old runs, or "
            "choose another folder by --runs_dir"
        )
    return f"{free:.0f} GB free in {place}"


def memory() -> str:
    """Return the free memory of this machine."""
    free = free_gigabytes(Path("/proc/meminfo").read_text(encoding="ascii"))
    if free < LEAST_MEMORY:
        raise Complaint(
            f"{free:.1f} GB free, trainer and stand-in may take {LEAST_MEMORY:g}: end other "
            "programs, or train with a smaller --capacity"
        )
    return f"{free:.0f} GB free"


def free_gigabytes(text: str) -> float:
    """Return what /proc/meminfo says can be had."""
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return int(fields["MemAvailable"].split()[0]) * 1024 / 1e9
