"""Any gymnasium environment trains, or is refused in one line."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_support import session, tiny

from envs.errors import SimulatorFault, SimulatorUnavailable
from envs.supervised import TM_PORTS, SupervisedCarlaEnv
from launch.config.run import RunConfig
from launch.config.tree import replace_leaves
from launch.errors import BadInput, LaunchError, NonFinite
from launch.training.environments import (
    Env,
    begin_step,
    finish_step,
    make_env,
    make_envs,
    spaces_of,
    start_episode,
)
from launch.training.loop import train
from td3jax.config import Spaces


def made(name: str, **options: Any) -> Env:
    return make_env(replace_leaves(RunConfig(), {"env": f"quirky_envs:{name}-v0", **options}))


def episode(env: Env, seed: int = 0, most: int = 10_000) -> list[dict[str, np.ndarray]]:
    """The observations of one episode under random actions."""
    rng = np.random.default_rng(seed)
    seen, ended = [start_episode(env, seed)[0]], False
    while not ended and len(seen) <= most:
        action = rng.uniform(-1, 1, spaces_of(env).action).astype(np.float32)
        begin_step(env, action)
        observation, reward, terminated, truncated, _ = finish_step(env, action)
        assert type(reward) is float
        assert env.observation_space.contains(observation)
        seen.append(observation)
        ended = terminated or truncated
    return seen


PIXELS = (84, 84, 4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Plain", Spaces(None, 3, 2)),
        ("IntActions", Spaces(None, 3, 2)),
        ("FixedAxis", Spaces(None, 3, 2)),
        ("ScalarAction", Spaces(None, 3, 1)),
        ("FloatPicture", Spaces(PIXELS, None, 2)),
        ("SignedPicture", Spaces(PIXELS, None, 2)),
        ("ChannelFirst", Spaces(PIXELS, None, 2)),
        ("ReadyStack", Spaces(PIXELS, None, 2)),
        ("ReadyStackFirst", Spaces((60, 80, 4), None, 2)),
        ("ImageAndVector", Spaces(PIXELS, 3, 2)),
        ("DictOfBoxes", Spaces(None, 6, 2)),
        ("Bytes", Spaces(None, 128, 2)),
        ("ArrayReward", Spaces(None, 3, 2)),
        ("NoRendering", Spaces(None, 3, 2)),
    ],
)
def test_these_train(name: str, expected: Spaces) -> None:
    env = made(name)
    assert spaces_of(env) == expected
    assert len(episode(env)) == 51


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("HugeActions", "bounds above 1e.09 are none"),
        ("UnboundedActions", "TD3 needs a bounded Box"),
        ("UnboundedPicture", "a picture with bounds -inf and inf: expected finite ones"),
        ("Deep", "expected pictures .H, W."),
        ("TwoPictures", "2 pictures .left, right.: the agent takes one"),
        ("Words", "text is Text.*: expected pictures or numbers"),
        ("Rgba", "are no stacks of 4 frames"),
        ("WrongShape", "has shape .3,.: its space says .4,."),
        ("FewSeeds", "scenario index .*--env_seeds=N keeps seeds below N"),
        ("TwoRewards", "expected one number"),
        ("OldReset", "returns no .observation, info. from reset: the API of gym before 0.26"),
        ("OldStep", "returns no 5 values from step: the API of gym before 0.26"),
    ],
)
def test_these_are_refused_in_one_line(name: str, text: str) -> None:
    with pytest.raises(BadInput, match=text) as caught:
        episode(made(name), seed=123_456)
    assert "\n" not in str(caught.value)


def test_integer_actions_are_rounded_over_the_whole_range() -> None:
    env = made("IntActions")
    start_episode(env, 0)
    for action in ([-1.0, 1.0], [0.0, 0.51], [0.004, -0.004]):
        env.step(np.array(action, np.float32))
    sent = env.unwrapped.actions
    assert [action.tolist() for action in sent] == [[-128, 127], [0, 65], [0, -1]]
    assert {action.dtype for action in sent} == {np.dtype(np.int8)}


def test_random_actions_reach_every_integer() -> None:
    env = made("FewIntActions")
    episode(env)
    assert {int(value) for action in env.unwrapped.actions for value in action} == {-1, 0, 1}


@pytest.mark.parametrize("name", ["InPlace", "GreyInPlace"])
def test_observations_do_not_change_with_the_environment_s_buffer(name: str) -> None:
    seen = episode(made(name))
    key = next(iter(seen[0]))
    values = [float(observation[key].ravel()[1]) for observation in seen[:3]]
    assert values == pytest.approx([0.0, 0.02, 0.04] if name == "InPlace" else [0, 0, 0])
    if name == "GreyInPlace":
        assert [observation["image"][0, 0].tolist() for observation in seen[:3]] == [
            [0, 0, 0, 0],
            [0, 0, 0, 1],
            [0, 0, 1, 2],
        ]


@pytest.mark.parametrize("name", ["FloatPicture", "SignedPicture"])
def test_the_bounds_of_float_pictures_become_0_and_255(name: str) -> None:
    seen = episode(made(name))
    shown = [int(observation["image"][0, 0, -1]) for observation in seen]
    assert shown == pytest.approx([255 * step / 50 for step in range(51)], abs=0.5001)


def test_a_float_picture_that_is_not_finite_is_told() -> None:
    with pytest.raises(NonFinite, match="holds a value that is not finite"):
        episode(made("NanPicture"))


def test_ready_stacks_are_seen_as_the_buffer_will_give_them() -> None:
    """The buffer keeps newest frames alone and repeats an episode's first."""
    for name in ("ReadyStack", "ReadyStackFirst"):
        seen = episode(made(name))
        assert seen[0]["image"][0, 0].tolist() == [3, 3, 3, 3]
        assert seen[2]["image"][0, 0].tolist() == [3, 3, 4, 5]
        assert seen[9]["image"][0, 0].tolist() == [9, 10, 11, 12]
        repeated = episode(made(name, action_repeat=2))
        assert repeated[2]["image"][0, 0].tolist() == [3, 3, 5, 7]


