"""Severity follows the definitions, from factors that add up to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from classifiers.evidence.attribution import WHOLE
from classifiers.evidence.evidence_table import ABSENCE, EvidenceTable
from classifiers.model import Anomaly, Factor, Scope, Severity
from classifiers.verdict.category import categorise
from classifiers.verdict.impact import SizeParams
from classifiers.verdict.severity import STEPS, Lasts, SeverityParams, rate_severity
from tests.classifiers.readings import ALL, CODE, FLEET, PROSE, R0, R1, reading

PARAMS = SeverityParams()


def evidence_with(moves: Mapping[str, Mapping[Scope, float]]) -> EvidenceTable:
    """Three instants of a fleet in which these metrics are off by so much in these scopes."""
    evidence = EvidenceTable()
    for second in range(3):
        evidence.add(_share(scope, metric, float(second), changes.get(scope, 0.0))
                  for metric, changes in moves.items() for scope in FLEET)
    return evidence


def _share(scope: Scope, metric: str, now_s: float, change: float) -> Anomaly:
    """Errors are a share of requests, other metrics change relatively. The whole has the samples of both replicas."""
    made = replace(reading(scope, metric, now_s, change), count=40 if scope == ALL else 20)
    return replace(made, value=change, expected=0.0) if metric in ("error", "guardrail_blocked", "pii_leak") else made


def verdict(evidence: EvidenceTable, tier: int = 2, age_s: float = 0.0) -> tuple[Severity, tuple[Factor, ...]]:
    pattern, attribution = categorise(evidence, 0.8)
    return rate_severity(evidence, attribution, pattern.name, tier, Lasts(age_s, age_s + 60.0, 1.0), PARAMS)


EVERYWHERE = dict.fromkeys(FLEET, 1.0)


def everywhere(change: float) -> dict[Scope, float]:
    return dict.fromkeys(FLEET, change)


def test_a_moderate_impact_is_minor_until_it_has_alarmed_for_a_moment() -> None:
    moderate, outage = evidence_with({"latency_ms": everywhere(0.4)}), evidence_with({"error": everywhere(0.95)})
    for alarming_s, window_s, expected in (
        (9.0, 1.0, ("P3", "P0")), (10.0, 1.0, ("P2", "P0")),
        # Of an exporter that is scraped every 15 s, the second report is not enough.
        (15.0, 15.0, ("P3", "P0")), (30.0, 15.0, ("P2", "P0")),
    ):
        lasts = Lasts(0.0, alarming_s, window_s)
        found = [
            rate_severity(evidence, WHOLE, pattern, 2, lasts, PARAMS)[0]
            for evidence, pattern in ((moderate, "slow"), (outage, "failures"))
        ]
        assert tuple(found) == expected


@pytest.mark.parametrize(
    ("moves", "severity"),
    [
        ({"error": everywhere(0.95)}, "P0"),
        ({"confidence": everywhere(-0.6)}, "P0"),
        ({"confidence": {ALL: -0.3, R0: -0.6, CODE: -0.3, PROSE: -0.3}}, "P0"),
        ({"pii_leak": {ALL: 0.2, CODE: 0.4, R0: 0.2, R1: 0.2}}, "P0"),
        ({"confidence": everywhere(-0.2)}, "P1"),
        ({"latency_ms": everywhere(2.0)}, "P1"),
        ({"error": everywhere(0.3)}, "P1"),
        ({"retrieval_hit_rate": everywhere(-0.5)}, "P1"),
        ({"guardrail_blocked": everywhere(0.3)}, "P1"),
        ({"latency_ms": everywhere(0.5)}, "P2"),
        ({"confidence": {ALL: -0.2, PROSE: -0.4, R0: -0.2, R1: -0.2}}, "P2"),
        ({"retrieval_hit_rate": {ALL: -0.2, PROSE: -0.4, R0: -0.2, R1: -0.2}}, "P2"),
        ({"latency_ms": everywhere(0.2)}, "P3"),
        ({"prefix_cache_hit_rate": everywhere(-0.6), "ttft_ms": everywhere(0.2)}, "P3"),
        ({"requests_per_s": everywhere(0.8), "latency_ms": everywhere(0.0)}, "P4"),
    ],
)
def test_severity_follows_the_definitions(moves: Mapping[str, Mapping[Scope, float]], severity: Severity) -> None:
    assert verdict(evidence_with(moves))[0] == severity


def test_a_silent_replica_is_partial_and_a_silent_service_full_unavailability() -> None:
    for scope, expected in ((R1, "P1"), (ALL, "P0")):
        evidence = EvidenceTable()
        if scope == R1:
            evidence = evidence_with({"latency_ms": {}})
        evidence.add(reading(scope, "latency_ms", float(second), 0.0, 3.0, ABSENCE) for second in range(20, 24))
        assert verdict(evidence)[0] == expected


@pytest.mark.parametrize(("tier", "severity"), [(1, "P1"), (2, "P2"), (3, "P4")])
def test_the_tier_of_a_service_says_what_moderate_harm_to_all_of_it_means(tier: int, severity: Severity) -> None:
    assert verdict(evidence_with({"latency_ms": everywhere(0.5)}), tier)[0] == severity


def test_an_outage_of_what_is_not_in_production_is_minor() -> None:
    assert verdict(evidence_with({"error": everywhere(0.95)}), tier=3)[0] == "P3"


def test_an_incident_that_lasts_gets_worse() -> None:
    evidence = evidence_with({"latency_ms": everywhere(0.5)})
    assert [verdict(evidence, age_s=age_s)[0] for age_s in (10.0, 400.0)] == ["P2", "P1"]


def test_a_token_budget_that_will_not_last_weighs() -> None:
    evidence = evidence_with({"completion_tokens": everywhere(0.5)})
    before = sum(factor.weight for factor in verdict(evidence)[1])
    evidence.add([reading(ALL, "total_tokens", 4.0, 0.5, 2.0, "token_burn")])
    factors = verdict(evidence)[1]
    assert sum(factor.weight for factor in factors) == before + 0.5
    assert "budget" in [factor.name for factor in factors]


@pytest.mark.parametrize(("scopes", "expected"), [(FLEET, "P0"), ((R0,), "P1"), ((CODE,), "P2")])
def test_requests_that_are_not_answered_are_an_outage_of_their_part(
    scopes: tuple[Scope, ...], expected: Severity,
) -> None:
    moves = dict.fromkeys(scopes, -1.0)
    found, _ = verdict(evidence_with({"requests_per_s": moves, "queue_depth": dict.fromkeys(scopes, 9.0)}))
    assert found == expected


def test_severity_is_the_sum_of_the_factors_it_lists() -> None:
    evidence = evidence_with({"confidence": everywhere(-0.6)})
    severity, factors = rate_severity(evidence, WHOLE, "quality_loss", 1, Lasts(500.0, 500.0, 1.0), PARAMS)
    total = sum(factor.weight for factor in factors)
    assert next(name for bar, name in STEPS if total >= bar) == severity
    assert [factor.name for factor in factors] == ["quality", "breadth", "tier", "duration"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SizeParams(small_loss=0.0), "small_loss"), (lambda: SizeParams(large_loss=0.6), "large_loss"),
        (lambda: SizeParams(small_growth=1.0), "small_growth"), (lambda: SizeParams(outage=2.0), "outage"),
        (lambda: SeverityParams(long_s=0), "long_s is 0"), (lambda: SeverityParams(rise_after_s=-1), "rise_after_s"),
    ],
)
def test_bounds_are_checked_by_name(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
