"""A copy of a run's scalars, settings and pictures for Weights & Biases (--track=wandb).

Offline unless the variable WANDB_MODE says otherwise: files in the run folder, which `wandb sync`
sends later.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import wandb

from launch.config.run import RunConfig
from launch.config.tree import to_dict
from launch.errors import BadInput
from launch.training.progress import say

STEP = "environment_step"


class WandbRun:
    """One run of wandb; a fault of it ends the copy alone.

    The x axis is a metric: wandb's own step drops what is not newer than the last one.
    """

    def __init__(self, folder: Path, config: RunConfig) -> None:
        try:
            self._run: Any = _begin(folder, config)
        except Exception as error:
            raise BadInput(
                f"--track=wandb: wandb does not start: {error}; WANDB_MODE=offline needs no "
                "account, --track=none goes without"
            ) from error

    def scalars(self, step: int, scalars: Mapping[str, float]) -> None:
        """Copy the scalars of a step."""
        self._attempt(lambda run: run.log({STEP: step, **scalars}))

    def picture(self, step: int, tag: str, pixels: np.ndarray) -> None:
        """Copy a picture, uint8 (H, W, 3) in the order blue, green, red."""
        self._attempt(lambda run: run.log({STEP: step, tag: wandb.Image(pixels[..., ::-1])}))

    def close(self) -> None:
        """Write what is left."""
        self._attempt(lambda run: run.finish())

    def _attempt(self, what: Callable[[Any], object]) -> None:
        if self._run is None:
            return
        try:
            what(self._run)
        except Exception as error:  # of a process, a socket or a network that wandb relies on
            self._run = None
            say(
                f"wandb: {error or type(error).__name__}; nothing more is copied there, the run "
                "goes on and its own logs have all"
            )


def _begin(folder: Path, config: RunConfig) -> Any:
    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT", "td3jax"),
        name=folder.name,
        dir=str(folder),
        config=to_dict(config),
        mode=os.environ.get("WANDB_MODE", "offline"),
        settings=wandb.Settings(
            console="off",
            disable_code=True,
            disable_git=True,
            silent=True,
            x_disable_stats=True,
        ),
    )
    run.define_metric(STEP)
    run.define_metric("*", step_metric=STEP)
    return run
