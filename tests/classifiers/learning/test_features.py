from __future__ import annotations

from dataclasses import replace

import pytest

from classifiers.evidence.evidence_table import ABSENCE
from classifiers.learning.features import features, rules_severity, rules_verdict
from classifiers.model import Anomaly, Factor, Related, Severity
from classifiers.verdict.hysteresis import SEVERITY_ORDER
from tests.classifiers.readings import CODE, R0, reading
from tests.classifiers.sample_incidents import OPEN


def seen(*readings: Anomaly, **changes: object) -> dict[str, float]:
    return features(replace(OPEN, evidence=readings, **changes))  # type: ignore[arg-type]


def test_each_family_and_direction_has_its_loudest_level_and_widest_deviation() -> None:
    found = seen(
        reading(R0, "latency_ms", 101.0, 1.0, 2.0), reading(CODE, "e2e_latency_ms", 101.0, 3.0, 1.0),
        reading(R0, "confidence", 101.0, -0.5, 99.0), reading(R0, "latency_ms", 101.0, 0.0, 3.0, ABSENCE),
    )
    assert found["latency up level"] == 0.25
    assert found["latency up change"] == 0.75
    assert found["quality down level"] == 1.0
    assert found["absence none level"] == 0.375


@pytest.mark.parametrize(
    ("changes", "breadth"),
    [({}, "all"), ({"replica": "r0"}, "replica"), ({"tenant": "code"}, "tenant"), ({"version": "v2"}, "version"),
     ({"replica": "r0", "version": "v2"}, "replica")],
)
def test_breadth_is_the_narrowest_scope_that_is_named(changes: dict[str, object], breadth: str) -> None:
    assert [name for name in seen(**changes) if name.startswith("breadth")] == [f"breadth {breadth}"]


def test_pattern_and_tier_are_read_from_the_factors() -> None:
    found = seen(factors=(Factor("pattern", "slow", 0.0, ""), Factor("tier", 1.0, 1.0, "")))
    assert (found["pattern slow"], found["tier"]) == (1.0, -1.0)


def test_effects_duration_and_counts_are_on_their_scale() -> None:
    many = tuple(reading(R0, f"m{number}", 100.0 + 1800.0) for number in range(30))
    found = seen(*many, related=(Related("x", "causes"), Related("y", "caused_by")))
    assert (found["series"], found["metrics"], found["duration"]) == (1.0, 1.0, 1.0)
    assert found["effects"] == pytest.approx(1 / 12)


def test_every_number_is_within_one_and_none_says_who() -> None:
    found = seen(
        reading(R0, "error", 1e9, 1e9, 1e9), reading(CODE, "confidence", 101.0, -1e9, 1e9), replica="r0", tenant="code",
    )
    assert all(-1.0 <= value <= 1.0 for value in found.values())
    assert not [name for name in found if "r0" in name or "code" in name or "chat" in name]


@pytest.mark.parametrize("severity", SEVERITY_ORDER)
def test_the_verdict_of_the_rules_can_be_read_back(severity: Severity) -> None:
    incident = replace(OPEN, severity=severity)
    assert rules_verdict(features(incident)) == (severity, "availability")


def test_what_the_rules_said_is_taken_from_their_factor_where_an_advisor_had_a_say() -> None:
    incident = replace(OPEN, severity="P1", factors=(Factor("rules", "P2", 0.0, ""), Factor("advisor", "P1", 1.0, "")))
    assert rules_severity(incident) == "P2"
    assert rules_verdict(features(incident))[0] == "P2"
    assert rules_verdict(features(incident, "P3"))[0] == "P3"
