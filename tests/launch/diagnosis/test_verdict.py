"""The rules on runs with known faults, their forms, their limits, and the live watch."""

from __future__ import annotations

import dataclasses
import itertools
import time

import numpy as np
import pytest
import synthetic_runs
from hypothesis import given, settings
from hypothesis import strategies as st

from launch.diagnosis.facts import RunFacts
from launch.diagnosis.limits import VerdictLimits, parse_limits
from launch.diagnosis.live import LiveChecker
from launch.diagnosis.measures import growth, power_law
from launch.diagnosis.scales import q_scale
from launch.diagnosis.series import Curve, Series, curve
from launch.diagnosis.verdict import GO, NO_GO, STAGES, UNDECIDED, judge, no_go_rows

LIMITS = VerdictLimits()


def row_of(verdict, name, stage=None):
    """The one row whose name starts so."""
    found = [
        r for r in verdict.rows if r.name.startswith(name) and (stage is None or r.stage == stage)
    ]
    assert found, name
    return found[0]


def changed(series: Series, tag: str, change) -> dict[str, Curve]:
    """The series with one tag's values replaced by change(values)."""
    old = series[tag]
    return {**series, tag: curve(old.steps, change(old.values.copy()), old.wall)}


@pytest.mark.parametrize(("last", "gate"), [(2000, "2K"), (5000, "5K"), (10_000, "10K")])
def test_a_healthy_run_is_go_at_each_gate(last, gate):
    verdict = judge(synthetic_runs.healthy(last))
    assert verdict.decision == GO, verdict.reasons
    assert verdict.stage == gate
    assert verdict.last_step == last
    assert all(row.passed for row in verdict.rows)


def test_a_healthy_run_of_another_reward_scale_is_go_by_the_relative_forms():
    series = {}
    for tag, values in synthetic_runs.healthy().items():
        moved = tag.startswith("debug/") and "ratio" not in tag and "discount" not in tag
        moved = moved or tag in ("train/actor_loss", "train/q1_value", "train/q2_value")
        factor = 40.0 if moved else 1600.0 if tag == "train/critic_loss" else 1.0
        series[tag] = Curve(values.steps, factor * values.values, values.wall)
    verdict = judge(series)
    assert verdict.decision == GO, verdict.reasons
    assert row_of(verdict, "actor_q_mean", "2K").measured > LIMITS.q_mean_2k
    assert judge(series, VerdictLimits(form="absolute")).decision == NO_GO
    assert judge(series, VerdictLimits(form="both")).decision == NO_GO


def test_a_small_reward_scale_hides_nothing_from_the_relative_forms():
    leak = synthetic_runs.feature_leak()
    small = {}
    for tag, c in leak.items():
        factor = 1e-6 if tag.startswith(("debug/", "train/")) else 1.0
        small[tag] = Curve(c.steps, c.values * factor, c.wall)
    limits = VerdictLimits(q_floor=1e-6)
    assert judge(small, limits).decision == NO_GO
    assert row_of(judge(small, limits), "actor_q_mean", "5K").measured < 1000


def test_runs_between_gates_are_judged_by_the_last_gate_reached():
    assert judge(synthetic_runs.healthy(4000)).stage == "2K"
    assert judge(synthetic_runs.healthy(60_000)).stage == "10K"
    with pytest.raises(ValueError, match="stage"):
        judge(synthetic_runs.healthy(), stage="7K")


def test_a_run_too_short_for_any_gate_is_undecided_unless_something_failed():
    verdict = judge(synthetic_runs.healthy(1600))
    assert verdict.decision == UNDECIDED
    assert "too few" in verdict.reasons[0]
    assert judge(synthetic_runs.healthy(2000), stage="5K").decision == UNDECIDED
    bad = changed(synthetic_runs.healthy(1600), "debug/q1_mean", lambda v: v * np.nan)
    assert judge(bad).decision == NO_GO


def test_missing_core_scalars_leave_the_run_undecided():
    series = dict(synthetic_runs.healthy())
    for tag in ("train/critic_loss", "train/critic_1_loss"):
        series.pop(tag, None)
    verdict = judge(series)
    assert verdict.decision == UNDECIDED
    assert verdict.reasons == ("not measured: critic_loss, mean",)


