"""Verdicts on runs of other tasks and libraries: late learning, late faults, other reward units."""

from __future__ import annotations

import numpy as np
import pytest
import synthetic_runs

from launch.diagnosis.causes import LIKELY, rank_causes
from launch.diagnosis.facts import RunFacts, facts_from_config
from launch.diagnosis.limits import VerdictLimits
from launch.diagnosis.scales import return_bound, return_scale
from launch.diagnosis.series import Curve, Series, curve
from launch.diagnosis.tags import rename
from launch.diagnosis.verdict import GO, NO_GO, UNDECIDED, judge

SB3 = {
    "returns": "rollout/ep_rew_mean",
    "length": "rollout/ep_len_mean",
    "actor_loss": "train/actor_loss",
    "critic_loss": "train/critic_loss",
}
CLEANRL = {
    "returns": "charts/episodic_return",
    "length": "charts/episodic_length",
    "actor_loss": "losses/actor_loss",
    "critic_loss": "losses/qf_loss",
    "q": "losses/qf1_values",
}
FOREIGN = RunFacts(driving=False)


def log(
    names: dict[str, str],
    returns,
    q,
    loss,
    starts: int,
    last: int = 200_000,
    length: float = 200.0,
    noise: float = 20.0,
) -> dict[str, Curve]:
    """A log under another library's names; returns, q and loss are functions of the updates."""
    rng = np.random.default_rng(1)
    steps = np.arange(500, last + 1, 500)
    seen = np.maximum(steps - starts, 0.0)
    updated = steps > starts
    series = {
        names["returns"]: curve(steps, returns(seen) + noise * rng.normal(size=steps.size)),
        names["length"]: curve(steps, np.full(steps.size, length)),
        names["actor_loss"]: curve(steps[updated], -q(seen[updated])),
        names["critic_loss"]: curve(steps[updated], loss(seen[updated])),
    }
    if "q" in names:
        series[names["q"]] = curve(steps[updated], 0.97 * q(seen[updated]))
    return rename(series)


def learns(names: dict[str, str], starts: int, **changes) -> dict[str, Curve]:
    """Pendulum with raw rewards: returns from -1,400 to -200, Q of the order of -100."""
    return log(
        names,
        lambda seen: -1400 + 1200 * (1 - np.exp(-seen / 30_000)),
        lambda seen: -150 * np.exp(-seen / 40_000) - 15,
        lambda seen: 5 * np.exp(-seen / 30_000) + 0.4,
        starts,
        **changes,
    )


def diverges(names: dict[str, str], after: int, starts: int = 1_000) -> dict[str, Curve]:
    """Returns rise to 200 until Q and targets grow together, by 10,000, and returns fall."""

    def blown(seen):
        return np.exp(np.clip((seen + starts - after) / 8_000, 0.0, np.log(1e4)))

    return log(
        names,
        lambda seen: np.where(seen + starts > after, -200.0, 200 * seen / (after - starts)),
        lambda seen: (1.0 + np.minimum(seen / 1_000, 30.0)) * blown(seen),
        lambda seen: (0.1 * (1.0 + np.minimum(seen / 1_000, 30.0)) * blown(seen)) ** 2,
        starts,
        length=500.0,
        noise=10.0,
    )


def failed(series: Series, facts: RunFacts = FOREIGN) -> str:
    return "; ".join(judge(series, None, facts).reasons)


@pytest.mark.parametrize("names", [SB3, CLEANRL], ids=["SB3", "CleanRL"])
@pytest.mark.parametrize("starts", [100, 10_000, 25_000])
def test_a_run_that_learns_late_is_go(names, starts):
    verdict = judge(learns(names, starts), None, FOREIGN)
    assert verdict.decision == GO, verdict.reasons
    assert verdict.stage == "10K"


def test_gates_count_updates_where_learning_starts_late():
    late = learns(SB3, 25_000)
    cut = {tag: values.until(27_000) for tag, values in late.items()}
    verdict = judge(cut, None, FOREIGN)
    assert (verdict.stage, verdict.start) == ("2K", 25_000)
    early = {tag: values.until(26_000) for tag, values in late.items()}
    verdict = judge(early, None, FOREIGN)
    assert verdict.decision == UNDECIDED
    assert "1,000 steps after the first update at 25,000 are too few" in verdict.reasons[0]


def test_the_first_update_comes_from_the_configuration_where_it_is_known():
    known = RunFacts(driving=False, learning_starts=24_800)
    assert judge(learns(SB3, 25_000), None, known).start == 24_800
    assert judge(synthetic_runs.healthy()).start == 0