def test_our_own_toy_is_seen_as_it_is() -> None:
    env = make_env(replace_leaves(RunConfig(), {"env": "envs:td3jax/LaneToy-v0"}))
    assert spaces_of(env) == Spaces((24, 24, 4), 5, 2)
    observation, _ = start_episode(env, 0)
    np.testing.assert_array_equal(observation["image"], env.unwrapped._stack)
    for _ in range(3):
        observation, *_ = env.step(np.array([0.2, 1.0], np.float32))
        np.testing.assert_array_equal(observation["image"], env.unwrapped._stack)


def test_a_dict_s_numbers_stand_in_its_order_and_its_picture_is_stacked() -> None:
    observation = episode(made("DictOfBoxes"))[1]
    assert observation["vector"][1:].tolist() == [0.5, 7.0, 0.0, 0.0, 1.0]
    both = episode(made("ImageAndVector"))[2]
    assert both["image"][0, 0].tolist() == [0, 0, 1, 2]
    assert both["vector"][1:].tolist() == pytest.approx([0.04, 1.0])


def test_an_endless_environment_is_cut_and_that_is_said(caplog: Any) -> None:
    with caplog.at_level(logging.WARNING):
        env = made("Endless")
        assert len(episode(env)) == len(episode(env)) == 1001
        (record,) = caplog.records
        assert "no time limit: its episodes are cut at 1000 steps" in record.getMessage()
        assert len(episode(made("Endless", env_steps=7))) == 8
        assert len(episode(made("Endless", env_steps=7, action_repeat=3))) == 4
        assert len(episode(made("Plain", env_args=("length=1000",)))) == 1001  # its own end
    assert len(caplog.records) == 1


def test_seeds_can_be_kept_within_those_that_are_known() -> None:
    env = made("FewSeeds", env_seeds=100)
    first, same, other = (episode(env, seed)[0]["vector"][0] for seed in (123_405, 5, 6))
    assert first == same != other


def test_arguments_reach_the_constructor() -> None:
    words = ("length=7", "name=lane 1", "weights=[0.5, 2]")
    env = made("NoRendering", env_args=words).unwrapped
    assert (env.length, env.name, env.weights) == (7, "lane 1", [0.5, 2])
    with pytest.raises(BadInput, match="unexpected keyword argument 'lenght'") as caught:
        made("NoRendering", env_args=("lenght=7",))
    assert "\n" not in str(caught.value)
    with pytest.raises(BadInput, match="unexpected keyword argument 'depth'"):
        made("Plain", env_args=("depth=7",))
    for words, text in ((("length",), "expected name=value"), (("a b=1",), "expected name=value")):
        with pytest.raises(ValueError, match=text):
            made("Plain", env_args=words)
    with pytest.raises(ValueError, match="expected none for carla"):
        replace_leaves(RunConfig(), {"env_args": ("town=Town02",)})


def test_an_error_of_the_connection_is_a_fault_and_others_end_the_run() -> None:
    env = made("Crashes", env_args=("length=200",))
    with pytest.raises(SimulatorFault, match=r"failed in step: ConnectionError: simulator lost"):
        episode(env)
    assert len(episode(env)) == 201
    with pytest.raises(SimulatorUnavailable, match=r"failed in step: KeyError: 'wheel' \(.*\.py:"):
        episode(made("Broken", env_args=("length=200",)))


def test_a_run_goes_on_after_a_lost_simulator(tmp_path: Path) -> None:
    config = tiny(env="quirky_envs:Crashes-v0", eval_every=0, final_episodes=0)
    run = session(config, tmp_path / "run")
    run.collector.begin()
    assert train(run)
    assert (run.step, run.collector.faults) == (300, 1)
    run.close()


def test_a_run_keeps_a_checkpoint_of_what_a_broken_environment_ends(tmp_path: Path) -> None:
    config = tiny(env="quirky_envs:Broken-v0", eval_every=0, final_episodes=0)
    run = session(config, tmp_path / "run")
    run.collector.begin()
    with pytest.raises(LaunchError, match=r"KeyError: 'wheel' .*; checkpoint .*step-0*130"):
        train(run)
    run.close()


@pytest.mark.parametrize(
    "servers",
    [
        ("one:2000", "two:2000", "three:2000"),
        ("one:2000", "one:2010", "one:2020"),
        ("one:2040", "one:2000"),
    ],
)
def test_traffic_managers_of_several_servers_have_ports_of_their_own(
    servers: tuple[str, ...],
) -> None:
    config = replace_leaves(RunConfig(), {"servers": servers, "simulators": len(servers)})
    envs = make_envs(config)
    taken: set[int] = set()
    for env, address in zip(envs, servers, strict=True):
        assert isinstance(env, SupervisedCarlaEnv)
        own = env.config
        assert f"{own.server.host}:{own.server.port}" == address
        first = own.server.port + own.traffic.tm_port_offset
        ports = set(range(first, first + TM_PORTS))
        assert not ports & taken
        taken |= ports
