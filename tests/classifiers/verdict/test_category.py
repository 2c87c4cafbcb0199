"""The category of an incident, by the families that shifted and the part that is hit."""

from __future__ import annotations

import pytest

from classifiers.evidence.evidence_table import ABSENCE, GAP, EvidenceTable
from classifiers.model import Scope
from classifiers.verdict.category import PATTERNS, categorise
from tests.classifiers.readings import ALL, CODE, FLEET, PROSE, R0, R1, evidence_of, instant, reading


@pytest.mark.parametrize(
    ("moves", "scopes", "category"),
    [
        ({"confidence": -0.4}, FLEET, "model_degradation"),
        ({"confidence": -0.4, "completion_tokens": 0.5}, FLEET, "model_degradation"),
        ({"confidence": -0.4}, (PROSE,), "data_quality"),
        ({"completion_tokens": 1.0, "latency_ms": 1.0}, (R0,), "resource_exhaustion"),
        ({"requests_per_s": 3.0, "queue_ms": 9.0, "latency_ms": 5.0}, FLEET, "resource_exhaustion"),
        ({"tpot_ms": 1.0, "latency_ms": 1.0}, FLEET, "performance_degradation"),
        ({"prompt_tokens": 2.0}, (CODE,), "context_pipeline"),
        ({"error": 1.0}, FLEET, "availability"),
        ({"requests_per_s": -0.9}, FLEET, "availability"),
        ({"guardrail_blocked": 0.4, "completion_tokens": -0.5}, FLEET, "security"),
        ({"pii_detected": 0.2}, (CODE,), "security"),
        ({"schema_violation": 0.4, "confidence": -0.2}, FLEET, "data_quality"),
        ({"retrieval_hit_rate": -0.5, "confidence": -0.2}, (CODE,), "context_pipeline"),
        ({"prefix_cache_hit_rate": -0.7, "ttft_ms": 0.5}, FLEET, "context_pipeline"),
    ],
)
def test_patterns_name_the_category(moves: dict[str, float], scopes: tuple[Scope, ...], category: str) -> None:
    evidence = EvidenceTable()
    for metric, change in moves.items():
        evidence.add(instant(1.0, metric, dict.fromkeys(scopes, change)))
    assert categorise(evidence, 0.8)[0].category == category


@pytest.mark.parametrize(
    ("moves", "scopes", "name"),
    [
        ({"completion_tokens": 1.0, "latency_ms": 1.0}, (R0,), "runaway_generation"),
        ({"confidence": -0.4}, FLEET, "silent_quality_loss"),
        ({"confidence": -0.4, "latency_ms": 1.0}, FLEET, "quality_loss"),
        ({"queue_ms": 3.0, "ttft_ms": 3.0, "batch_active": 2.0}, FLEET, "queueing"),
        ({"tpot_ms": 1.0, "latency_ms": 1.0}, FLEET, "shared_contention"),
        ({"tpot_ms": 1.0, "latency_ms": 1.0}, (R0,), "slow_decoding"),
        ({"confidence": -0.4}, (PROSE,), "input_drift"),
        ({"ttft_ms": 2.0, "latency_ms": 0.4}, FLEET, "slow_start"),
        ({"error": 0.4}, FLEET, "failures"),
        ({"error": 0.4, "queue_ms": 9.0, "latency_ms": 2.0}, FLEET, "queueing"),
        ({"queue_depth": 9.0, "requests_per_s": -0.97}, FLEET, "stalled"),
        ({"queue_depth": 9.0, "requests_per_s": -0.97}, (R0,), "stalled"),
        ({"queue_depth": 9.0, "requests_per_s": -0.5}, FLEET, "queueing"),
    ],
)
def test_signals_that_shift_together_have_different_patterns(
    moves: dict[str, float], scopes: tuple[Scope, ...], name: str,
) -> None:
    evidence = EvidenceTable()
    for metric, change in moves.items():
        evidence.add(instant(1.0, metric, dict.fromkeys(scopes, change)))
    assert categorise(evidence, 0.8)[0].name == name


def test_effects_on_everybody_do_not_hide_whose_prompts_grew() -> None:
    evidence = EvidenceTable()
    for second in range(3):
        evidence.add(instant(float(second), "prompt_tokens", {CODE: 2.0, ALL: 0.7, R0: 0.7, R1: 0.7}))
        evidence.add(instant(float(second), "latency_ms", dict.fromkeys(FLEET, 1.0)))
    pattern, attribution = categorise(evidence, 0.8)
    assert (pattern.name, attribution.value) == ("context_overflow", "code")


def test_silence_outranks_everything_it_brings_along() -> None:
    evidence = evidence_of("latency_ms", {R0: 5.0})
    evidence.add([reading(R1, "latency_ms", float(second), 0.0, 3.0, ABSENCE) for second in range(9, 12)])
    assert categorise(evidence, 0.8)[0].name == "stalled_replica"


def test_pattern_names_are_distinct() -> None:
    assert len({pattern.name for pattern in PATTERNS}) == len(PATTERNS)


def test_a_scope_that_still_reports_another_metric_is_not_silent() -> None:
    evidence = EvidenceTable()
    for second in range(5, 8):
        missed = reading(R1, "confidence", float(second), 0.0, 3.0, ABSENCE)
        evidence.add([missed, reading(R1, "latency_ms", float(second))])
    assert set(evidence.alarms_by_metric()) == {GAP}
    assert categorise(evidence, 0.8)[0].name == "gaps"


@pytest.mark.parametrize("word", ["scope", "series", "steadily"])
def test_no_title_has_words_that_only_who_writes_detectors_knows(word: str) -> None:
    assert [pattern.name for pattern in PATTERNS if word in pattern.text] == []
