"""An interrupted run, continued, is the run that was never interrupted; real signals."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from run_support import as_flags, finished, logged, process, session, tiny, wait_for

from launch.signals import stop_on_signals
from launch.train import main
from launch.training import checkpoint
from launch.training.loop import train

FLAGS = as_flags(steps=900, eval_every=300, checkpoint_every=150)


def _at(folder: Path, step: int):
    """Tell whether a run has logged this step."""

    def reached() -> bool:
        file = folder / "metrics.csv"
        return file.exists() and any(
            int(line.split(",")[0]) >= step for line in file.read_text().splitlines()[1:-1]
        )

    return reached


def test_a_finished_run_that_is_resumed_says_so(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    folder = tmp_path / "run"
    flags = as_flags(steps=60, eval_every=0, final_episodes=0)
    assert main([*flags, f"--run_dir={folder}"]) == 0
    capfd.readouterr()
    assert main([f"--resume={folder}"]) == 0
    said = capfd.readouterr().out
    assert "it has finished, it has --steps=60 already: a larger number goes on" in said


def test_flags_of_a_new_run_are_not_used_and_that_is_said(short: Path, capfd) -> None:
    words = ["--preset=vector", "--name=x", f"--run_dir={short.parent / 'other'}"]
    assert main([f"--resume={short}", "--steps=110", "--final_episodes=0", *words]) == 0
    said = "not used with --resume, which keeps folder and preset: --preset, --name, --run_dir"
    assert said in capfd.readouterr().out
    assert checkpoint.find(short).name == "step-000000110"
    assert list(short.parent.iterdir()) == [short]


def test_interrupted_killed_and_the_same_in_the_end(
    tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    assert main([*FLAGS, f"--run_dir={straight}"]) == 0

    child = process(*FLAGS, f"--run_dir={broken}")
    wait_for(_at(broken, 200), child)
    child.send_signal(signal.SIGINT)
    code, out, err = finished(child)
    assert code == 130, err
    stopped = checkpoint.all_checkpoints(broken)[-1]
    assert f"stopped by SIGINT at step {int(stopped.name[5:]):,}; --resume={broken}" in out

    resume = f"--resume={broken}"
    last = int(checkpoint.all_checkpoints(broken)[-1].name[5:])
    child = process(resume)
    wait_for(_at(broken, min(last + 200, 860)), child)
    child.kill()
    finished(child)

    capfd.readouterr()
    assert main([resume]) == 0
    assert "resumed from" in capfd.readouterr().out
    assert logged(broken) == logged(straight)
    ours, theirs = (checkpoint.find(folder) for folder in (broken, straight))
    assert ours.name == theirs.name == "step-000000900"
    for name, _ in checkpoint._files(theirs):
        if name not in ("loop.json",):
            assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name
    tables = [json.loads((path / "loop.json").read_text()) for path in (ours, theirs)]
    for table in tables:
        table.pop("metrics_bytes")  # the clock's digits
    assert tables[0] == tables[1]
    assert (broken / "evaluation.json").read_text() == (straight / "evaluation.json").read_text()


def test_what_cannot_be_resumed_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    run = tmp_path / "run"
    assert main([*as_flags(final_episodes=0, steps=60), f"--run_dir={run}"]) == 0
    state = checkpoint.find(run) / "state.msgpack"
    capfd.readouterr()
    for words, message in (
        ("--seed=5", "--seed=5: the run to resume has 0"),
        ("--env=HalfCheetah-v5", "--env=HalfCheetah-v5: the run to resume has Pendulum-v1"),
        ("--hidden_sizes=9,9", f"{state}: of an agent with another configuration"),
    ):
        assert main([f"--resume={run}", words]) == 2
        out, err = capfd.readouterr()
        assert (out, err.count("\n")) == (f"loading jax, then reading {run}\n", 1)
        assert message in err
    state.write_bytes(state.read_bytes()[:100])
    assert main([f"--resume={run}"]) == 2
    assert f"{state}: corrupt checkpoint (100 bytes instead of" in capfd.readouterr().err


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """A run of 100 steps with a checkpoint every 20, and `best` of its end."""
    folder = tmp_path / "run"
    run = session(tiny(steps=100, checkpoint_every=20, keep_checkpoints=9, eval_every=0), folder)
    assert train(run)
    run.keep_best({"eval/return": 1.0})
    run.close()
    return folder


def test_a_branch_sets_the_old_one_aside(short: Path, capfd: pytest.CaptureFixture) -> None:
    history = (short / "metrics.csv").read_text()
    from_60 = f"--resume={short}/checkpoints/step-000000060"
    assert main([from_60, "--steps=70", "--keep_checkpoints=1", "--final_episodes=0"]) == 0
    aside = short / "abandoned-1"
    assert f"later checkpoints of this run are moved to {aside}" in capfd.readouterr().out
    assert sorted(path.name for path in (aside / "checkpoints").iterdir()) == [
        "best",
        "step-000000080",
        "step-000000100",
    ]
    assert (aside / "metrics.csv").read_text() == history
    assert [path.name for path in checkpoint.all_checkpoints(short)] == ["step-000000070"]
    rows = (short / "metrics.csv").read_text().splitlines()[1:]
    assert max(int(row.split(",")[0]) for row in rows) == 70


@pytest.mark.parametrize(
    "cut", ["middle", "gone", *(pytest.param(c, marks=pytest.mark.slow) for c in ("row", "empty"))]
)
def test_a_history_that_lost_its_end_is_cut_to_whole_rows_and_said(
    short: Path, cut: str, capfd: pytest.CaptureFixture
) -> None:
    file = short / "metrics.csv"
    counted = file.stat().st_size
    lines = file.read_bytes().splitlines(keepends=True)
    left = {"row": b"".join(lines[:5]), "middle": b"".join(lines[:5]) + lines[5][:4], "empty": b""}
    whole = 0 if cut in ("empty", "gone") else len(left["row"])
    if cut == "gone":
        file.unlink()
    else:
        file.write_bytes(left[cut])
    assert main([f"--resume={short}", "--steps=120", "--final_episodes=0"]) == 0
    said = f"{file} has {whole:,} of the {counted:,} bytes that the checkpoint counted"
    assert said in capfd.readouterr().out
    after = file.read_bytes()
    assert after.startswith(left["row"] if whole else b"step,tag,value\n")
    assert all(len(line.split(b",")) == 3 for line in after.splitlines())


def test_a_checkpoint_outside_a_run_is_not_continued(
    short: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    source = checkpoint.find(short)
    copy = tmp_path / "mail" / source.name
    shutil.copytree(source, copy)
    capfd.readouterr()
    assert main([f"--resume={copy}"]) == 2
    said = f"{copy}: in no run folder; copy it to RUN/checkpoints/ to continue there"
    assert capfd.readouterr().err == f"train: {said}\n"
    assert [path.name for path in (tmp_path / "mail").iterdir()] == [source.name]


@pytest.mark.parametrize("broken", ["step-000000100", pytest.param("best", marks=pytest.mark.slow)])
def test_a_newer_checkpoint_that_is_broken_stands_in_no_way(
    short: Path, broken: str, capfd: pytest.CaptureFixture
) -> None:
    (short / "checkpoints" / broken / "loop.json").write_text("half")
    resume = short if broken == "step-000000100" else short / "checkpoints" / "step-000000080"
    assert main([f"--resume={resume}", "--steps=90", "--final_episodes=0"]) == 0
    out = capfd.readouterr().out
    assert ("passed over: " in out) == (resume == short)
    moved = {path.name for path in (short / "abandoned-1" / "checkpoints").iterdir()}
    assert moved == {"step-000000100", "best"}
    assert checkpoint.find(short).name == "step-000000090"


def test_a_line_that_is_no_row_is_named(short: Path, capfd: pytest.CaptureFixture) -> None:
    file = short / "metrics.csv"
    text = file.read_text().splitlines(keepends=True)
    file.write_text("".join([text[0], "x" * (len(text[1]) - 1) + "\n", *text[2:]]))
    assert main([f"--resume={short}", "--steps=120"]) == 2
    err = capfd.readouterr().err
    assert f"train: {file}: line 2 is 'xxx" in err
    assert err.count("\n") == 1


def test_the_first_signal_waits_and_the_second_interrupt_does_not() -> None:
    with stop_on_signals() as stop:
        assert not stop
        os.kill(os.getpid(), signal.SIGINT)
        assert (bool(stop), stop.exit_code, stop.name) == (True, 130, "SIGINT")
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    with stop_on_signals() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.exit_code == 143
