"""Rewards, refusals, memory, files and shared output of the replay buffer."""

from __future__ import annotations

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from td3jax.config import ReplayConfig, Spaces
from td3jax.replay import ring
from td3jax.replay.buffer import ReplayBuffer

VECTOR = Spaces(None, 2, 1)
PIXELS = Spaces((84, 84, 4), 23, 2)


def _filled(spaces, steps, path=None, episode=100, **options):
    rng = np.random.default_rng(0)
    buffer = ReplayBuffer(ReplayConfig(**options), spaces, 0.99, path)
    _feed(buffer, spaces, steps, rng, episode)
    return buffer


def _feed(buffer, spaces, steps, rng, episode=100):
    images = rng.integers(0, 256, (64, *(spaces.image or (1, 1, 1))), dtype=np.uint8)
    vectors = rng.normal(size=(64, spaces.vector or 1)).astype(np.float32)
    observation = lambda i: {"image": images[i % 64], "vector": vectors[i % 64]}  # noqa: E731
    for i in range(steps):
        if i % episode == 0:
            first = observation(i)
            repeated = np.broadcast_to(first["image"][..., -1:], first["image"].shape)
            buffer.begin({**first, "image": repeated})
        action = rng.uniform(-1, 1, spaces.action).astype(np.float32)
        over = i % episode == episode - 1
        buffer.add(action, float(rng.normal(3.0)), observation(i + 1), False, over)


def test_bytes_of_a_transition():
    buffer = _filled(PIXELS, 2000, capacity=2000, episode=200)
    assert buffer.size == 2000
    assert buffer.nbytes / buffer.capacity <= 7300


def test_memory_does_not_grow_once_full():
    spaces = Spaces((16, 16, 4), 3, 1)
    buffer = _filled(spaces, 1000, capacity=500, episode=1)
    before = buffer.nbytes
    _feed(buffer, spaces, 5000, np.random.default_rng(1), episode=1)
    assert buffer.nbytes == before


@pytest.mark.skipif(ring.memory_limit() < 8 << 30, reason="needs 8 GB of address space")
def test_million_transitions_fit_in_7_3_gigabytes():
    buffer = ReplayBuffer(ReplayConfig(capacity=1_000_000), PIXELS, 0.99)  # pages never touched
    assert buffer.nbytes <= 7.3e9


def test_refuses_more_than_the_machines_memory():
    with pytest.raises(MemoryError, match="lower the capacity or give a replay path") as error:
        ReplayBuffer(ReplayConfig(capacity=10**9), PIXELS, 0.99)
    assert "\n" not in str(error.value)


def test_refuses_more_than_the_disk_holds(tmp_path):
    with pytest.raises(OSError, match="no room"):
        ReplayBuffer(ReplayConfig(capacity=2**31 - 1), PIXELS, 0.99, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_memory_mapped_buffer_equals_the_one_in_memory(tmp_path):
    kept = _filled(PIXELS, 150, capacity=60, episode=25)
    mapped = _filled(PIXELS, 150, tmp_path / "replay", capacity=60, episode=25)
    assert isinstance(mapped._ring.frames, np.memmap)
    ours, theirs = (b.sample(64, np.random.default_rng(1)) for b in (mapped, kept))
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)
    named = _filled(VECTOR, 5, capacity=9, replay_path=str(tmp_path / "named"))
    assert isinstance(named._ring.vector, np.memmap)


def test_memory_of_a_sample_is_reused_only_when_it_is_free():
    buffer = _filled(Spaces((16, 16, 4), None, 1), 300, capacity=300)
    rng = np.random.default_rng(0)
    held = [buffer.sample(64, rng).frames for _ in range(6)]
    copies = [frames.copy() for frames in held]
    views = [buffer.sample(64, rng).frames[:, :2] for _ in range(6)]
    view_copies = [view.copy() for view in views]
    on_device = [jnp.asarray(buffer.sample(64, rng).frames) for _ in range(6)]
    device_copies = [np.array(array) for array in on_device]
    for _ in range(12):
        buffer.sample(64, rng)
    for arrays, expected in ((held, copies), (views, view_copies), (on_device, device_copies)):
        for array, copy in zip(arrays, expected, strict=True):
            np.testing.assert_array_equal(array, copy)
    del held, views, on_device, array
    places = {buffer.sample(64, rng).frames.ctypes.data for _ in range(6)}
    assert len(places) == 1


def test_rewards_are_clipped_then_scaled():
    buffer = ReplayBuffer(ReplayConfig(9, reward_clip=2.0, reward_scale=0.5), VECTOR, 0.99)
    observation = {"vector": np.zeros(2, np.float32)}
    buffer.begin(observation)
    for reward in (-7.0, 1.0, 5.0):
        buffer.add(np.zeros(1), reward, observation, False, False)
    assert set(buffer.sample(200, np.random.default_rng(0)).reward) == {-1.0, 0.5, 1.0}


