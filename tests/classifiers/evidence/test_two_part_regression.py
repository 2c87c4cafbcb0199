"""Two parts that are hit are distinguished from one whose dilution shows everywhere, and from noise."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from classifiers.evidence.attribution import Dimension
from classifiers.evidence.two_part_regression import PartDeviation, two_parts

WHOLE = 1000
SHARES: Mapping[tuple[Dimension, str], float] = {
    ("replica", "r0"): 0.35, ("replica", "r1"): 0.35, ("replica", "r2"): 0.3,
    ("tenant", "t0"): 0.4, ("tenant", "t1"): 0.3, ("tenant", "t2"): 0.2, ("tenant", "t3"): 0.1,
}
Hit = Mapping[tuple[Dimension | None, str], float]


def shown(hit: Hit, noise: float = 0.0, seed: int = 0, sure: bool = True) -> list[PartDeviation]:
    """What every marginal shows of these deviations: its own, the whole's, and its share of another dimension's."""
    dice = random.Random(seed)
    parts = []
    for (dimension, value), share in SHARES.items():
        off = dice.gauss(0.0, noise / (share * len(SHARES)) ** 0.5)
        for (other, name), size in hit.items():
            if other is None or (other, name) == (dimension, value):
                off += size
            elif other != dimension:
                off += size * SHARES[other, name]
        parts.append(PartDeviation(dimension, value, off, int(share * WHOLE), sure))
    return parts


def found(hit: Hit, noise: float = 0.0, seed: int = 0, additive: bool = True) -> set[str | None]:
    return {attribution.value for attribution in two_parts(shown(hit, noise, seed), WHOLE, 0.6, additive) or ()}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    "hit",
    [
        {("replica", "r1"): 0.6, ("tenant", "t3"): 0.2}, {("tenant", "t2"): 0.3, ("tenant", "t0"): 0.2},
        {(None, ""): 0.1, ("tenant", "t3"): 0.15}, {(None, ""): 0.1, ("replica", "r0"): 0.15},
    ],
    ids=["unequal parts", "two tenants", "a tenant beside all", "a replica beside all"],
)
def test_two_parts_are_found_however_unequal(hit: Hit, seed: int) -> None:
    assert found(hit, 0.01, seed) == {value or None for _, value in hit}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    "hit", [{("replica", "r1"): 0.6}, {("tenant", "t0"): 0.3}, {(None, ""): 0.5}, {}],
    ids=["a replica", "a tenant", "all", "nothing"],
)
def test_what_one_part_leaves_in_the_others_is_no_second_part(hit: Hit, seed: int) -> None:
    assert found(hit, 0.02, seed) == set()


def test_a_series_that_alarms_only_now_and_then_is_no_part_yet() -> None:
    unsure = shown({("replica", "r1"): 0.6, ("tenant", "t3"): 0.2}, sure=False)
    assert two_parts(unsure, WHOLE, 0.6, True) is None


def test_of_load_two_siblings_or_one_beside_the_whole_are_not_two_causes() -> None:
    assert found({(None, ""): 0.5, ("replica", "r0"): 1.0}, additive=False) == set()
    assert found({("replica", "r0"): 0.5, ("tenant", "t1"): 1.0}, additive=False) == {"r0", "t1"}
