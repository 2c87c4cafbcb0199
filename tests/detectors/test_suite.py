"""The suite: profiles, gating, combination, learning, state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors.base import Block, FloatArray
from detectors.ensemble.profiles import DEFAULT_PROFILES, Profile, Watch, profile_index
from detectors.ensemble.suite_scores import SuiteScores
from detectors.suite import Suite, SuiteParams
from tests.detectors.blocks import windows


def suite_of(*profiles: Profile, rows: int = 1) -> Suite:
    suite = Suite(SuiteParams(profiles=profiles, false_alarm_every_s=86_400.0), rows)
    suite.assign(np.arange(rows), np.arange(rows) % len(profiles))
    return suite


def play(suite: Suite, stream: FloatArray, at_s: float = 0.0, **kind: float) -> list[SuiteScores]:
    history = []
    for step, values in enumerate(np.atleast_2d(stream)):
        block = windows(values, at_s + step, **kind)
        history.append(suite.score(block))
        suite.observe(block)
        suite.learn(block)
    return history


def ordinary(n: int, rows: int = 1, seed: int = 0) -> FloatArray:
    return 100.0 + 5.0 * np.random.default_rng(seed).normal(size=(n, rows))


def test_level_is_unknown_until_the_profile_s_warm_up_is_over() -> None:
    suite = suite_of(Profile("slow", ".*", warm_up=50))
    levels = [float(scores.level[0]) for scores in play(suite, ordinary(80))]
    assert np.isnan(levels[:50]).all()
    assert np.isfinite(levels[50:]).all()


def test_limits_alarm_while_everything_else_warms_up() -> None:
    suite = suite_of(Profile("limited", ".*", low=0.0, high=200.0))
    assert np.isnan(suite.score(windows([100.0], 0.0)).level[0])
    scores = suite.score(windows([300.0], 0.0))
    assert scores.level[0] == 1.5
    assert Suite.names[scores.detector[0]] == "static_limits"
    assert scores.direction[0] == 1
    assert scores.expected[0] == 200.0


@pytest.mark.parametrize(
    ("direction", "up", "down"), [("up", True, False), ("down", False, True), ("both", True, True)]
)
def test_only_the_profile_s_direction_alarms(direction: Watch, up: bool, down: bool) -> None:
    suite = suite_of(Profile("one", ".*", direction))
    play(suite, ordinary(200))
    assert (suite.score(windows([180.0], 200.0)).level[0] >= 1.0) == up
    assert (suite.score(windows([20.0], 200.0)).level[0] >= 1.0) == down


def test_a_deviation_alarms_only_beyond_both_minima() -> None:
    loose, absolute, relative = Profile("l", ".*"), Profile("a", ".*", min_abs=80.0), Profile("r", ".*", min_rel=0.8)
    suite = suite_of(loose, absolute, relative, rows=3)
    play(suite, ordinary(200, 3))
    scores = suite.score(windows([170.0] * 3, 200.0))
    assert (scores.level >= 1.0).tolist() == [True, False, False]
    assert (suite.score(windows([190.0] * 3, 200.0)).level >= 1.0).all()


def test_a_log_profile_scores_factors_and_zero_is_finite() -> None:
    suite = suite_of(Profile("latency", ".*", "up", scale="log", floor=1.0))
    factors = np.exp(np.random.default_rng(1).normal(size=(200, 1)) * 0.3)
    play(suite, 50.0 * factors)
    assert suite.score(windows([80.0], 200.0)).level[0] < 1.0
    scores = suite.score(windows([2000.0], 200.0))
    assert scores.level[0] >= 1.0
    assert 40.0 < scores.expected[0] < 60.0
    for value in (0.0, -3.0, 5e-324):
        assert np.isfinite(suite.score(windows([value], 200.0)).level[0])


def test_a_window_of_few_samples_has_a_wider_spread() -> None:
    many, few = suite_of(Profile("x", ".*", min_rel=0.0)), suite_of(Profile("x", ".*", min_rel=0.0))
    noise = np.random.default_rng(2).normal(size=(200, 1))
    for suite in (many, few):
        play(suite, 100.0 + 5.0 * noise, count=100.0, std=50.0)
    full = many.score(windows([150.0], 200.0, count=100.0, std=0.0))
    thin = few.score(windows([150.0], 200.0, count=4.0, std=0.0))
    assert full.level[0] >= 1.0
    assert thin.level[0] < 1.0


def test_one_extreme_sample_does_not_alarm() -> None:
    suite = suite_of(Profile("x", ".*"))
    play(suite, ordinary(200), count=10.0, std=5.0)
    tens, n = np.full(1, 10.0), np.zeros(1)
    mean = (9 * 100.0 + 5000.0) / 10
    lone = Block(np.array([0]), n + 200, n + 201, n + mean, tens, n + 1470.0, n + 95.0, n + 5000.0)
    broad = replace(lone, minimum=n + mean - 30.0, maximum=n + mean + 30.0)
    assert suite.score(lone).level[0] < 1.0
    assert suite.score(broad).level[0] >= 1.0


def test_a_slow_drift_is_detected_with_its_onset() -> None:
    suite = suite_of(Profile("x", ".*", min_rel=0.05))
    play(suite, ordinary(300))
    drift = ordinary(60, seed=3) + 0.5 * np.arange(60)[:, None]
    history = play(suite, drift, at_s=300.0)
    first = next(at for at, scores in enumerate(history) if scores.level[0] >= 1.0)
    assert first < 40
    assert 300.0 <= history[first].onset_s[0] <= 300.0 + first
    assert Suite.names[history[first].detector[0]] == "cusum"


@pytest.mark.parametrize(("step", "ramp"), [(15.0, 0.0), (40.0, 0.0), (0.0, 2.5)])
def test_the_onset_lies_within_its_error_nine_times_in_ten(step: float, ramp: float) -> None:
    rows, began_s = 200, 200.0
    suite = suite_of(*[Profile("x", ".*", min_rel=0.0)] * rows, rows=rows)
    play(suite, ordinary(200, rows))
    within = np.full(rows, np.nan)
    changed = ordinary(30, rows, seed=8) + step + ramp * np.arange(30)[:, None]
    for at, values in enumerate(changed):
        block = windows(values, began_s + at)
        scores = suite.score(block)
        suite.observe(block)
        hit = np.abs(scores.onset_s - began_s) <= scores.onset_error_s
        within = np.where((scores.level >= 1.0) & np.isnan(within), hit, within)
    assert np.nanmean(within) >= 0.9


def test_novelty_comes_once_per_change_and_the_score_fades() -> None:
    suite = Suite(SuiteParams(profiles=(Profile("x", ".*", sampling="pre_aggregated"),)), 1)
    play(suite, ordinary(600))
    history = play(suite, np.array([[100.0], [300.0], [100.0], [100.0], [100.0], [280.0]]), at_s=600.0)
    assert [bool(scores.novelty[0] > 0) for scores in history] == [False, True, False, False, False, False]
    ranking = [float(scores.score[0]) for scores in history]
    assert ranking[1] == ranking[2] == ranking[3] > ranking[4]


def test_a_cold_start_of_a_service_is_forgotten_and_not_learned_as_normal() -> None:
    suite = suite_of(Profile("latency", ".*", "up", scale="log", floor=1.0))
    noise = np.exp(np.random.default_rng(4).normal(size=(80, 1)) * 0.1)
    play(suite, 3000.0 * noise[:28])
    history = play(suite, 300.0 * noise[28:], at_s=28.0)
    assert 280.0 < history[-1].expected[0] < 320.0
    assert suite.score(windows([900.0], 80.0)).level[0] >= 1.0


def test_a_new_normal_is_learned_when_the_caller_lets_it() -> None:
    suite = suite_of(Profile("x", ".*"))
    play(suite, ordinary(300))
    history = play(suite, 100.0 + ordinary(400, seed=5), at_s=300.0)
    assert history[3].level[0] >= 1.0
    assert all(scores.level[0] < 1.0 for scores in history[-50:])


def test_scoring_an_empty_block_is_no_error() -> None:
    suite = suite_of(Profile("x", ".*"))
    scores = suite.score(windows([], 0.0))
    suite.learn(windows([], 0.0))
    suite.observe(windows([], 0.0))
    assert len(scores.level) == 0


def test_a_restored_suite_continues_bit_for_bit() -> None:
    every = Profile("every", ".*", detectors=("robust_location", "cusum", "adwin"))
    old, new = suite_of(every, rows=2), suite_of(every, rows=5)
    play(old, ordinary(150, 2))
    rows = np.array([4, 1])
    new.restore(rows, old.snapshot(np.arange(2)))
    for step, values in enumerate(ordinary(60, 2, seed=6) + 10.0):
        block = windows(values, 150.0 + step)
        other = replace(block, rows=rows)
        first, second = old.score(block), new.score(other)
        assert first.levels.tobytes() == second.levels.tobytes()
        assert first.onset_s.tobytes() == second.onset_s.tobytes()
        for one, windows_of_it in ((old, block), (new, other)):
            one.observe(windows_of_it)
            one.learn(windows_of_it)


def test_a_damaged_snapshot_changes_nothing() -> None:
    suite = suite_of(Profile("x", ".*"), rows=2)
    play(suite, ordinary(100, 2))
    rows = np.arange(2)
    before = suite.snapshot(rows)
    last = sorted(before)[-1]
    with pytest.raises(ValueError, match="expected"):
        suite.restore(rows, {**before, last: before[last].astype(object)})
    with pytest.raises(ValueError, match="unknown columns"):
        suite.restore(rows, {**before, "stranger.x": np.zeros(2)})
    after = suite.snapshot(rows)
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)


def test_forgotten_and_grown_rows_are_cold() -> None:
    suite = suite_of(Profile("x", ".*"), rows=2)
    play(suite, ordinary(100, 2))
    suite.forget(np.array([0]))
    suite.grow(4)
    assert np.isnan(suite.score(windows(ordinary(1, 4)[0], 100.0)).level).tolist() == [True, False, True, True]


def test_a_profile_with_an_unknown_detector_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown detectors \\['crystal_ball'\\]"):
        suite_of(Profile("x", ".*", detectors=("crystal_ball",)))


def test_a_scale_without_a_floor_is_refused() -> None:
    with pytest.raises(ValueError, match="floor"):
        suite_of(Profile("x", ".*", scale="log", floor=0.0))


@pytest.mark.parametrize(
    ("metric", "profile"),
    [
        ("latency_ms", "latency"), ("latency_s", "seconds"), ("ttft_seconds_p99", "seconds"), ("error", "errors"),
        ("ttft_ms", "queueing"), ("tpot_ms", "inter_token"),
        ("confidence", "confidence"), ("mean_logprob", "logprob"), ("completion_tokens", "tokens"),
        ("queue_depth", "backlog"), ("batch_active", "saturation"), ("requests_per_s", "rate"), ("gpu_temp_c", "any"),
    ],
)
def test_default_profiles_match_the_native_metrics(metric: str, profile: str) -> None:
    index = profile_index(metric, DEFAULT_PROFILES)
    assert index is not None
    assert DEFAULT_PROFILES[index].name == profile


def test_a_metric_without_a_profile_is_not_scored() -> None:
    assert profile_index("b", (Profile("a", "a"),)) is None


@pytest.mark.parametrize(
    ("labels", "index"),
    [
        ({"service": "chat", "tenant": "batch-7"}, 0), ({"service": "chat", "tenant": "acme"}, 1),
        ({"service": "chat", "tenant": None}, 1), ({"service": "search"}, 2), ({}, 2),
    ],
)
def test_the_first_profile_whose_labels_match_is_used(labels: dict[str, str | None], index: int) -> None:
    profiles = (
        Profile("batch", ".*_ms", labels={"service": "chat", "tenant": "batch-*"}),
        Profile("chat", ".*_ms", labels={"service": "chat"}), Profile("rest", ".*"),
    )
    assert profile_index("latency_ms", profiles, labels) == index


def test_a_label_that_series_do_not_have_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"colour.*'odd'.*tenant"):
        Profile("odd", ".*", labels={"colour": "red"})


def test_a_row_is_young_until_it_has_settled() -> None:
    suite = suite_of(Profile("x", ".*"))
    settle = suite.params.robust_location.settle
    play(suite, ordinary(settle))
    assert suite.young(np.array([0])).all()
    play(suite, ordinary(1), at_s=float(settle))
    assert not suite.young(np.array([0])).any()


def test_evidence_drains_while_a_row_is_frozen() -> None:
    suite = suite_of(Profile("x", ".*", min_rel=0.05))
    play(suite, ordinary(300))
    alarmed = False
    for step in range(30):
        block = windows([115.0], 300.0 + step)
        alarmed |= bool(suite.score(block).level[0] >= 1.0)
        suite.observe(block)
    for step in range(20):
        suite.observe(windows([100.0], 330.0 + step))
    cusum = Suite.names.index("cusum")
    assert alarmed
    assert suite.score(windows([100.0], 350.0)).levels[cusum, 0] < 0.2


def shares(hits: float, trials: float, at_s: float, known: bool = True) -> Block:
    """One window of one row: so many hits out of so many trials."""
    block = windows([hits / trials], at_s, count=trials)
    return replace(block, minimum=np.zeros(1), maximum=np.ones(1), trials=np.full(1, trials if known else np.nan))


def failing(seconds: int, hits: float, trials: float, known: bool = True) -> tuple[Suite, SuiteScores]:
    """A service of .3 % failures at six requests a second, then so many seconds of these."""
    suite = suite_of(DEFAULT_PROFILES[0])
    rng = np.random.default_rng(4)
    for second in range(1200):
        block = shares(float(rng.binomial(6, 0.003)), 6.0, float(second), known)
        suite.score(block)
        suite.observe(block)
        suite.learn(block)
    for second in range(seconds):
        block = shares(hits, trials, 1200.0 + second, known)
        scores = suite.score(block)
        suite.observe(block)
    return suite, scores


def test_shares_of_a_known_number_of_trials_are_judged_as_such_alone() -> None:
    scores = failing(1, 6.0, 6.0)[1]
    known = [name for name, level in zip(Suite.names, scores.levels[:, 0], strict=True) if np.isfinite(level)]
    assert known == ["binomial_cusum"]
    assert scores.level[0] >= 1.0
    assert scores.expected[0] == pytest.approx(0.003, abs=0.002)
    assert scores.onset_s[0] == pytest.approx(1200.0, abs=1.0)


def test_a_share_of_an_unknown_number_is_judged_by_the_other_detectors() -> None:
    scores = failing(1, 6.0, 6.0, known=False)[1]
    assert Suite.names[scores.detector[0]] in ("robust_location", "cusum")


def test_two_failures_of_six_are_no_alarm() -> None:
    assert failing(1, 2.0, 6.0)[1].level[0] < 1.0


def test_a_share_alarms_only_beyond_its_own_minimum() -> None:
    loose = replace(DEFAULT_PROFILES[0], name="loose", min_share=0.5)
    strict, open_ = suite_of(loose), suite_of(DEFAULT_PROFILES[0])
    for suite, alarms in ((strict, False), (open_, True)):
        for second in range(900):
            block = shares(0.0, 40.0, float(second))
            suite.score(block)
            suite.observe(block)
            suite.learn(block)
        assert (suite.score(shares(10.0, 40.0, 900.0)).level[0] >= 1.0) == alarms
