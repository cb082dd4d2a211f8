"""Wrong data is refused by name, and memory of a sample is nobody else's."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from td3jax import Batch, ReplayBuffer, ReplayConfig, Spaces
from td3jax.replay.memory import Memory

SPACES = Spaces(image=(4, 5, 2), vector=3, action=2)


def observation(**parts) -> dict[str, np.ndarray]:
    return {"image": np.zeros((4, 5, 2), np.uint8), "vector": np.zeros(3, np.float32), **parts}


def begun(spaces: Spaces = SPACES) -> ReplayBuffer:
    buffer = ReplayBuffer(ReplayConfig(capacity=8), spaces, 0.9)
    buffer.begin(observation())
    return buffer


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"image": np.zeros((4, 5), np.uint8)}, r"image is uint8 \(4, 5\)"),
        ({"image": np.zeros((4, 5, 7), np.uint8)}, r"image is uint8 \(4, 5, 7\)"),
        ({"image": np.zeros((4, 5, 2), np.float32)}, "image is float32"),
        ({"vector": np.zeros(4, np.float32)}, r"vector has shape \(4,\)"),
        ({"vector": np.array([0.0, np.nan, 0.0])}, r"vector\[1\] = nan"),
        ({"vector": np.array([0.0, 0.0, 1e39])}, r"vector\[2\] = 1e\+39"),
        ({"vector": np.array(["a", "b", "c"])}, "vector is <U1: expected numbers"),
        ({"vector": [0.0, None, 0.0]}, "vector is object: expected numbers"),
    ],
)
def test_a_wrong_observation_is_refused_by_name(parts, message):
    buffer = begun()
    for call in (
        lambda: buffer.begin(observation(**parts)),
        lambda: buffer.add(np.zeros(2), 0.0, observation(**parts), False, False),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert buffer.size == 0


def test_a_missing_part_is_refused_by_name():
    with pytest.raises(ValueError, match="lacks 'vector'"):
        begun().begin({"image": np.zeros((4, 5, 2), np.uint8)})


@pytest.mark.parametrize(
    ("action", "reward", "message"),
    [
        (np.array([0.0, 2.0]), 0.0, r"action = \[0\.0, 2\.0\]"),
        (np.array([0.0, np.nan]), 0.0, "action = "),
        (np.zeros(3), 0.0, r"action has shape \(3,\)"),
        (np.zeros(2), 1e39, r"reward = 1e\+39"),
        (np.zeros(2), float("nan"), "reward = nan"),
        (np.zeros(2), np.zeros(2), r"reward = \[0\. 0\.\]"),
        (np.zeros(2), np.zeros(1), r"reward = \[0\.\]"),
        (np.zeros(2), None, "reward = None"),
        (np.zeros(2), 10**400, "reward = 1000"),
    ],
)
def test_a_wrong_action_or_reward_is_refused_by_name(action, reward, message):
    buffer = begun()
    with pytest.raises(ValueError, match=message):
        buffer.add(action, reward, observation(), False, False)
    assert buffer.size == 0


def test_rewards_of_any_numeric_type_are_stored():
    buffer = begun()
    for reward in (1, np.float64(1.0), np.array(1.0), jax.numpy.ones(()), True):
        buffer.add(np.zeros(2), reward, observation(), False, False)
    assert buffer.in_order().reward.tolist() == [1.0] * 5


def test_a_sample_of_no_transitions_is_refused():
    buffer = begun()
    buffer.add(np.zeros(2), 0.0, observation(), False, False)
    with pytest.raises(ValueError, match="batch_size = 0: expected at least 1"):
        buffer.sample(0, np.random.default_rng(0))


def test_colours_passed_as_a_stack_of_grey_frames_are_refused():
    image = np.zeros((4, 5, 3), np.uint8)
    image[..., 0] = 200
    buffer = ReplayBuffer(ReplayConfig(capacity=8), Spaces((4, 5, 3), None, 2), 0.9)
    with pytest.raises(ValueError, match="frame_channels=3"):
        buffer.begin({"image": image})


@pytest.mark.parametrize("n_step", [1, 3])
@pytest.mark.parametrize("stack", [1, 2])
def test_frames_of_several_channels_come_back_as_they_went_in(n_step, stack):
    spaces = Spaces((4, 5, 3 * stack), None, 1, frame_channels=3)
    buffer = ReplayBuffer(ReplayConfig(capacity=20, n_step=n_step), spaces, 0.9)
    rng, frames = np.random.default_rng(0), []

    def seen() -> dict[str, np.ndarray]:
        newest = frames[-stack:]
        newest = [newest[0]] * (stack - len(newest)) + newest
        return {"image": np.concatenate(newest, axis=-1)}

    frames.append(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    buffer.begin(seen())
    observations = [seen()["image"]]
    for _ in range(6):
        frames.append(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
        buffer.add(np.zeros(1), 0.0, seen(), False, False)
        observations.append(seen()["image"])
    batch = buffer.in_order()
    first, following = batch.observations(spaces.stack)
    for i in range(6):
        np.testing.assert_array_equal(first["image"][i], observations[i])
        np.testing.assert_array_equal(following["image"][i], observations[i + int(batch.steps[i])])


def test_memory_is_lent_again_only_when_no_view_is_left():
    memory = Memory()
    array = memory.lend((4, 3))
    place, view = array.ctypes.data, array[1:].reshape(-1)
    del array
    assert memory.lend((4, 3)).ctypes.data != place
    del view
    places = [memory.lend((4, 3)) for _ in range(4)]
    assert place in [lent.ctypes.data for lent in places]


def test_a_sample_that_the_device_holds_is_not_written_over():
    buffer = ReplayBuffer(ReplayConfig(capacity=64), Spaces((16, 16, 1), None, 1), 0.9)
    buffer.begin({"image": np.zeros((16, 16, 1), np.uint8)})
    for i in range(64):
        image = np.full((16, 16, 1), i, np.uint8)
        buffer.add(np.zeros(1), float(i), {"image": image}, False, False)
    rng = np.random.default_rng(0)
    held: list[tuple[Batch, np.ndarray]] = []
    for _ in range(20):
        batch = buffer.sample(32, rng)
        held.append((jax.device_put(batch), batch.reward.copy()))
        del batch
    for batch, reward in held:
        np.testing.assert_array_equal(np.asarray(batch.frames)[:, 1, 0, 0], reward)