def test_a_first_update_just_behind_the_gate_is_said():
    early = {tag: values.until(3_000) for tag, values in learns(SB3, 2_500).items()}
    verdict = judge(early, None, RunFacts(driving=False, learning_starts=2_500))
    assert verdict.decision == UNDECIDED
    assert verdict.reasons == ("the first update came at step 2,500, after the 2K gate",)


def test_our_own_run_of_the_paper_on_pendulum_is_judged_from_its_first_update():
    run = learns(SB3, 10_000, last=30_000)
    facts = facts_from_config({"loop": {"env": "Pendulum-v1", "learning_starts": 10_000}})
    assert facts.driving is False
    verdict = judge(run, None, facts)
    assert verdict.decision == GO, verdict.reasons


@pytest.mark.parametrize("names", [SB3, CLEANRL], ids=["SB3", "CleanRL"])
@pytest.mark.parametrize("after", [20_000, 60_000, 120_000])
def test_late_divergence_is_no_go_with_its_step(names, after):
    series = diverges(names, after)
    verdict = judge(series, None, FOREIGN)
    assert verdict.decision == NO_GO
    line = next(text for text in verdict.reasons if "diverged after step" in text)
    step = int(line.split("step ")[1].split(":")[0].replace(",", ""))
    assert after - 5_000 <= step <= after + 15_000, line
    assert any(f"collapsed after step {after:,}" in text for text in verdict.reasons)
    first = rank_causes(series, FOREIGN)[0]
    assert (first.name, first.score >= LIKELY) == ("overestimation", True)


def test_late_faults_are_seen_under_our_own_names_too():
    """Q grows beyond the returns and stays within what the largest reward would allow."""
    series = synthetic_runs.healthy(60_000)
    steps = series["debug/q1_mean"].steps
    factor = np.exp(np.clip((steps - 30_000) / 5_000, 0.0, np.log(300.0)))
    for tag in list(series):
        if tag.startswith(("debug/q", "debug/target_q", "debug/actor_q", "train/q")):
            old = series[tag]
            series[tag] = Curve(old.steps, old.values * factor, old.wall)
    series["debug/reward_max"] = curve(steps, np.full(steps.size, 5_000.0))
    assert "diverged after step 3" in failed(series, RunFacts())
    assert "diverged" not in failed(series, RunFacts(rewards_enlarged=True))
    assert facts_from_config({"replay": {"reward_normalise": True}}).rewards_enlarged is True
    assert facts_from_config({"replay": {"reward_scale": 0.25}}).rewards_enlarged is False
    returns = series["train/episode_reward"]
    fallen = np.where(returns.steps > 40_000, -300.0, returns.values)
    series["train/episode_reward"] = curve(returns.steps, fallen)
    assert "collapsed after step 40," in failed(series, RunFacts())


def test_a_collapse_needs_growth_of_q_or_loss():
    series = diverges(CLEANRL, 60_000)
    calm = {t: c for t, c in series.items() if "episode" in t}
    steps = series["train/critic_loss"].steps
    for tag, size in (("train/actor_loss", -20.0), ("train/critic_loss", 1.0)):
        calm[tag] = curve(steps, np.full(steps.size, size))
    assert "collapsed" not in failed(calm)


def test_a_dip_of_returns_that_recovers_is_no_collapse():
    series = learns(CLEANRL, 10_000)
    returns = series["train/episode_reward"]
    dip = (returns.steps > 100_000) & (returns.steps < 110_000)
    series["train/episode_reward"] = curve(
        returns.steps, np.where(dip, -1400.0, returns.values), returns.wall
    )
    assert judge(series, None, FOREIGN).decision == GO


def test_divergence_without_returns_is_seen_by_growth_alone():
    steps = np.arange(1, 61) * 500
    grows = {"train/actor_loss": curve(steps, -1.5 * 1.25 ** np.arange(60))}
    assert "diverged after step" in failed(grows)
    calm = {"train/actor_loss": curve(steps, -1.5 * 1.01 ** np.arange(60))}
    assert judge(calm, None, FOREIGN).decision == UNDECIDED


def test_growing_losses_are_divergence_and_not_idleness():
    series = log(
        SB3,
        lambda seen: np.where(seen > 40_000, -900.0, -200.0),
        lambda seen: 10.0 * np.exp(seen / 12_000),
        lambda seen: 0.1 * np.exp(seen / 12_000),
        1_000,
    )
    causes = {cause.name: cause for cause in rank_causes(series, FOREIGN)}
    assert causes["nothing_learned"].score < 0.2
    assert causes["overestimation"].score >= LIKELY
    assert judge(series, None, FOREIGN).decision == NO_GO


