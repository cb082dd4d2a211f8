"""An interrupted run, continued, is the run that was never interrupted; real signals."""

import json
import os
import signal
from pathlib import Path

import pytest
from run_support import as_flags, finished, logged, process, wait_for

from launch.signals import stop_on_signals
from launch.train import main
from launch.training import checkpoint

FLAGS = as_flags(steps=900, eval_every=300, checkpoint_every=150)


def _at(folder: Path, step: int):
    """Tell whether a run has logged this step."""

    def reached() -> bool:
        file = folder / "metrics.csv"
        return file.exists() and any(
            int(line.split(",")[0]) >= step for line in file.read_text().splitlines()[1:-1]
        )

    return reached


def test_interrupted_killed_and_the_same_in_the_end(tmp_path: Path, cache: Path) -> None:
    straight, broken = tmp_path / "straight", tmp_path / "broken"
    code, _, err = finished(process(cache, *FLAGS, f"--run_dir={straight}"))
    assert code == 0, err

    child = process(cache, *FLAGS, f"--run_dir={broken}")
    wait_for(_at(broken, 200), child)
    child.send_signal(signal.SIGINT)
    code, out, err = finished(child)
    assert code == 130, err
    stopped = checkpoint.all_checkpoints(broken)[-1]
    assert f"stopped by SIGINT at step {int(stopped.name[5:]):,}; --resume={broken}" in out

    resume = f"--resume={broken}"
    last = int(checkpoint.all_checkpoints(broken)[-1].name[5:])
    child = process(cache, resume)
    wait_for(_at(broken, min(last + 200, 860)), child)
    child.kill()
    finished(child)

    code, out, err = finished(process(cache, resume))
    assert code == 0, err
    assert "resumed from" in out
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
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(cache))
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
        assert (out, err.count("\n")) == ("", 1)
        assert message in err
    state.write_bytes(state.read_bytes()[:100])
    assert main([f"--resume={run}"]) == 2
    assert f"{state}: corrupt checkpoint (100 bytes instead of" in capfd.readouterr().err


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