def test_missing_optional_scalars_are_counted_in_a_go():
    series = {t: c for t, c in synthetic_runs.healthy().items() if not t.startswith("gradients/")}
    verdict = judge(series)
    assert verdict.decision == GO
    assert "could not be measured" in verdict.reasons[0]
    assert row_of(verdict, "actor_cnn_norm, mean").passed is None


BREAKS = {
    "2K actor_q_mean": ("debug/actor_q_mean", lambda v: v * 8, "actor_q_mean, largest"),
    "2K actor_q_max": ("debug/actor_q_max", lambda v: v + 2000, "actor_q_max, largest"),
    "critic loss mean": ("train/critic_loss", lambda v: v + 40_000, "critic_loss, mean"),
    "critic loss rising": (
        "train/critic_loss",
        lambda v: v * np.linspace(1, 90, v.size) ** 2,
        "critic_loss, last third",
    ),
    "td error rising": (
        "debug/td_error_q1",
        lambda v: v * np.linspace(1, 60, v.size),
        "td_error, last third",
    ),
    "twin gap": ("debug/q2_mean", lambda v: v + 60, "|Q1 - Q2|, mean"),
    "actor gradient mean": ("gradients/actor_cnn_norm", lambda v: v + 2e4, "actor_cnn_norm, mean"),
    "actor gradient max": (
        "gradients/actor_cnn_norm",
        lambda v: np.where(np.arange(v.size) == 20, 7e4, v),
        "actor_cnn_norm, largest",
    ),
    "warning": (
        "alerts/gradient_explosion_warning",
        lambda v: np.where(np.arange(v.size) == 3, 1, v),
        "alerts fired",
    ),
    "divergence": (
        "alerts/q_divergence",
        lambda v: np.where(np.arange(v.size) == 3, 1, v),
        "alerts fired",
    ),
    "critical": (
        "gradients/critic_mlp_norm",
        lambda v: np.where(np.arange(v.size) == 30, 2e5, v),
        "gradient norm, largest",
    ),
    "short episodes": ("train/episode_length", lambda v: v * 0.1, "episode_length, mean"),
    "shrinking episodes": (
        "train/episode_length",
        lambda v: v * np.linspace(1, 0.4, v.size),
        "episode_length, last third",
    ),
    "saturated policy": ("health/action_saturation", np.ones_like, "action_saturation, last"),
    "no progress": ("eval/return", lambda v: v[::-1], "eval/return, later"),
    "nan": (
        "debug/target_q_std",
        lambda v: np.where(np.arange(v.size) == 9, np.nan, v),
        "non-finite",
    ),
    "bound": ("debug/target_q_mean", lambda v: v * 400, "Q / largest return"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_each_rule_fails_on_its_own_break(name):
    tag, change, criterion = BREAKS[name]
    verdict = judge(changed(synthetic_runs.healthy(), tag, change))
    assert verdict.decision == NO_GO
    failed = [row for row in verdict.rows if row.passed is False]
    assert any(row.name.startswith(criterion) for row in failed), verdict.reasons
    assert len({line for line in verdict.reasons}) == len(failed)


def test_a_policy_that_drives_at_its_first_evaluation_need_not_rise():
    level = changed(synthetic_runs.healthy(), "eval/return", lambda v: 800.0 - 50.0 * (v > v[0]))
    row = row_of(judge(level), "train/episode_reward, later")
    assert row.passed
    returns = level["train/episode_reward"].values
    third = returns.size // 3
    gain = returns[-third:].mean() - returns[:third].mean()
    assert row.measured == pytest.approx(gain)
    assert row.relative_measured == pytest.approx(gain / np.abs(returns).max())
    idle = changed(level, "train/episode_reward", lambda v: 0.0 * v + 200.0)
    assert judge(idle).decision == NO_GO
    lost = changed(level, "eval/return", lambda v: np.linspace(800.0, 500.0, v.size))
    assert row_of(judge(lost), "eval/return, later").passed is False


def test_without_an_encoder_the_whole_actor_s_gradient_is_judged():
    blind = changed(synthetic_runs.healthy(), "gradients/actor_cnn_norm", np.zeros_like)
    assert row_of(judge(blind), "actor_norm, mean").passed
    wild = changed(blind, "gradients/actor_norm", lambda v: v + 2e4)
    assert row_of(judge(wild), "actor_norm, mean").passed is False


def test_a_single_noisy_drop_of_episode_length_is_no_trend():
    def noisy(values):
        rng = np.random.default_rng(3)
        return 60 + 55 * rng.standard_normal(values.size)

    few = synthetic_runs.healthy()
    few["train/episode_length"] = few["train/episode_length"].part(0, 9)
    row = row_of(judge(changed(few, "train/episode_length", noisy)), "episode_length, last third")
    assert row.passed


@pytest.mark.parametrize(("share", "decision"), [(0.0, GO), (1e-6, GO), (0.5, NO_GO)])
def test_what_the_actor_learns_past_its_action_decides(share, decision):
    """However healthy all else looks, as it does under batch norm."""
    series = synthetic_runs.healthy()
    steps = series["debug/q1_mean"].steps
    series["health/actor_bypass"] = curve(steps, np.full(steps.size, share))
    verdict = judge(series, LIMITS, RunFacts())
    assert verdict.decision == decision
    assert ("not through its action" in verdict.reasons[0]) is (decision == NO_GO)


def test_training_returns_stand_in_for_missing_evaluations():
    series = {t: c for t, c in synthetic_runs.healthy().items() if not t.startswith("eval/")}
    row = row_of(judge(series), "train/episode_reward, later")
    assert row.passed


def test_q_past_10k_steps_follows_the_table():
    series = synthetic_runs.healthy(60_000)
    verdict = judge(series, VerdictLimits(form="absolute"))
    assert row_of(verdict, "actor_q_mean / top").measured == pytest.approx(67.1 / 500, rel=0.1)
    high = changed(series, "debug/actor_q_mean", lambda v: v * 12)
    assert row_of(judge(high, VerdictLimits(form="absolute")), "actor_q_mean / top").passed is False


def test_exponential_growth_needs_growth_and_disproportion():
    healthy = synthetic_runs.healthy()
    steep = changed(healthy, "debug/actor_q_mean", lambda v: 0.01 * 1.07 ** np.arange(v.size))
    assert row_of(judge(steep), "growth of Q").passed
    wild = changed(healthy, "debug/actor_q_mean", lambda v: 0.01 * 1.8 ** np.arange(v.size))
    row = row_of(judge(wild), "growth of Q")
    assert row.passed is False
    assert "grows exponentially" in row.note


@given(st.lists(st.floats(0.1, 1e6), min_size=3, max_size=40), st.integers(3, 8))
@settings(max_examples=30, deadline=None)
def test_growth_equals_a_plain_loop(values, points):
    got = growth(curve(np.arange(len(values)), values), points).values.tolist()
    expected = []
    for end in range(points, len(values) + 1):
        part = values[end - points : end]
        rising = all(b > a for a, b in itertools.pairwise(part))
        expected.append(part[-1] / part[0] if rising else 1.0)
    assert got == pytest.approx(expected)


@given(
    st.lists(st.floats(-500, 500), min_size=1, max_size=60),
    st.lists(st.floats(0, 40), min_size=1, max_size=60),
    st.integers(1, 25),
)
@settings(max_examples=25, deadline=None)
def test_the_scale_equals_a_plain_loop(q1, rewards, points):
    series = {
        "debug/q1_mean": curve(np.arange(len(q1)) * 10, q1),
        "debug/q1_std": curve([0], [30.0]),
        "debug/reward_mean": curve(np.arange(len(rewards)) * 7, rewards),
    }
    limits = dataclasses.replace(LIMITS, scale_points=points)
    steps = np.arange(0, 600, 13)
    got = q_scale(series, steps, limits)
    for step, value in zip(steps, got, strict=True):
        seen = [np.hypot(v, 30.0) for i, v in enumerate(q1) if i * 10 <= step][-points:]
        seen += [v for i, v in enumerate(rewards) if i * 7 <= step][-points:]
        assert value == pytest.approx(max([*seen, limits.q_floor]))


@given(st.floats(0.05, 200.0), st.floats(1.0, 8.0))
@settings(max_examples=20, deadline=None)
def test_raising_actor_q_never_turns_a_failed_run_good(factor, more):
    def at(scale):
        rows = judge(
            changed(synthetic_runs.healthy(5000), "debug/actor_q_mean", lambda v: v * scale)
        ).rows
        return {(r.stage, r.name): r.passed for r in rows}

    low, high = at(factor), at(factor * more)
    for key, passed in low.items():
        assert not (passed is False and high[key]), key


@given(st.floats(0.1, 100.0), st.floats(1.0, 50.0))
@settings(max_examples=4, deadline=None)
def test_a_wider_limit_never_fails_what_a_narrower_one_passed(limit, wider):
    series = synthetic_runs.healthy(5000)
    for form in ("absolute", "relative", "both", "auto"):
        for name in ("q_mean_5k", "q_ratio", "critic_loss", "twin_gap_ratio", "ratio_stop"):
            narrow = judge(series, VerdictLimits(form=form, **{name: limit}))
            wide = judge(series, VerdictLimits(form=form, **{name: limit * wider}))
            for one, other in zip(narrow.rows, wide.rows, strict=True):
                assert not (one.passed and other.passed is False), (name, one.name)


@given(st.integers(11, 60))
@settings(max_examples=8, deadline=None)
def test_no_go_is_never_taken_back_by_more_steps(index):
    leak = synthetic_runs.feature_leak()
    step = index * 100

    def broken(last):
        part = {tag: values.until(last) for tag, values in leak.items()}
        return {row.name for row in no_go_rows(part) if row.passed is False}

    assert broken(step) <= broken(step + 700)


def test_slope_of_the_report_of_run_2_is_about_5_6(capsys):
    law = power_law(
        Curve(*synthetic_runs.report_series(2)["train/actor_loss"]._replace()), RunFacts()
    )
    with capsys.disabled():
        print(
            f"\nreport 2: slope {law.slope:.2f} (fit {law.fitted:.2f}, R2 {law.power_r2:.3f}; "
            f"exponential R2 {law.exponential_r2:.3f})"
        )
    assert law.start == 2500
    assert law.slope == pytest.approx(5.6, abs=0.1)
    assert law.power_r2 > 0.99 > law.exponential_r2


@pytest.mark.parametrize("depth", [2.0, 3.0, 4.0, 5.5])
def test_slope_recovers_the_power(depth):
    updates = np.arange(100, 4001, 100)
    law = power_law(curve(1000 + updates, 3.0 * updates**depth), RunFacts(learning_starts=1000))
    assert law.slope == pytest.approx(depth, abs=0.01)
    assert law.fitted == pytest.approx(depth, abs=0.01)


def replay(series: Series, limits: VerdictLimits = LIMITS) -> tuple[str | None, int | None]:
    """Feed a recorded run to the live watch, step by step; the reason and when."""
    watch = LiveChecker(limits)
    steps = sorted({int(s) for c in series.values() for s in c.steps})
    at: dict[int, dict[str, float]] = {step: {} for step in steps}
    for tag, values in series.items():
        for step, value in zip(values.steps, values.values, strict=True):
            at[int(step)][tag] = float(value)
    for step in steps:
        watch.feed(step, at[step])
        reason = watch.no_go()
        if reason is not None:
            return reason, step
    return None, None


@pytest.mark.parametrize("name", ["healthy", *synthetic_runs.FAULTS])
def test_live_and_offline_agree(name):
    series = getattr(synthetic_runs, name)()
    reason, step = replay(series)
    broken = [row for row in no_go_rows(series) if row.passed is False]
    assert (reason is None) == (not broken)
    if step is not None:
        cut = {tag: values.until(step) for tag, values in series.items()}
        assert any(row.passed is False for row in no_go_rows(cut))
        before = {tag: values.until(step - 1) for tag, values in series.items()}
        assert all(row.passed is not False for row in no_go_rows(before))


def test_live_names_a_leak_early_and_keeps_its_reason():
    reason, step = replay(synthetic_runs.feature_leak())
    assert "actor" in reason
    assert step <= 1800
    watch = LiveChecker()
    watch.feed(1, {"train/critic_loss": float("nan")})
    first = watch.no_go()
    watch.feed(2, {"train/critic_loss": 1.0})
    assert watch.no_go() == first == "train/critic_loss is nan at step 1"


def test_live_takes_any_number_type_and_ignores_nan_in_evaluations():
    watch = LiveChecker()
    watch.feed(1, {"debug/actor_q_mean": np.float32(3), "eval/collisions_per_km": float("nan")})
    assert watch.no_go() is None


def test_live_is_cheap_and_bounded():
    watch = LiveChecker()
    series = synthetic_runs.healthy(2000)
    row = {tag: float(c.values[-1]) for tag, c in series.items() if c.values.size}
    for step in range(50):
        watch.feed(step, row)
        watch.no_go()
    began = time.process_time()
    for step in range(100):
        watch.feed(50 + step, row)
        watch.no_go()
    assert (time.process_time() - began) / 100 < 0.02
    assert max(len(points) for points in watch._points.values()) == watch._window


def test_limits_from_text_and_file(tmp_path):
    assert parse_limits([]) == LIMITS
    chosen = parse_limits(["q_mean_2k=70", "form=both", "stop_points=5"])
    assert (chosen.q_mean_2k, chosen.form, chosen.stop_points) == (70.0, "both", 5)
    path = tmp_path / "limits.json"
    path.write_text('{"twin_gap": 7}')
    assert parse_limits([str(path), "q_ratio=4"]).twin_gap == 7.0


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("q_men_2k=70", "unknown; known"),
        ("q_mean_2k=much", "expected a value of type float"),
        ("form=loose", "expected one of"),
        ("growth_points=1", "at least 3"),
        ("nothing.json", "neither name=value nor"),
    ],
)
def test_bad_limits_are_one_clear_line(item, words):
    with pytest.raises(ValueError, match=words) as caught:
        parse_limits([item])
    assert "\n" not in str(caught.value)


