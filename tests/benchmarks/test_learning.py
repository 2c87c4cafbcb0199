"""The learning benchmark: seeded incidents of the real rules, and operators as described."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from benchmarks.triage.confirmed_incidents import (
    LABEL_NOISE,
    agrees_with_rules,
    confirmed_incidents,
    incidents,
    own_policy,
    random_labels,
)
from benchmarks.triage.learning import OperatorCase, Outcome, coverage, failures, run_case
from classifiers.learning.features import features
from classifiers.verdict.hysteresis import SEVERITY_ORDER


def test_the_same_seed_gives_the_same_stream_and_another_seed_another() -> None:
    first, again, other = (list(islice(incidents(seed), 20)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_incidents_are_of_many_kinds_and_all_resolved() -> None:
    found = list(islice(incidents(3), 60))
    assert {incident.state for incident in found} == {"resolved"}
    assert len({incident.id for incident in found}) == 60
    assert len({incident.category for incident in found}) >= 4
    assert len({incident.severity for incident in found}) >= 3
    assert {incident.tenant is None for incident in found} == {incident.replica is None for incident in found} == {
        True, False,
    }


def test_an_operator_mislabels_as_often_as_the_label_noise() -> None:
    rng = random.Random(1)
    incident = next(one for one in incidents(1) if one.peak_severity not in ("P0", "P4"))
    wrong = sum(agrees_with_rules(incident, rng) != incident.peak_severity for _ in range(2000))
    assert wrong / 2000 == pytest.approx(LABEL_NOISE, abs=0.02)


def test_an_operator_with_a_policy_rates_incidents_of_a_tenant_worse() -> None:
    hit = next(one for one in incidents(1) if one.tenant is not None and one.peak_severity != "P0")
    feedback = [own_policy(hit, random.Random(seed)) for seed in range(200)]
    assert max(SEVERITY_ORDER, key=feedback.count) == SEVERITY_ORDER[SEVERITY_ORDER.index(hit.peak_severity) - 1]


def test_feedback_is_on_the_incident_and_names_its_features_and_time() -> None:
    for incident, feedback in confirmed_incidents(1, [(5, random_labels)]):
        assert incident.resolved_at_s is not None
        assert (feedback.incident_id, feedback.features) == (incident.id, features(incident))
        assert feedback.resolve_s == incident.resolved_at_s - incident.onset_at_s
        assert feedback.at_s > incident.resolved_at_s


def test_a_case_counts_what_each_side_answered_before_it_learned() -> None:
    found = run_case(OperatorCase((agrees_with_rules,), trusted=False), 30, 1)
    assert found.incidents == 30
    assert found.rules == found.published
    assert found.trusted is False


def test_an_interval_holds_as_often_as_it_promises() -> None:
    held, promised = coverage(20, 1)
    assert held == pytest.approx(promised, abs=0.03)


def test_trust_that_must_not_be_is_a_failure_by_name() -> None:
    outcomes = {"agrees with the rules": [Outcome(trusted=True)], "has a policy of their own": [Outcome(trusted=True)]}
    assert failures(outcomes) == ["agrees with the rules, seed 100: trusted in the end"]
