"""Shares of tokens: those of a request are hit or missed together, and a cache that is lost is found nevertheless."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors.base import Block, FloatArray
from detectors.ensemble.profiles import DEFAULT_PROFILES, profile_index
from detectors.suite import Suite, SuiteParams
from tests.detectors.blocks import windows

ROWS, SPAN_S = 16, 15.0
PER_WINDOW = 12.0
"""Requests in a window of one exporter: few, so that the share goes up and down."""


def cache_suite() -> Suite:
    """Of the shipped profile for caches, as exporters report them."""
    at = profile_index("prefix_cache_reuse", DEFAULT_PROFILES)
    assert at is not None
    suite = Suite(SuiteParams(profiles=(DEFAULT_PROFILES[at].aggregated,)), ROWS)
    suite.assign(np.arange(ROWS), 0)
    return suite


def exported(rng: np.random.Generator, cached: float, number: int) -> Block:
    """A window of each row. cached: share of the requests whose prompt is in the cache, half or more of it."""
    hits, tokens = np.zeros(ROWS), np.zeros(ROWS)
    for row, requests in enumerate(rng.poisson(PER_WINDOW, ROWS) + 1):
        lengths = rng.lognormal(6.5, 0.8, requests)
        part = np.where(rng.random(requests) < cached, rng.uniform(0.5, 1.0, requests), 0.0)
        hits[row], tokens[row] = (lengths * part).sum(), lengths.sum()
    return replace(windows(hits / tokens, number * SPAN_S, span_s=SPAN_S), trials=tokens)


def play(suite: Suite, rng: np.random.Generator, cached: float, numbers: range, learns: bool = True) -> FloatArray:
    """(windows, rows) the levels."""
    levels = []
    for number in numbers:
        block = exported(rng, cached, number)
        level = suite.score(block).level
        suite.observe(block)
        if learns:
            suite.learn(block, ~(level >= 1.0))
        levels.append(level)
    return np.array(levels)


@pytest.mark.parametrize("cached", [0.2, 0.5])
def test_what_few_requests_happen_to_find_in_the_cache_is_no_alarm_and_its_loss_is(cached: float) -> None:
    suite, rng = cache_suite(), np.random.default_rng(7)
    quiet = play(suite, rng, cached, range(960))  # four hours of sixteen series, with a budget of one alarm in a week
    assert np.isfinite(quiet[-1]).all()
    assert ((quiet >= 1.0).any(axis=0)).sum() <= 1
    lost = play(suite, rng, 0.0, range(960, 980), learns=False)
    assert (lost >= 1.0).any(axis=0).all()