def test_every_limit_is_explained_and_live():
    series = synthetic_runs.make(last=12_000)
    dull = {
        "form": "absolute",
        "discount": 0.5,
        "ratio_stop": 1e-3,
        "bound_stop": 1e-6,
        "stop_points": 500,
        "growth_points": 500,
        "growth_factor": 0.5,
        "growth_ratio": 0.0,
        "growth_absolute": 0.0,
        "gradient_warning": 0.01,
        "gradient_critical": 0.01,
        "q_floor": 1e6,
        "scale_points": 1,
        "q_mean_2k": 0.1,
        "q_max_2k": 0.1,
        "q_mean_5k": 0.1,
        "q_ratio": 1e-9,
        "actor_loss": 0.1,
        "episode_length": 1e4,
        "episode_drop": 99.0,
        "trend": 1e-9,
        "twin_gap": 1e-9,
        "twin_gap_ratio": 1e-9,
        "critic_loss": 1e-9,
        "critic_loss_ratio": 1e-9,
        "error_level": 1e-9,
        "gradient_mean": 1e-9,
        "gradient_max": 1e-9,
        "progress_ratio": 99.0,
        "plateau_ratio": 99.0,
        "saturation": 1e-9,
        "late_start": 1,
        "return_ratio": 1e-9,
        "collapse": 1e-9,
        "collapse_share": 99.0,
        "collapse_growth": 1e9,
        "late_growth": 1e-9,
        "head_share": 99.0,
        "bypass": 1e-9,
        "q_spread": 99.0,
    }
    assert set(dull) == {f.name for f in dataclasses.fields(VerdictLimits)}
    assert all(f.metadata["help"] for f in dataclasses.fields(VerdictLimits))
    growing = changed(series, "debug/actor_q_mean", lambda v: 8 + 5.0 * np.arange(v.size))
    alone = {"debug/actor_q_mean": growing["debug/actor_q_mean"]}
    collapsed = changed(growing, "debug/actor_q_mean", lambda v: v * 1.08 ** np.arange(v.size))
    collapsed = changed(
        collapsed, "train/episode_reward", lambda v: np.where(np.arange(v.size) > 200, -900.0, v)
    )
    collapsed["health/actor_bypass"] = series["debug/q1_mean"]
    foreign = {tag: growing[tag] for tag in ("debug/actor_q_mean", "train/episode_reward")}
    without_discount = {k: v for k, v in growing.items() if "discount" not in k}
    for name, value in dull.items():
        limits = dataclasses.replace(LIMITS, **{name: value})
        facts = RunFacts()
        same = all(
            judge(s, limits, facts).rows == judge(s, LIMITS, facts).rows
            for s in (growing, alone, foreign, without_discount, collapsed)
        )
        assert not same, name


def test_stages_are_those_of_the_protocol():
    assert STAGES == {"2K": 2000, "5K": 5000, "10K": 10_000}
