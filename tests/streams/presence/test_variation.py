from __future__ import annotations

from math import sin

import numpy as np
import pytest

from streams.presence.request_counts import RequestCounts
from streams.presence.share_test import VARIATION
from streams.presence.variation import Variation


def learned(rates: list[float], seed: int = 1, buckets: int = 16) -> float:
    """The coefficient of variation after requests of these rates."""
    rng, counts, variation = np.random.default_rng(seed), RequestCounts(1.0), Variation()
    variation.grow(1)
    row = np.array([0], np.intp)
    for second, rate in enumerate(rates):
        counts.add(row, np.array([float(second)]), np.array([second + 1.0]), rng.poisson(rate, 1).astype(np.float64))
        variation.learn(0, row, counts, 0)
    return float(np.sqrt(variation.of(0, buckets)))


def test_steady_traffic_varies_less_than_was_assumed() -> None:
    assert learned([40.0] * 1200) < 0.6 * VARIATION**0.5


def test_traffic_that_wanders_varies_more() -> None:
    wandering = [40.0 * (1.0 + 0.3 * sin(second / 20.0)) for second in range(1800)]
    assert learned(wandering) > 0.15


@pytest.mark.parametrize("rate", [4.0, 8.5, 40.0])
def test_traffic_in_bursts_varies_however_few_its_requests_are(rate: float) -> None:
    rng = np.random.default_rng(7)
    bursts = np.repeat(rng.gamma(1.0 / 0.15**2, 0.15**2, 400), 30)
    between = [learned((rate * bursts).tolist()[:end]) for end in (3000, 5000, 7000)]
    assert 0.08 < np.median(between) < 0.2


def test_an_incident_does_not_make_it_large() -> None:
    burst = [160.0 if 900 <= second < 920 else 40.0 for second in range(1200)]
    assert learned(burst) < 0.1


def test_a_young_service_has_the_assumed_variation() -> None:
    assert learned([40.0] * 60) == pytest.approx(VARIATION**0.5)
    assert Variation().of(None, 16) == VARIATION


def test_bursts_matter_less_the_longer_one_looks() -> None:
    bursts = np.repeat(np.random.default_rng(7).gamma(1.0 / 0.3**2, 0.3**2, 400), 10).tolist()
    short, long = (learned([40.0 * one for one in bursts], buckets=buckets) for buckets in (16, 96))
    assert long < 0.75 * short


def test_what_was_learned_of_blocks_alone_is_learned_anew() -> None:
    variation, rows = Variation(), np.array([0], np.intp)
    variation.grow(1)
    old = {name: np.array([1e-4]) for name in ("square", "blocks", "learned", "first")}
    variation.restore(rows, old)
    assert variation.of(0, 16) == pytest.approx(VARIATION)
    with pytest.raises(ValueError, match="columns"):
        variation.restore(rows, {"square": np.array([1e-4])})
