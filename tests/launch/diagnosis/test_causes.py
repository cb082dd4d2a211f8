"""Each signature on a run that has its fault, on others, and on the predecessor's runs."""

from __future__ import annotations

import numpy as np
import pytest
import synthetic_runs
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_runs import FAULTS

from launch.diagnosis.causes import LIKELY, NAMES, rank_causes
from launch.diagnosis.clues import Clue, grade, weigh
from launch.diagnosis.facts import RunFacts, facts_from_config
from launch.diagnosis.measures import power_law
from launch.diagnosis.series import Curve, curve
from launch.diagnosis.verdict import GO, NO_GO, judge


def scores(series, facts=None) -> dict[str, float]:
    return {cause.name: cause.score for cause in rank_causes(series, facts)}


def test_there_is_a_run_for_every_signature():
    assert set(FAULTS) == set(NAMES)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_first_with_evidence_and_advice(fault):
    first = rank_causes(FAULTS[fault]())[0]
    assert first.name == fault
    assert first.score >= LIKELY
    assert first.evidence_for
    assert first.advice


@pytest.mark.parametrize("fault", FAULTS)
def test_a_signature_stays_silent_on_every_other_run(fault):
    assert scores(synthetic_runs.healthy())[fault] < 0.2
    for other, run in FAULTS.items():
        if other != fault:
            assert scores(run())[fault] < LIKELY, other


def test_a_healthy_run_has_no_likely_cause_at_any_length():
    for last in (1500, 2000, 5000, 10_000, 60_000):
        assert max(scores(synthetic_runs.healthy(last)).values()) < LIKELY


@pytest.mark.parametrize("number", range(5))
def test_the_leak_is_named_in_every_report_whatever_the_report_says(number):
    """The reports blame rates, overestimation, missing clipping, rewards and the action."""
    first, *rest = rank_causes(synthetic_runs.report_series(number))
    assert first.name == "feature_leak"
    assert first.score >= LIKELY
    assert any("times replay Q" in text for text in first.evidence_for)
    assert first.score > rest[0].score


def test_measured_runs_of_the_lane_toy_are_told_apart():
    """Arms A and D of the ablation: one seed, buffer and batches, with and without the leak."""
    correct = synthetic_runs.recorded("toy_correct")
    assert judge(correct).decision == GO
    assert max(scores(correct).values()) < 0.3
    leak = synthetic_runs.recorded("toy_leak")
    assert judge(leak).decision == NO_GO
    first, *rest = rank_causes(leak)
    assert first.name == "feature_leak"
    assert first.score > 0.8
    assert max(cause.score for cause in rest) < LIKELY
    law = power_law(leak["debug/actor_q_mean"], RunFacts(learning_starts=1000))
    assert law.slope == pytest.approx(5.2, abs=0.3)
    assert law.power_r2 > 0.98 > law.exponential_r2


@pytest.mark.parametrize(("clip", "name"), [(np.inf, "feature_leak"), (20.0, "masked_leak")])
def test_a_loss_that_stops_short_of_its_q_tells_a_clip_from_an_open_leak(clip, name):
    series = synthetic_runs.feature_leak(depth=1.5)
    q = series["debug/actor_q_mean"]
    series["train/actor_loss"] = curve(q.steps, -np.minimum(q.values, clip))
    series["health/actor_bypass"] = curve(q.steps, np.where(q.values < clip, 1.0, 0.0))
    first, second, *_ = rank_causes(series)
    assert first.name == name
    assert second.score < LIKELY <= first.score


def test_report_3_also_took_too_few_updates_which_ranks_second():
    series = synthetic_runs.report_series(3)
    first, second, *_ = rank_causes(series)
    assert (first.name, second.name) == ("feature_leak", "too_few_updates")
    assert second.score >= LIKELY
    told = RunFacts(update_ratio=0.02, learning_starts=1000)
    first, second, *_ = rank_causes(series, told)
    assert (first.name, second.name) == ("feature_leak", "too_few_updates")
    assert any("0.02 updates" in text for text in second.evidence_for)


def test_report_2_is_no_case_of_missing_clipping():
    """Norms of 8e6, in the actor's encoder alone, follow from the leak."""
    ranked = {cause.name: cause for cause in rank_causes(synthetic_runs.report_series(2))}
    assert ranked["exploding_gradient"].score < 0.2
    assert ranked["exploding_gradient"].explained_by == "feature_leak"
    assert any("power 5.6" in text for text in ranked["feature_leak"].evidence_for)


def test_reports_1_and_4_are_no_case_of_reward_scale():
    for number in (1, 4):
        assert scores(synthetic_runs.report_series(number))["reward_scale"] < 0.2


