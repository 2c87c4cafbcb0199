"""The learning benchmark measures what it says: seeded incidents of the real rules, operators as described."""

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


def test_incidents_are_of_many_kinds_and_all_over() -> None:
    seen = list(islice(incidents(3), 60))
    assert {incident.state for incident in seen} == {"resolved"}
    assert len({incident.id for incident in seen}) == 60
    assert len({incident.category for incident in seen}) >= 4
    assert len({incident.severity for incident in seen}) >= 3
    assert {incident.tenant is None for incident in seen} == {incident.replica is None for incident in seen} == {
        True, False,
    }


def test_an_operator_slips_as_often_as_it_says() -> None:
    rng = random.Random(1)
    incident = next(one for one in incidents(1) if one.peak_severity not in ("P0", "P4"))
    wrong = sum(agrees_with_rules(incident, rng) != incident.peak_severity for _ in range(2000))
    assert wrong / 2000 == pytest.approx(LABEL_NOISE, abs=0.02)


def test_an_operator_with_a_policy_holds_a_tenants_trouble_for_worse() -> None:
    hit = next(one for one in incidents(1) if one.tenant is not None and one.peak_severity != "P0")
    feedback = [own_policy(hit, random.Random(seed)) for seed in range(200)]
    assert max(SEVERITY_ORDER, key=feedback.count) == SEVERITY_ORDER[SEVERITY_ORDER.index(hit.peak_severity) - 1]


def test_feedback_is_on_the_incident_and_names_its_features_and_time() -> None:
    for incident, feedback in confirmed_incidents(1, [(5, random_labels)]):
        assert incident.resolved_at_s is not None
        assert (feedback.incident_id, feedback.features) == (incident.id, features(incident))
        assert feedback.resolve_s == incident.resolved_at_s - incident.onset_at_s
        assert feedback.at_s > incident.resolved_at_s


def test_a_story_counts_what_each_side_said_before_it_knew() -> None:
    found = run_case(OperatorCase((agrees_with_rules,), trusted=False), 30, 1)
    assert found.incidents == 30
    assert found.rules == found.published
    assert found.trusted is False


def test_an_interval_is_measured_against_its_promise() -> None:
    held, promised = coverage(20, 1)
    assert held == pytest.approx(promised, abs=0.03)


def test_trust_that_was_not_earned_is_a_failure_by_name() -> None:
    told = {"agrees with the rules": [Outcome(trusted=True)], "has a policy of their own": [Outcome(trusted=True)]}
    assert failures(told) == ["agrees with the rules, seed 100: trusted in the end"]
