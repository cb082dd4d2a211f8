"""TD3 in float64 numpy: forward passes and losses by loops, gradients by central differences."""

from __future__ import annotations

from math import erf

import numpy as np

BETA_EPS = 1e-12


def to_float64(tree):
    """A nested dict of float64 arrays."""
    if isinstance(tree, dict):
        return {k: to_float64(v) for k, v in tree.items()}
    return np.asarray(tree, np.float64)


def leaves(tree, path=()):
    """(path, array) of every leaf, in key order."""
    if isinstance(tree, dict):
        return [leaf for k in sorted(tree) for leaf in leaves(tree[k], (*path, k))]
    return [(path, tree)]


def conv(x, kernel, stride):
    rows, columns = kernel.shape[:2]
    height = (x.shape[1] - rows) // stride + 1
    width = (x.shape[2] - columns) // stride + 1
    out = np.zeros((x.shape[0], height, width, kernel.shape[3]))
    flat = kernel.reshape(-1, kernel.shape[3])
    for i in range(height):
        for j in range(width):
            patch = x[:, i * stride : i * stride + rows, j * stride : j * stride + columns]
            out[:, i, j] = patch.reshape(len(x), -1) @ flat
    return out


def layer_norm(x, p):
    normal = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    return normal * p["scale"] + p["bias"]


def batch_norm(x, p):
    return (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) * p["scale"] + p["bias"]


def dense(x, p):
    return x @ p["kernel"] + p["bias"]


def relu(x):
    return np.maximum(x, 0.0)


def inputs(config, p, obs):
    parts = []
    if "image" in obs:
        x = obs["image"].astype(np.float64) / 255.0 - 0.5
        for i, stride in enumerate(config.conv_strides):
            layer = p["encoder"][f"conv{i}"]
            x = relu(conv(x, layer["kernel"], stride) + layer["bias"])
        x = dense(x.reshape(len(x), -1), p["encoder"]["dense"])
        if config.encoder_norm == "layer":
            x = layer_norm(x, p["encoder"]["norm"])
        x = relu(x)
        if config.trunk_size:
            x = np.tanh(layer_norm(dense(x, p["trunk"]), p["trunk_norm"]))
        parts.append(x)
    return parts + [obs[n].astype(np.float64) for n in ("vector", "privileged") if n in obs]


def without(obs, name):
    return {n: part for n, part in obs.items() if n != name}


def head(config, norm, p, x):
    for i in range(len(config.hidden_sizes)):
        x = dense(x, p[f"dense{i}"])
        if norm == "layer":
            x = layer_norm(x, p[f"norm{i}"])
        if norm == "batch":
            x = batch_norm(x, p[f"norm{i}"])
        x = relu(x)
    return dense(x, p["out"])


def pre_tanh(config, p, obs):
    x = np.concatenate(inputs(config, p, without(obs, "privileged")), -1)
    return head(config, config.actor_norm, p["head"], x)


def outputs(config, p, obs, action):
    if "privileged" in obs and not config.critic_image:
        obs = without(obs, "image")
    x = np.concatenate([*inputs(config, p, obs), action], -1)
    return [head(config, config.critic_norm, p[q], x) for q in ("q1", "q2")]


def edges(config):
    return np.linspace(config.value_min, config.value_max, config.value_bins + 1)


def value(config, out):
    if config.critic_loss != "hl_gauss":
        return out[:, 0]
    e = np.exp(out - out.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)) @ ((edges(config)[1:] + edges(config)[:-1]) / 2)


def td_target(config, actor_p, critic_p, batch, obs, normal):
    noise = np.clip(
        config.target_noise * normal, -config.target_noise_clip, config.target_noise_clip
    )
    action = np.clip(np.tanh(pre_tanh(config, actor_p, obs)) + noise, -1, 1)
    q1, q2 = (value(config, out) for out in outputs(config, critic_p, obs, action))
    low, high = np.minimum(q1, q2), np.maximum(q1, q2)
    q = config.double_q_alpha * low + (1 - config.double_q_alpha) * high
    alive = 1.0 - np.asarray(batch.terminated, np.float64)
    y = batch.reward + config.discount ** np.asarray(batch.steps, np.float64) * alive * q
    return np.clip(y, -config.target_bound, config.target_bound) if config.target_bound else y


