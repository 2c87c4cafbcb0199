"""What a share's counts prove: little when they are few, nearly all of the deviation when they are many."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classifiers.evidence.attribution import WHOLE, localise
from classifiers.evidence.evidence_table import EvidenceTable
from classifiers.evidence.share_counts import Counts, ShareCounts, wilson_bounds
from classifiers.model import Anomaly, Scope
from classifiers.verdict.impact import Impacts, SizeParams
from tests.classifiers.readings import ALL, R0, R1, reading


def failing(scope: Scope, now_s: float, failed: float, trials: float, level: float = 1.5) -> Anomaly:
    made = reading(scope, "error", now_s, 0.0, level, "binomial_cusum")
    return replace(made, value=failed / trials, expected=0.003, direction="up", count=1, trials=trials)


def evidence_of(seconds: int, counts: dict[Scope, tuple[float, float]], alarms: tuple[Scope, ...]) -> EvidenceTable:
    evidence = EvidenceTable()
    for second in range(seconds):
        evidence.add(
            failing(scope, float(second), *both, 1.5 if scope in alarms else 0.2) for scope, both in counts.items()
        )
    return evidence


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"), [(2.0, 6.0, 0.12, 0.65), (0.0, 10.0, 0.0, 0.21), (900.0, 1000.0, 0.88, 0.92)],
)
def test_the_bounds_are_those_of_wilson(hits: float, trials: float, low: float, high: float) -> None:
    assert wilson_bounds(hits, trials) == pytest.approx((low, high), abs=0.01)


def test_few_trials_prove_less_than_many_of_the_same_share() -> None:
    few, many = (Counts(0.02 * trials, trials, 0.001 * trials) for trials in (50.0, 5000.0))
    assert few.deviation == many.deviation == pytest.approx(0.019)
    assert 0.0 < few.sure_deviation < 0.01 < many.sure_deviation < 0.019


def test_a_share_that_may_be_as_expected_deviates_by_nothing() -> None:
    assert Counts(1.0, 200.0, 0.6).sure_deviation == 0.0


def test_a_fall_is_negative() -> None:
    assert Counts(100.0, 1000.0, 800.0).sure_deviation == pytest.approx(-0.683, abs=0.01)


def test_a_small_deviation_is_proved_by_lasting_and_a_change_by_recent_counts() -> None:
    shares = ShareCounts()
    for _ in range(200):
        shares = shares.plus(Counts(0.3, 10.0, 0.03))
    assert shares.recent.sure_deviation < 0.012 < shares.lasting.sure_deviation
    for _ in range(5):
        shares = shares.plus(Counts(9.0, 10.0, 0.03))
    assert shares.lasting.sure_deviation < 0.2 < shares.sure_deviation


def test_two_failures_of_six_are_a_small_impact_and_lasting_ones_a_large() -> None:
    once = evidence_of(1, {ALL: (2.0, 6.0)}, (ALL,))
    for second in range(1, 4):
        once.add([failing(ALL, float(second), 0.0, 6.0, 0.9)])
    lasting = evidence_of(30, {ALL: (2.0, 6.0)}, (ALL,))
    brief, long = (Impacts(table, WHOLE, SizeParams()).errors() for table in (once, lasting))
    assert brief is not None
    assert long is not None
    assert brief < 0.05
    assert long > 0.2


def test_a_part_stands_out_by_what_its_trials_prove() -> None:
    few = evidence_of(1, {R0: (2.0, 6.0), R1: (4.0, 40.0)}, (R0, R1))
    many = evidence_of(20, {R0: (12.0, 36.0), R1: (0.2, 40.0)}, (R0, R1))
    assert localise(few, {"error": 1.0}, 0.6) == WHOLE
    assert localise(many, {"error": 1.0}, 0.6).value == "r0"


def test_the_samples_of_a_share_are_its_trials() -> None:
    table = evidence_of(4, {ALL: (1.0, 50.0)}, (ALL,))
    assert table.series["error", ALL].samples == 200