def test_gamma_above_one_is_named():
    series = log(
        SB3,
        lambda seen: -1400 + 1200 * (1 - np.exp(-seen / 30_000)),
        lambda seen: 10.0 + 5e5 * seen / 2e5,
        lambda seen: 1.0 + seen / 100,
        1_000,
    )
    facts = RunFacts(driving=False, discount=1.1)
    verdict = judge(series, None, facts)
    assert verdict.decision == NO_GO
    assert any("gamma is 1.1" in text for text in verdict.reasons)
    first = rank_causes(series, facts)[0]
    assert (first.name, first.score >= LIKELY) == ("overestimation", True)
    assert any("gamma is 1.1" in text for text in first.evidence_for)
    assert not any("gamma" in text for text in failed(series).split("; "))


def test_limits_of_the_driving_task_do_not_judge_another():
    series = log(
        SB3,
        lambda seen: -1500 + 1300 * (1 - np.exp(-seen / 3_000)),
        lambda seen: -60.0 - 10 * np.exp(-seen / 5_000),
        lambda seen: 2.0 + 3.0 * np.exp(-seen / 5_000),
        100,
        last=20_000,
    )
    assert judge(series, None, FOREIGN).decision == GO
    driving = judge(series, None, RunFacts(driving=True))
    assert driving.decision == GO  # the returns tell the scale here too
    asked = judge(series, VerdictLimits(form="absolute"), FOREIGN)
    assert asked.decision == NO_GO


def test_driving_is_known_by_the_configuration_or_the_parts_of_the_reward():
    assert facts_from_config({"loop": {"env": "carla"}}).driving is True
    assert facts_from_config({"gamma": 0.98}).driving is None
    short = synthetic_runs.healthy()
    length = short["train/episode_length"]
    short["train/episode_length"] = Curve(length.steps, 0.05 * length.values, length.wall)
    assert judge(short).decision == NO_GO
    assert judge(short, None, FOREIGN).decision == GO


def test_the_return_bound_takes_n_step_sums_for_what_they_are():
    steps = np.array([100, 200])
    series = {"debug/reward_max": curve(steps, [3.0, 3.0])}
    one = RunFacts(discount=0.99)
    three = RunFacts(discount=0.99, n_step=3)
    np.testing.assert_allclose(return_bound(series, steps, VerdictLimits(), one), 300.0)
    bound = return_bound(series, steps, VerdictLimits(), three)
    np.testing.assert_allclose(bound, 3.0 / (1.0 - 0.99**3))
    series["debug/effective_discount"] = curve(steps, [0.99**3, 0.99**3])
    series["debug/done_ratio"] = curve(steps, [0.0, 0.0])
    np.testing.assert_allclose(return_bound(series, steps, VerdictLimits(), RunFacts()), bound)
    assert facts_from_config({"replay": {"n_step": 3}}).n_step == 3


def test_the_scale_of_returns_takes_short_episodes_to_the_horizon():
    steps = np.array([10, 20, 30])
    series = {
        "train/episode_reward": curve(steps, [-5.0, 20.0, 10.0]),
        "train/episode_length": curve(steps, [10.0, 10.0, 10.0]),
    }
    scale = return_scale(series, np.array([5, 25, 35]), VerdictLimits(discount=0.99))
    np.testing.assert_allclose(scale, [50.0, 200.0, 200.0])
    assert return_scale({}, steps, VerdictLimits()) is None


def test_a_real_size_log_of_sb3_in_carla_is_judged_on_what_is_there():
    """Millions of steps, actor and critic loss and returns alone."""
    series = log(
        SB3,
        lambda seen: 50 + 300 * (1 - np.exp(-seen / 400_000)),
        lambda seen: 40 * (1 - np.exp(-seen / 200_000)),
        lambda seen: 2.0 + seen / 1e6,
        10_073,
        last=1_000_000,
    )
    assert judge(series, None, FOREIGN).decision == GO


def test_steps_that_are_all_zero_are_said():
    verdict = judge({"train/actor_loss": curve([0, 0], [1.0, 2.0])}, None, FOREIGN)
    assert verdict.decision == UNDECIDED
    assert "no scalar was logged at a step above 0" in verdict.reasons[0]