def head_loss(config, out, y):
    if config.critic_loss == "hl_gauss":
        grid = edges(config)
        sigma = config.value_sigma * (grid[1] - grid[0])
        log_p = out - np.log(np.exp(out).sum(-1, keepdims=True))
        total = 0.0
        for row, target in zip(log_p, np.clip(y, grid[0], grid[-1]), strict=True):
            cdf = np.array([erf((g - target) / (np.sqrt(2) * sigma)) for g in grid])
            total -= ((cdf[1:] - cdf[:-1]) / (cdf[-1] - cdf[0])) @ row
        return total / len(y)
    error = np.abs(out[:, 0] - y)
    if config.critic_loss == "huber":
        d = config.huber_delta
        return np.where(error <= d, 0.5 * error**2, d * (error - 0.5 * d)).mean()
    return (error**2).mean()


def critic_loss(config, p, obs, action, y):
    loss = sum(head_loss(config, out, y) for out in outputs(config, p, obs, action))
    squares = sum((leaf**2).sum() for path, leaf in leaves(p) if path[-1] == "kernel")
    return loss + config.critic_l2 * squares


def actor_loss(config, p, critic_p, obs, batch=None, unit=1.0, step=1):
    """`unit` is of the parameters before they are varied: a constant."""
    pre = pre_tanh(config, p, obs)
    action = np.tanh(pre)
    q = value(config, outputs(config, critic_p, obs, action)[0])
    if config.actor_q_clip:
        q = np.clip(q, -config.actor_q_clip, config.actor_q_clip)
    loss = -config.actor_q_weight * q.mean() / unit + config.pre_tanh_penalty * (pre**2).mean()
    if config.expert_weight:
        fall = max(0.0, 1.0 - step / config.expert_decay) if config.expert_decay else 1.0
        distances = ((action - batch.expert) ** 2).sum(-1)
        loss += config.expert_weight * fall * distances.mean()
    if config.auxiliary_weight:
        features = inputs(config, p, without(obs, "privileged"))[0]
        error = dense(features, p["auxiliary"]) - batch.privileged
        loss += config.auxiliary_weight * (error**2).mean()
    return loss


def q_unit(config, p, critic_p, obs, batch):
    """The unit of Q in the actor's loss: the spread of its advantages over replay's actions."""
    if config.actor_q_scale == "none":
        return 1.0
    policy, replay = np.tanh(pre_tanh(config, p, obs)), batch.action
    q, other = (value(config, outputs(config, critic_p, obs, a)[0]) for a in (policy, replay))
    return np.sqrt(((q - other) ** 2).mean())


def gradient(function, params, h=1e-6):
    """Central differences of function(params) at every leaf, as {path: array}."""
    result = {}
    for path, leaf in leaves(params):
        grad = np.zeros_like(leaf)
        for index in np.ndindex(leaf.shape):
            keep = leaf[index]
            leaf[index] = keep + h
            up = function(params)
            leaf[index] = keep - h
            down = function(params)
            leaf[index] = keep
            grad[index] = (up - down) / (2 * h)
        result[path] = grad
    return result


def optimiser_step(config, name, params, grads, m, v, t):
    """Clip by one global norm, Adam with bias correction, decoupled decay, rate per part."""
    clip = getattr(config, f"{name}_clip_norm")
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    scale = min(1.0, clip / norm) if clip else 1.0
    decay = getattr(config, f"{name}_weight_decay")
    for path, leaf in leaves(params):
        g = grads[path] * scale
        m[path] = config.adam_b1 * m.get(path, 0.0) + (1 - config.adam_b1) * g
        v[path] = config.adam_b2 * v.get(path, 0.0) + (1 - config.adam_b2) * g**2
        m_hat = m[path] / (1 - config.adam_b1**t)
        v_hat = v[path] / (1 - config.adam_b2**t)
        step = m_hat / (np.sqrt(v_hat) + config.adam_eps)
        if path[-1] == "kernel":
            step = step + decay * leaf
        rate = getattr(config, f"{name}_cnn_lr" if path[0] == "encoder" else f"{name}_lr")
        leaf -= rate * step
