"""Load a trained policy and drive it: `python examples/load_policy.py runs/carla-001`.

With another environment than CARLA: `--env=Pendulum-v1`, as the run was trained with.
"""

import argparse

import gymnasium
import numpy as np

import envs  # registers td3jax/Carla-v0
import td3jax


def drive(run: str, env: gymnasium.Env, episodes: int = 1) -> list[float]:
    """Return the undiscounted return of each episode of the policy of a run."""
    policy, returns = td3jax.load(run), []
    for seed in range(episodes):
        observation, _ = env.reset(seed=seed)
        total, ended = 0.0, False
        while not ended:
            observation, reward, terminated, truncated, _ = env.step(policy(observation))
            total, ended = total + float(reward), terminated or truncated
        returns.append(total)
    return returns


def make(name: str) -> gymnasium.Env:
    """Return CARLA on the stand-in, or a vector environment with actions in [-1, 1]."""
    if name == "carla":
        return gymnasium.make("td3jax/Carla-v0")
    env = gymnasium.wrappers.RescaleAction(gymnasium.make(name), np.float32(-1.0), np.float32(1.0))
    space = gymnasium.spaces.Dict({"vector": env.observation_space})
    return gymnasium.wrappers.TransformObservation(
        env, lambda vector: {"vector": np.asarray(vector, np.float32)}, space
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--env", default="carla")
    parser.add_argument("--episodes", type=int, default=1)
    given = parser.parse_args()
    assert envs
    print(
        "returns:", [round(value, 1) for value in drive(given.run, make(given.env), given.episodes)]
    )