def test_missing_scalars_are_listed_and_lower_the_score():
    full = synthetic_runs.feature_leak()
    bare = {tag: full[tag] for tag in ("debug/actor_q_mean", "debug/q1_mean")}
    first = rank_causes(bare)[0]
    assert first.name == "feature_leak"
    assert LIKELY <= first.score < rank_causes(full)[0].score
    assert "gradients/actor_mlp_norm" in first.missing
    assert rank_causes(full)[0].missing == ()


def test_a_first_norm_of_zero_is_a_placeholder():
    series = synthetic_runs.healthy()
    values = series["health/feature_norm_actor"].values.copy()
    values[0] = 0.0
    steps = series["health/feature_norm_actor"].steps
    series["health/feature_norm_actor"] = curve(steps, values)
    leak = rank_causes(series)
    assert not any("features end" in t for c in leak for t in c.evidence_for)


def test_ood_exploitation_without_a_vanishing_head_is_no_leak():
    """Actor Q twice replay Q with a live head gradient: ordinary optimism."""
    series = synthetic_runs.healthy()
    old = series["debug/actor_q_mean"]
    series["debug/actor_q_mean"] = Curve(old.steps, 2.0 * old.values, old.wall)
    assert scores(series)["feature_leak"] < 0.2


def test_dominant_reward_part_is_evidence():
    series = synthetic_runs.reward_scale()
    share = series["reward/progress_share"]
    series["reward/progress_share"] = Curve(share.steps, 0.94 + 0 * share.values, share.wall)
    before = scores(synthetic_runs.reward_scale())["reward_scale"]
    cause = next(c for c in rank_causes(series) if c.name == "reward_scale")
    assert cause.score >= before
    assert any("progress makes 94 %" in text for text in cause.evidence_for)


def test_a_reward_part_that_nobody_here_knows_can_be_dominant():
    series = synthetic_runs.reward_scale()
    steps = series["debug/q1_mean"].steps
    series["reward/headway_share"] = curve(steps, np.full(steps.size, 0.97))
    cause = next(c for c in rank_causes(series) if c.name == "reward_scale")
    assert any("headway makes 97 %" in text for text in cause.evidence_for)


def test_clipping_speaks_against_unclipped_gradients():
    series = synthetic_runs.exploding_gradient()
    without = {t: c for t, c in series.items() if not t.endswith("_clipped")}
    off, on = RunFacts(actor_clip_norm=0.0, critic_clip_norm=0.0), RunFacts(actor_clip_norm=1.0)
    assert scores(without, off)["exploding_gradient"] > scores(without, on)["exploding_gradient"]


def test_facts_come_from_nested_and_foreign_configurations():
    ours = {"agent": {"discount": 0.9, "tau": 0.01, "actor_clip_norm": 1.0}, "update_ratio": 0.02}
    assert facts_from_config(ours) == RunFacts(
        discount=0.9, tau=0.01, actor_clip_norm=1.0, update_ratio=0.02
    )
    theirs = {"gamma": 0.98, "policy_delay": 2, "learning_starts": 100, "train_freq": [1, "step"]}
    assert facts_from_config(theirs) == RunFacts(discount=0.98, policy_delay=2, learning_starts=100)
    assert facts_from_config({"update_every": 50, "gradient_steps": 5}).update_ratio == 0.1


@given(st.floats(1e-9, 1e9), st.floats(1.0, 100.0))
@settings(max_examples=25, deadline=None)
def test_grade_is_monotone_and_bounded(value, factor):
    low, high = grade(value, 1.5, 10.0), grade(value * factor, 1.5, 10.0)
    assert -1.0 <= low <= high <= 1.0
    assert grade(value, 10.0, 1.5) == pytest.approx(-low)
    assert grade(1.5, 1.5, 10.0) == pytest.approx(-1.0)
    assert grade(10.0, 1.5, 10.0) == pytest.approx(1.0)


strength = st.none() | st.floats(-1, 1)


@given(st.lists(st.tuples(st.floats(0.1, 5), strength, st.booleans()), max_size=8))
@settings(max_examples=30, deadline=None)
def test_weigh_stays_in_range_and_rises_with_evidence(items):
    clues = [Clue(weight, s, "", (), optional) for weight, s, optional in items]
    score = weigh(clues)
    assert 0.0 <= score <= 1.0
    assert weigh([*clues, Clue(1.0, 1.0, "")]) >= score - 1e-12
    assert weigh([*clues, Clue(1.0, -1.0, "")]) <= score
    assert weigh([*clues, Clue(1.0, None, "", (), True)]) == score
    assert weigh([*clues, Clue(1.0, None, "")]) <= score