def test_normalised_rewards_divide_by_the_deviation_of_discounted_returns(tmp_path):
    buffer = _filled(VECTOR, 1000, capacity=1000, reward_normalise=True)
    raw = buffer._ring.reward[:1000].astype(np.float64)
    returns = np.zeros(1000)
    for i in range(1000):
        returns[i] = raw[i] + (0.99 * returns[i - 1] if i % 100 else 0.0)
    np.testing.assert_allclose(
        np.sort(np.unique(buffer.sample(20_000, np.random.default_rng(0)).reward)),
        np.sort(raw / returns.std()),
        rtol=1e-4,
    )
    sampled = buffer.sample(2000, np.random.default_rng(0)).reward
    buffer.save(tmp_path / "saved")
    other = ReplayBuffer(buffer.config, VECTOR, 0.99)
    other.load(tmp_path / "saved")
    again = other.sample(2000, np.random.default_rng(0)).reward
    np.testing.assert_array_equal(sampled, again)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reward": float("nan")}, "reward = nan"),
        ({"action": np.zeros(3)}, "action has shape"),
        ({"vector": np.zeros(3, np.float32)}, "vector has shape"),
    ],
)
def test_refuses_a_malformed_transition(change, message):
    buffer = ReplayBuffer(ReplayConfig(9), VECTOR, 0.99)
    good = {"action": np.zeros(1), "reward": 0.0, "vector": np.zeros(2, np.float32)}
    buffer.begin({"vector": good["vector"]})
    step = good | change
    with pytest.raises(ValueError, match=message):
        buffer.add(step["action"], step["reward"], {"vector": step["vector"]}, False, False)
    assert buffer.size == 0


def test_refuses_a_float_image_and_a_step_outside_an_episode():
    buffer = ReplayBuffer(ReplayConfig(9), Spaces((4, 4, 2), None, 1), 0.99)
    with pytest.raises(ValueError, match="uint8"):
        buffer.begin({"image": np.zeros((4, 4, 2))})
    with pytest.raises(ValueError, match="call begin"):
        buffer.add(np.zeros(1), 0.0, {"image": np.zeros((4, 4, 2), np.uint8)}, False, False)
    with pytest.raises(ValueError, match="empty"):
        buffer.sample(1, np.random.default_rng(0))


def _break(folder, how):
    if how == "missing file":
        (folder / "action.npy").unlink()
    elif how == "cut file":
        data = (folder / "vector.npy").read_bytes()
        (folder / "vector.npy").write_bytes(data[:-8])
    elif how == "other type":
        np.save(folder / "reward.npy", np.load(folder / "reward.npy").astype(np.float64))
    elif how == "not json":
        (folder / "state.json").write_text("{")
    elif how == "other version":
        state = json.loads((folder / "state.json").read_text())
        (folder / "state.json").write_text(json.dumps(state | {"version": 99}))
    elif how in ("infinite", "beyond floats"):
        odd = {"size": math.inf} if how == "infinite" else {"returns": [10**400]}
        state = json.loads((folder / "state.json").read_text())
        (folder / "state.json").write_text(json.dumps(state | odd))
    elif how == "ends":
        np.save(folder / "end.npy", np.zeros_like(np.load(folder / "end.npy")))
    elif how == "rubbish":
        (folder / "end.npy").write_bytes(b"rubbish")


@pytest.mark.parametrize(
    "how",
    [
        "missing file",
        "cut file",
        "other type",
        "not json",
        "other version",
        "infinite",
        "beyond floats",
        "ends",
        "rubbish",
    ],
)
def test_broken_files_change_nothing(tmp_path, how):
    _filled(VECTOR, 40, capacity=50, episode=7).save(tmp_path / "saved")
    _break(tmp_path / "saved", how)
    buffer = _filled(VECTOR, 20, capacity=50, episode=6)
    before = buffer.sample(30, np.random.default_rng(0))
    with pytest.raises(ValueError, match="not a replay buffer of this agent") as error:
        buffer.load(tmp_path / "saved")
    assert "\n" not in str(error.value)
    jax.tree.map(np.testing.assert_array_equal, before, buffer.sample(30, np.random.default_rng(0)))


def test_saving_replaces_whole_folders_and_holds_the_filled_part_only(tmp_path):
    buffer = _filled(PIXELS, 10, capacity=5000)
    buffer.save(tmp_path / "saved")
    _feed(buffer, PIXELS, 10, np.random.default_rng(1))
    buffer.save(tmp_path / "saved")
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]
    assert sum(path.stat().st_size for path in (tmp_path / "saved").iterdir()) < 40 * 7300
    frames = np.load(tmp_path / "saved" / "frames.npy", allow_pickle=False)
    assert frames.shape == (21, 84, 84)


def test_a_failed_save_keeps_the_old_one(tmp_path, monkeypatch):
    buffer = _filled(VECTOR, 10, capacity=50)
    buffer.save(tmp_path / "saved")
    _feed(buffer, VECTOR, 5, np.random.default_rng(1))

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        buffer.save(tmp_path / "saved")
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]
    other = ReplayBuffer(buffer.config, VECTOR, 0.99)
    other.load(tmp_path / "saved")
    assert other.size == 10
