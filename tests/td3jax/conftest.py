"""Fixtures of the agent's tests."""

from __future__ import annotations

import sys
from pathlib import Path

import jax
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support import PIXELS, make_batch, tiny_config

from td3jax import AgentConfig, Batch, TrainState, init


@pytest.fixture
def config() -> AgentConfig:
    return tiny_config()


@pytest.fixture
def state(config: AgentConfig) -> TrainState:
    return init(config, PIXELS, jax.random.key(0))


@pytest.fixture
def batch() -> Batch:
    return make_batch(PIXELS)
