"""TD3 in one file of torch that logs to event files under CleanRL's names.

Needs torch and tensorboard (the extra `bench`), not this package:
    python launch/studies/conditions/cleanrl_run.py --out=FOLDER --seed=1
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOG_EVERY = 200
_WIDTH = 64


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options; those of --change count from step --change_at on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    for name, kind, default in (
        ("env_id", str, "Pendulum-v1"),
        ("seed", int, 1),
        ("total_timesteps", int, 9_600),
        ("learning_starts", int, 2_000),
        ("learning_rate", float, 1e-3),
        ("policy_lr", float, 0.0),
        ("gamma", float, 0.99),
        ("tau", float, 0.005),
        ("batch_size", int, 64),
        ("policy_frequency", int, 2),
        ("train_every", int, 1),
        ("exploration_noise", float, 0.1),
        ("reward_factor", float, 1.0),
        ("critic_decay", float, 0.0),
        ("no_target", int, 0),
        ("change_at", int, 0),
    ):
        parser.add_argument(f"--{name}", type=kind, default=default)
    parser.add_argument("--change", default="", help="name=value[,name=value]")
    options = parser.parse_args(words)
    options.policy_lr = options.policy_lr or options.learning_rate
    return options


def _network(sizes: Sequence[int]) -> Any:
    from torch import nn

    layers: list[Any] = []
    for i in range(len(sizes) - 1):
        layers += [nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Agent:
    """Actor, twin critics, their targets and optimisers."""

    def __init__(self, options: argparse.Namespace, state: int, action: int, bound: float) -> None:
        import torch

        self.options, self.bound = options, bound
        self.actor = _network((state, _WIDTH, _WIDTH, action))
        self.critics = [_network((state + action, _WIDTH, _WIDTH, 1)) for _ in range(2)]
        self.target_actor = _network((state, _WIDTH, _WIDTH, action))
        self.target_critics = [_network((state + action, _WIDTH, _WIDTH, 1)) for _ in range(2)]
        self._follow(1.0)
        weights = [p for critic in self.critics for p in critic.parameters()]
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), fused=True)
        self.critic_optimizer = torch.optim.Adam(weights, fused=True)
        self.updates, self.actor_loss = 0, torch.zeros(())

    def _pairs(self) -> list[tuple[Any, Any]]:
        return [
            (self.actor, self.target_actor),
            *zip(self.critics, self.target_critics, strict=True),
        ]

    def _follow(self, tau: float) -> None:
        import torch

        with torch.no_grad():
            for online, target in self._pairs():
                for new, old in zip(online.parameters(), target.parameters(), strict=True):
                    old.lerp_(new, tau)

    def act(self, states: Any, target: bool = False) -> Any:
        """Actions in the environment's units."""
        import torch

        return self.bound * torch.tanh((self.target_actor if target else self.actor)(states))

    def _target(self, rewards: Any, following: Any, ends: Any) -> Any:
        import torch

        with torch.no_grad():
            action = self.act(following, target=True)
            noise = (0.2 * torch.randn_like(action)).clamp(-0.5, 0.5) * self.bound
            pair = torch.cat([following, (action + noise).clamp(-self.bound, self.bound)], 1)
            twins = torch.stack([critic(pair)[:, 0] for critic in self.target_critics])
            onward = self.options.gamma * (1.0 - ends)
            return rewards + onward * twins.min(0).values

    def update(self, batch: Sequence[Any]) -> dict[str, Any]:
        """One step of both critics and, every policy_frequency, of the actor and the targets."""
        import torch

        options, (states, actions, rewards, following, ends) = self.options, batch
        for group in self.critic_optimizer.param_groups:
            group["lr"] = options.learning_rate
            group["weight_decay"] = options.critic_decay
        for group in self.actor_optimizer.param_groups:
            group["lr"] = options.policy_lr
        target = self._target(rewards, following, ends)
        pair = torch.cat([states, actions], 1)
        values = [critic(pair)[:, 0] for critic in self.critics]
        losses = [torch.nn.functional.mse_loss(value, target) for value in values]
        self.critic_optimizer.zero_grad()
        torch.add(*losses).backward()
        self.critic_optimizer.step()
        self.updates += 1
        if self.updates % options.policy_frequency == 0:
            loss = -self.critics[0](torch.cat([states, self.act(states)], 1)).mean()
            self.actor_optimizer.zero_grad()
            loss.backward()
            self.actor_optimizer.step()
            self.actor_loss = loss.detach()
            self._follow(1.0 if options.no_target else options.tau)
        one, two = (value.detach() for value in losses)
        return {
            "losses/qf1_values": values[0].detach().mean(),
            "losses/qf2_values": values[1].detach().mean(),
            "losses/qf1_loss": one,
            "losses/qf2_loss": two,
            "losses/qf_loss": (one + two) / 2.0,
            "losses/actor_loss": self.actor_loss,
        }


def _change(options: argparse.Namespace) -> None:
    for pair in options.change.split(","):
        name, _, text = pair.partition("=")
        setattr(options, name, type(getattr(options, name))(text))


def train(options: argparse.Namespace) -> None:
    """Train one agent and write its event file to options.out."""
    import time

    import gymnasium
    import numpy as np
    import torch
    from torch.utils.tensorboard import SummaryWriter

    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    chance = np.random.default_rng(options.seed)
    env = gymnasium.make(options.env_id)
    space: Any = env.action_space
    space.seed(options.seed)
    bound = float(space.high[0])
    agent = Agent(options, env.observation_space.shape[0], space.shape[0], bound)  # type: ignore[index]
    writer, began = SummaryWriter(str(options.out)), time.time()
    settings = "\n".join(f"|{name}|{value}|" for name, value in vars(options).items())
    writer.add_text("hyperparameters", f"|param|value|\n|-|-|\n{settings}")
    sizes: Any = (env.observation_space.shape, space.shape, (), env.observation_space.shape, ())
    rows = [np.zeros((options.total_timesteps, *size), np.float32) for size in sizes]
    state, _ = env.reset(seed=options.seed)
    total, length = 0.0, 0
    for step in range(1, options.total_timesteps + 1):
        if options.change_at and step == options.change_at:
            _change(options)
        if step <= options.learning_starts:
            action = space.sample()
        else:
            with torch.no_grad():
                action = agent.act(torch.as_tensor(state)[None])[0].numpy()
            noise = chance.normal(0.0, options.exploration_noise * bound, action.shape)
            action = np.clip(action + noise, -bound, bound).astype(np.float32)
        following, reward, ended, cut, _ = env.step(action)
        reward = options.reward_factor * float(reward)
        for part, value in zip(rows, (state, action, reward, following, ended), strict=True):
            part[step - 1] = value
        state, total, length = following, total + reward, length + 1
        if ended or cut:
            writer.add_scalar("charts/episodic_return", total, step)
            writer.add_scalar("charts/episodic_length", length, step)
            (state, _), total, length = env.reset(), 0.0, 0
        if step <= options.learning_starts or step % options.train_every:
            continue
        chosen = chance.integers(step, size=options.batch_size)
        batch = [torch.as_tensor(part[chosen]) for part in rows]
        scalars = agent.update(batch)
        if step % LOG_EVERY == 0:
            for tag, value in scalars.items():
                writer.add_scalar(tag, float(value), step)
            writer.add_scalar("charts/SPS", int(step / (time.time() - began)), step)
    writer.close()


if __name__ == "__main__":
    train(arguments())
