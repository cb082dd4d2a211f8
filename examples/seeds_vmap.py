"""Train several seeds in one program: `python examples/seeds_vmap.py --seeds=10 --steps=5000`.

Prints the seconds that an update of all seeds takes together, and one after the other.
"""

import argparse
import time

import gymnasium
import jax
import numpy as np

import td3jax

SPACES = td3jax.Spaces(image=None, vector=3, action=1)
CONFIG = td3jax.AgentConfig(actor_lr=1e-3, critic_lr=1e-3, hidden_sizes=(64, 64), health_every=0)
BATCH = 64

init_all = jax.jit(jax.vmap(lambda key: td3jax.init(CONFIG, SPACES, key)))
act_all = jax.jit(jax.vmap(td3jax.act))
update_all = jax.jit(jax.vmap(td3jax.update), donate_argnums=0)


def stacked(trees: list) -> td3jax.Batch:
    """Return one tree whose leaves have a leading axis of seeds."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


def train(seeds: int, steps: int) -> np.ndarray:
    """Train on Pendulum-v1 and return each seed's mean return of the last 5 episodes."""
    envs = gymnasium.make_vec("Pendulum-v1", seeds, vectorization_mode="sync")
    replay = td3jax.ReplayConfig(capacity=steps)
    buffers = [td3jax.ReplayBuffer(replay, SPACES, CONFIG.discount) for _ in range(seeds)]
    rngs = [np.random.default_rng(seed) for seed in range(seeds)]
    states = init_all(jax.random.split(jax.random.PRNGKey(0), seeds))
    returns: list[np.ndarray] = []
    while buffers[0].size < steps:
        vectors, _ = envs.reset(seed=list(range(len(returns) * seeds, (len(returns) + 1) * seeds)))
        for buffer, vector in zip(buffers, vectors, strict=True):
            buffer.begin({"vector": vector})
        total, ended = np.zeros(seeds), False
        while not ended:
            actions = np.asarray(act_all(states, {"vector": vectors[:, None]}))[:, 0]
            noise = np.stack([0.2 * rng.normal(size=1) for rng in rngs])
            actions = np.clip(actions + noise, -1.0, 1.0)
            vectors, rewards, terminated, truncated, _ = envs.step(2.0 * actions)
            rows = zip(buffers, actions, rewards, vectors, terminated, truncated, strict=True)
            for buffer, action, reward, vector, dead, cut in rows:
                buffer.add(action, float(reward), {"vector": vector}, bool(dead), bool(cut))
            if buffers[0].size >= 200:
                batches = [b.sample(BATCH, rng) for b, rng in zip(buffers, rngs, strict=True)]
                states, _ = update_all(states, stacked(batches))
            total, ended = total + rewards, bool(truncated[0] or terminated[0])
        returns.append(total)
    return np.mean(returns[-5:], axis=0)


def seconds_per_update(seeds: int, rounds: int = 50) -> tuple[float, float]:
    """Return the seconds of one update of every seed: in one program, and one after the other."""
    rng = np.random.default_rng(0)
    buffer = td3jax.ReplayBuffer(td3jax.ReplayConfig(capacity=1000), SPACES, CONFIG.discount)
    buffer.begin({"vector": rng.normal(size=3)})
    for _ in range(1000):
        buffer.add(rng.uniform(-1, 1, 1), 0.0, {"vector": rng.normal(size=3)}, False, False)
    batches = [buffer.sample(BATCH, rng) for _ in range(seeds)]
    keys = jax.random.split(jax.random.PRNGKey(0), seeds)
    together, alone = init_all(keys), [td3jax.init(CONFIG, SPACES, key) for key in keys]
    one_batch, times = stacked(batches), np.zeros((2, rounds))
    for i in range(-2, rounds):  # the first two rounds compile
        began = time.perf_counter()
        together, _ = jax.block_until_ready(update_all(together, one_batch))
        middle = time.perf_counter()
        alone = [td3jax.update(s, b, donate=True)[0] for s, b in zip(alone, batches, strict=True)]
        jax.block_until_ready(alone)
        if i >= 0:
            times[:, i] = middle - began, time.perf_counter() - middle
    return tuple(np.median(times, axis=1).tolist())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=5000)
    given = parser.parse_args()
    vmapped, single = seconds_per_update(given.seeds)
    print(
        f"{given.seeds} updates: {1e3 * vmapped:.2f} ms in one program, {1e3 * single:.2f} ms apart"
    )
    print("last returns:", np.round(train(given.seeds, given.steps)))
