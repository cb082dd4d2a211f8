"""TD3 of stable-baselines3 with its own loggers, healthy or with a fault that its options allow.

Needs stable-baselines3 (the extra `bench`), not this package:
    python launch/studies/conditions/sb3_run.py --out=FOLDER --seed=1
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options; --change_at, --change_rate and --change_gamma make a late fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    for name, kind, default in (
        ("env_id", str, "Pendulum-v1"),
        ("seed", int, 1),
        ("total_timesteps", int, 9_600),
        ("learning_starts", int, 2_000),
        ("learning_rate", float, 1e-3),
        ("gamma", float, 0.99),
        ("tau", float, 0.005),
        ("batch_size", int, 64),
        ("train_freq", int, 1),
        ("gradient_steps", int, 1),
        ("exploration_noise", float, 0.1),
        ("reward_factor", float, 1.0),
        ("critic_decay", float, 0.0),
        ("change_at", int, 0),
        ("change_gamma", float, 0.0),
        ("change_rate", float, 0.0),
    ):
        parser.add_argument(f"--{name}", type=kind, default=default)
    return parser.parse_args(words)


def _late_fault(options: argparse.Namespace) -> Any:
    from stable_baselines3.common.callbacks import BaseCallback

    class Late(BaseCallback):
        """Changes gamma or the rate once, at a step."""

        model: Any

        def _on_step(self) -> bool:
            if options.change_at and self.num_timesteps == options.change_at:
                self.model.gamma = options.change_gamma or self.model.gamma
                if options.change_rate:
                    self.model.lr_schedule = lambda _: options.change_rate
            return True

    return Late()


def train(options: argparse.Namespace) -> None:
    """Train one agent; progress.csv and an event file go to options.out."""
    import gymnasium
    import numpy as np
    import torch
    from stable_baselines3 import TD3
    from stable_baselines3.common.logger import configure
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.noise import NormalActionNoise

    torch.set_num_threads(1)
    env: Any = gymnasium.make(options.env_id)
    if options.reward_factor != 1.0:
        factor = options.reward_factor
        env = gymnasium.wrappers.TransformReward(env, lambda reward: factor * float(reward))
    env = Monitor(env)
    width = env.action_space.shape[0]
    noise = NormalActionNoise(np.zeros(width), options.exploration_noise * np.ones(width))
    model = TD3(
        "MlpPolicy",
        env,
        learning_rate=options.learning_rate,
        learning_starts=options.learning_starts,
        batch_size=options.batch_size,
        gamma=options.gamma,
        tau=options.tau,
        train_freq=options.train_freq,
        gradient_steps=options.gradient_steps,
        action_noise=noise,
        policy_kwargs={"net_arch": [64, 64]},
        seed=options.seed,
        device="cpu",
    )
    if options.critic_decay:
        for group in model.critic.optimizer.param_groups:
            group["weight_decay"] = options.critic_decay
    model.set_logger(configure(str(options.out), ["csv", "tensorboard"]))
    model.learn(options.total_timesteps, log_interval=1, callback=_late_fault(options))


if __name__ == "__main__":
    train(arguments())
