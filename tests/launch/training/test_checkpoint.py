"""Checkpoints: whole or not at all, verified, few."""

import json
import resource
import subprocess
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import serialization
from run_support import logged, session, tiny

import td3jax
from launch.config.tree import replace_leaves
from launch.errors import BadInput
from launch.training import checkpoint
from launch.training.environments import make_envs
from launch.training.loop import train
from launch.training.session import Session
from td3jax.algorithm import ALGORITHMS
from td3jax.config import Spaces
from td3jax.errors import BadCheckpoint
from tests.torture import checkpoints

TD3 = ALGORITHMS["td3"]
PENDULUM = Spaces(image=None, vector=3, action=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a training with checkpoints at 100, 200, 300; 2 are kept."""
    folder = tmp_path_factory.mktemp("trained")
    run = session(tiny(eval_every=0), folder)
    assert train(run)
    run.close()
    return folder


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Path:
    """A copy of the newest checkpoint, to spoil."""
    source = checkpoint.find(trained)
    target = tmp_path / "checkpoints" / source.name
    subprocess.run(["cp", "-r", str(source.parent), str(tmp_path)], check=True)
    return target


def test_the_newest_few_are_kept(trained: Path) -> None:
    names = [path.name for path in checkpoint.all_checkpoints(trained)]
    assert names == ["step-000000200", "step-000000300"]
    assert [path.name for path in (trained / "checkpoints").iterdir() if "part" in path.name] == []


def test_a_checkpoint_is_found_from_each_of_its_folders(trained: Path, tmp_path: Path) -> None:
    newest = trained / "checkpoints" / "step-000000300"
    for path in (trained, trained / "checkpoints", newest):
        assert checkpoint.find(path) == newest
    with pytest.raises(BadCheckpoint, match="no such folder"):
        checkpoint.find(tmp_path / "none")
    with pytest.raises(BadCheckpoint, match="holds no checkpoint"):
        checkpoint.find(tmp_path)


def test_a_run_s_newest_whole_checkpoint_is_taken_and_the_broken_ones_named(copied: Path) -> None:
    (copied / "state.msgpack").write_bytes(b"half")
    said: list[str] = []
    run = copied.parent.parent
    assert checkpoint.find(run, said.append).name == "step-000000200"
    assert said == [
        f"passed over: {copied / 'state.msgpack'}: corrupt checkpoint "
        f"({said[0].split('(')[1].split(')')[0]}); a run folder stands for its newest whole one"
    ]
    for path in checkpoint.all_checkpoints(run):
        (path / "state.msgpack").unlink(missing_ok=True)
    with pytest.raises(BadCheckpoint, match=r"step-000000200/state.msgpack: corrupt"):
        checkpoint.find(run, said.append)


def test_a_checkpoint_that_was_being_replaced_is_found_and_gets_its_name_again(
    copied: Path, trained: Path
) -> None:
    run = copied.parent.parent
    best = checkpoint.save_best(run, tiny(), checkpoint.read(copied, tiny(), PENDULUM, TD3))
    for path in (copied, best):
        path.rename(path.with_name(f".old-{path.name}"))
    assert checkpoint.find(run).name == ".old-step-000000300"
    assert checkpoint.find(best).name == ".old-best"
    assert checkpoint.run_folder(checkpoint.find(best)) == run
    snapshot = checkpoint.read(checkpoint.find(run), tiny(), PENDULUM, TD3)
    checkpoint.save(run, tiny(), snapshot._replace(step=310), None)
    assert sorted(path.name for path in copied.parent.iterdir()) == [
        "best",
        "step-000000300",
        "step-000000310",
    ]


@pytest.mark.parametrize(
    "entry",
    [
        {"state.msgpack": 3},
        {"state.msgpack": {"bytes": "many", "sha256": None}},
        {"state.msgpack": {"bytes": 3, "sha256": 4}},
        {"../../../../etc/passwd": {"bytes": 3, "sha256": None}},
        {"/etc/passwd": {"bytes": 3, "sha256": None}},
    ],
)
def test_a_manifest_is_data_that_names_files_of_its_own_folder(copied: Path, entry: dict) -> None:
    (copied / "manifest.json").write_text(json.dumps(entry))
    with pytest.raises(BadCheckpoint, match=r"manifest.json: corrupt checkpoint \(entry"):
        checkpoint.verify(copied)
    (copied / "manifest.json").write_text("{}")
    with pytest.raises(BadCheckpoint, match=r"does not name state\.msgpack"):
        checkpoint.verify(copied)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "1" * 5000])
@pytest.mark.parametrize("name", ["manifest.json", "loop.json", "config.json"])
def test_json_that_cannot_be_taken_in_is_one_line(copied: Path, name: str, text: str) -> None:
    (copied / name).write_text(text)
    if name != "manifest.json":
        (copied / "manifest.json").write_text(json.dumps(checkpoint._manifest(copied)))
    read = {
        "manifest.json": checkpoint.verify,
        "loop.json": lambda path: checkpoint.read(path, tiny(), PENDULUM, TD3),
        "config.json": checkpoint.read_config,
    }
    with pytest.raises((BadCheckpoint, BadInput), match=f"{name}.*not JSON") as caught:
        read[name](copied)
    assert "\n" not in str(caught.value)


def test_a_step_that_is_saved_already_is_not_written_again(tmp_path: Path) -> None:
    run = session(tiny(eval_every=0, steps=40, checkpoint_every=0), tmp_path / "run")
    assert train(run)
    path = run.save()
    before = (path / "state.msgpack").stat()
    assert run.save() == path
    assert (path / "state.msgpack").stat() == before
    run.step += 1
    assert run.save() != path
    run.close()


def test_the_best_evaluation_s_state_is_kept_and_outlives_a_resume(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    config = tiny(eval_every=0, steps=40, checkpoint_every=0)
    run = session(config, folder)
    assert train(run)
    best = folder / "checkpoints" / checkpoint.BEST

    def kept(run: Session, value: float, step: int) -> int:
        run.step = step
        run.keep_best({"eval/return": value})
        return checkpoint.read(checkpoint.find(best), config, PENDULUM, TD3).step

    assert [kept(run, -50.0, 41), kept(run, -60.0, 42), kept(run, -40.0, 43)] == [41, 41, 43]
    assert not (best / "replay").exists()
    last = run.save()
    run.close()
    again = session(config, folder, resume=last)
    assert [kept(again, -45.0, 44), kept(again, -39.0, 45)] == [43, 45]
    again.close()
    assert checkpoint.find(folder) == last


def test_evaluations_of_a_run_keep_the_best(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run = session(tiny(steps=700, eval_every=50, checkpoint_every=0), folder)
    assert train(run)
    run.close()
    rows = [line.split(",") for line in logged(folder)]
    returns = {int(step): float(value) for step, tag, value in rows if tag == "eval/return"}
    assert len(returns) == 3
    best = checkpoint.read(folder / "checkpoints" / checkpoint.BEST, run.config, PENDULUM, TD3)
    assert best.step == max(returns, key=lambda step: returns[step])


def test_what_is_read_is_what_was_written(trained: Path, tmp_path: Path) -> None:
    path = checkpoint.find(trained)
    snapshot = checkpoint.read(path, tiny(), PENDULUM, TD3)
    again = checkpoint.save(tmp_path, tiny(), snapshot, None)
    for name in (checkpoint.STATE, checkpoint.EPISODE, checkpoint.LOOP):
        assert (again / name).read_bytes() == (path / name).read_bytes()
    for leaf in jax.tree.leaves(snapshot.state):
        assert isinstance(leaf, np.ndarray)


@pytest.mark.parametrize(
    "name",
    [
        "state.msgpack",
        "loop.json",
        "episode.npz",
        "config.json",
        "manifest.json",
        "replay/reward.npy",
        "replay/vector.npy",
    ],
)
@pytest.mark.parametrize("damage", ["cut", "gone", "changed"])
def test_a_damaged_file_is_named_in_one_line(copied: Path, name: str, damage: str) -> None:
    file = copied / name
    data = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif name.startswith("replay"):
        pytest.skip("the buffer is too large for checksums at every start")
    else:
        data[len(data) // 2] ^= 0xFF
        file.write_bytes(data)
    with pytest.raises(BadCheckpoint) as caught:
        checkpoint.read(copied, tiny(), PENDULUM, TD3)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_agent_is_told_apart(trained: Path) -> None:
    path = checkpoint.find(trained)
    for values in ({"hidden_sizes": (8, 9)}, {"hidden_sizes": (8,)}, {"critic_norm": "layer"}):
        with pytest.raises(BadCheckpoint, match="of an agent with another configuration"):
            checkpoint.read(path, replace_leaves(tiny(), values), PENDULUM, TD3)
    with pytest.raises(BadCheckpoint, match=r"made for .*vector=3"):
        checkpoint.read(path, tiny(), Spaces(image=None, vector=4, action=1), TD3)


def test_leftovers_of_a_killed_process_are_removed(trained: Path, tmp_path: Path) -> None:
    snapshot = checkpoint.read(checkpoint.find(trained), tiny(), PENDULUM, TD3)
    left = tmp_path / "checkpoints" / ".part-step-000000250"
    left.mkdir(parents=True)
    (left / "state.msgpack").write_bytes(b"half")
    assert checkpoint.all_checkpoints(tmp_path) == []
    checkpoint.save(tmp_path, tiny(), snapshot, None)
    assert not left.exists()


def test_without_room_the_previous_checkpoint_stays(trained: Path, tmp_path: Path) -> None:
    """The limit on file sizes stands for a full disk: write() fails with OSError in the middle."""
    snapshot = checkpoint.read(checkpoint.find(trained), tiny(), PENDULUM, TD3)
    good = checkpoint.save(tmp_path, tiny(), snapshot._replace(step=10), None)
    before = {path: path.read_bytes() for path in good.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(checkpoint.DiskTrouble) as caught:
            checkpoint.save(tmp_path, tiny(), snapshot._replace(step=20), None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "step-000000010, is intact" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == [good.name]
    assert {path: path.read_bytes() for path in good.iterdir()} == before


def test_other_rates_do_not_stand_in_the_way(trained: Path) -> None:
    config = replace_leaves(tiny(), {"batch_size": 4, "actor_lr": 1e-5})
    assert (
        checkpoint.read(checkpoint.find(trained), config, PENDULUM, TD3).state.config
        == config.agent
    )


@pytest.mark.parametrize("before", [0.0, 1e-4])
def test_a_run_goes_on_with_other_weight_decay(before: float, tmp_path: Path) -> None:
    def decay(value: float) -> dict[str, float]:
        return {"actor_weight_decay": value, "critic_weight_decay": value}

    folder = tmp_path / "run"
    run = session(tiny(steps=30, eval_every=0, **decay(before)), folder)
    assert train(run)
    run.close()
    path, after = checkpoint.find(folder), decay(1e-4 - before)
    run = session(tiny(steps=40, eval_every=0, **after), folder, resume=path)
    assert train(run)
    run.close()
    assert checkpoint.find(folder).name == "step-000000040"


def test_damaged_checkpoints_are_used_or_refused_in_one_line(trained: Path, tmp_path: Path) -> None:
    outcome = checkpoints.fuzz(trained, lambda: make_envs(tiny()), 6, 0, tmp_path)
    assert (outcome.tried, outcome.lost) == (6, [])


@pytest.mark.parametrize("agent", [3, None, []])
def test_a_policy_of_a_strange_configuration_is_refused(copied: Path, agent: object) -> None:
    (copied / "config.json").write_text(json.dumps({"agent": agent, "loop": []}))
    (copied / "manifest.json").write_text(json.dumps(checkpoint._manifest(copied)))
    with pytest.raises(BadCheckpoint, match=r"config.json: loop and agent are to be objects"):
        td3jax.load(copied)


def test_a_state_of_other_things_than_arrays_is_refused(copied: Path) -> None:
    (copied / "state.msgpack").write_bytes(serialization.msgpack_serialize({"step": "ten"}))
    (copied / "manifest.json").write_text(json.dumps(checkpoint._manifest(copied)))
    with pytest.raises(BadCheckpoint, match=r"of an agent with another configuration"):
        td3jax.load(copied)


def test_an_array_file_that_is_no_array_is_named(copied: Path) -> None:
    file = copied / "replay" / "age.npy"
    data = bytearray(file.read_bytes())
    data[12:20] = bytes(8)  # numpy parses the header as Python
    file.write_bytes(data)
    buffer = td3jax.ReplayBuffer(tiny().replay, PENDULUM, 0.99)
    with pytest.raises(ValueError, match=r"not a replay buffer of this agent .*age.npy"):
        buffer.load(copied / "replay")
