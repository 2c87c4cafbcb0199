"""Token burn: a budget that will not last alarms, one that will does not."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.base import Block, FloatArray
from detectors.checks import feed
from detectors.ensemble.profiles import Profile
from detectors.native.token_burn import TokenBurn, TokenBurnParams
from detectors.suite import Suite, SuiteParams
from tests.detectors.blocks import windows

PERIOD_S = 30 * 86_400.0
ROW = np.array([0])


def spend(bank: TokenBurn, burn: float, seconds: int, at_s: float = 0.0) -> FloatArray:
    """Levels of a minute each while a budget is spent at `burn` times the rate it lasts for."""
    levels = []
    for start_s in np.arange(at_s, at_s + seconds, 60.0).tolist():
        block = windows([burn * 60.0 / PERIOD_S / 10.0], start_s, count=10.0, span_s=60.0)
        levels.append(float(bank.score(block).level[0]))
        feed(bank, block)
    return np.array(levels)


def test_a_budget_that_lasts_raises_nothing() -> None:
    levels = spend(TokenBurnParams().build(1), 0.9, 86_400)
    assert np.isnan(levels[:4]).all()
    assert levels[10:].max() < 1.0


def test_a_fast_burn_alarms_within_the_hour_and_ends_soon_after_it_stops() -> None:
    bank = TokenBurnParams(longs_s=(3600.0,), shorts_s=(300.0,), factors=(14.4,)).build(1)
    spend(bank, 0.5, 7200)
    levels = spend(bank, 60.0, 3600, at_s=7200.0)
    assert 5 < int(np.argmax(levels >= 1.0)) < 30
    assert (spend(bank, 0.5, 3600, at_s=10_800.0)[30:] < 1.0).all()


def test_a_minute_of_excess_is_no_alarm() -> None:
    bank = TokenBurnParams().build(1)
    spend(bank, 0.5, 7200)
    assert spend(bank, 60.0, 60, at_s=7200.0).max() < 1.0


def test_exhaustion_is_projected_from_the_last_hour_s_burn() -> None:
    bank = TokenBurnParams().build(1)
    assert np.isnan(bank.exhausted_s(ROW, 0.0)[0])
    spend(bank, 10.0, 86_400)
    # A third of the budget is gone; the rest lasts two days more.
    assert bank.exhausted_s(ROW, 86_400.0)[0] == pytest.approx(3 * 86_400.0, rel=0.01)
    spend(bank, 0.1, 86_400, at_s=86_400.0)
    assert np.isinf(bank.exhausted_s(ROW, 2 * 86_400.0)[0])


def test_a_new_period_begins_with_a_whole_budget() -> None:
    bank = TokenBurnParams().build(1)
    spend(bank, 30.0, 86_400)
    assert bank.exhausted_s(ROW, 86_400.0)[0] == pytest.approx(86_400.0)
    spend(bank, 10.0, 7200, at_s=PERIOD_S)
    assert bank.exhausted_s(ROW, PERIOD_S + 7200.0)[0] > PERIOD_S + 2 * 86_400.0


def test_the_burn_rate_is_of_the_profile_s_budget() -> None:
    profile = Profile("tokens", ".*", token_budget=1e9, detectors=("robust_location", "token_burn"))
    suite = Suite(SuiteParams(profiles=(profile,), window_s=60.0), 2)
    suite.assign(np.arange(2), 0)
    per_minute = 20.0 * 1e9 * 60.0 / PERIOD_S
    level = np.nan
    for at in range(120):
        block = tokens(per_minute, at * 60.0)
        level = suite.score(block).levels[Suite.names.index("token_burn"), 0]
        suite.observe(block)
        suite.learn(block)
    assert level >= 1.0
    assert 7200.0 < suite.exhausted_s(ROW, 7200.0)[0] < PERIOD_S
    assert np.isnan(suite.exhausted_s(np.array([1]), 7200.0)[0])


def tokens(number: float, at_s: float) -> Block:
    return windows([number / 50.0], at_s, count=50.0, span_s=60.0)


def test_pairs_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="equally many"):
        TokenBurnParams(factors=(1.0,))
