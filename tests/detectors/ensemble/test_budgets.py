"""The budget of a series is shared by its learned detectors, and those of novelty get half a share."""

from __future__ import annotations

import pytest

from detectors.ensemble.budgets import budgets
from detectors.ensemble.profiles import Profile


def of(*names: str) -> Profile:
    return Profile("p", ".*", detectors=names)


@pytest.mark.parametrize(("profiles", "each", "novelty"), [
    ((of("robust_location"),), 100.0, 200.0),
    ((of("robust_location", "cusum"),), 200.0, 400.0),
    ((of("robust_location", "cusum", "art", "range_novelty", "seasonal"),), 200.0, 400.0),
    ((of("robust_location"), of("robust_location", "cusum", "adwin")), 300.0, 600.0),
    ((of("art", "range_novelty"),), 100.0, 200.0),
    ((of("art"),), 100.0, 100.0),
    ((of("seasonal"),), 100.0, 100.0),
    ((), 100.0, 100.0),
])
def test_the_largest_ensemble_shares_the_budget(
    profiles: tuple[Profile, ...], each: float, novelty: float
) -> None:
    assert budgets(profiles, 100.0) == (each, novelty)
