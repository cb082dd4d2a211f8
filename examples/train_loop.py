"""Train TD3 with the library alone: `python examples/train_loop.py --steps=10000`."""

import argparse

import gymnasium
import jax
import numpy as np

import td3jax


def train(steps: int, seed: int = 0) -> list[float]:
    """Train on Pendulum-v1 for so many steps; return the undiscounted return of each episode."""
    env = gymnasium.make("Pendulum-v1")
    spaces = td3jax.Spaces(image=None, vector=3, action=1)
    config = td3jax.AgentConfig(actor_lr=1e-3, critic_lr=1e-3, hidden_sizes=(64, 64))
    state = td3jax.init(config, spaces, jax.random.PRNGKey(seed))
    buffer = td3jax.ReplayBuffer(td3jax.ReplayConfig(capacity=steps), spaces, config.discount)
    rng, returns = np.random.default_rng(seed), []
    while buffer.size < steps:
        vector, _ = env.reset(seed=int(rng.integers(2**31)))
        buffer.begin({"vector": vector})
        total, ended = 0.0, False
        while not ended:
            action = np.asarray(td3jax.act(state, {"vector": vector[None]}))[0]
            action = np.clip(action + 0.2 * rng.normal(size=1), -1.0, 1.0)
            vector, reward, terminated, truncated, _ = env.step(2.0 * action)
            buffer.add(action, reward, {"vector": vector}, terminated, truncated)
            if buffer.size >= 200:
                state, _ = td3jax.update(state, buffer.sample(64, rng), donate=True)
            total, ended = total + float(reward), terminated or truncated
        returns.append(total)
        print(f"{buffer.size:6} steps: return {total:.0f}")
    return returns


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    train(parser.parse_args().steps)
