"""Two results of one recording: what is added, gone and changed, and why."""

from __future__ import annotations

from dataclasses import replace

from actions.model import ApprovalTerms, Intent, Outcome, RemedyTerms
from classifiers.model import AuditEntry, Factor, Incident
from streams.replay.comparison import ActionPair, Comparison, Results, compare
from tests.streams.fakes import T

INCIDENT = Incident(
    "inc-1", "resolved", T, T - 1.0, T + 60.0, "availability", "P2", "P2", "chat", "gpt", None, "r1", None, "it fails",
    (Factor("errors", 0.2, 2.0, "20% fail"), Factor("pattern", "errors", 0.0, "requests fail")),
)
INTENT = Intent(
    "key-1", "inc-1", "circuit_breaker", "chat/r1", "auto", "playbook cut v1: step open", T + 1.0, T + 120.0, "chat",
    step_id="open", playbook="cut", digest="a",
)


def outcome(intent: Intent) -> ActionPair:
    return intent, Outcome(
        intent.key, intent.incident_id, intent.kind, intent.target, intent.mode, "dry_run", "", T + 1.0, T + 1.0,
    )


def opened(reason: str, subject: str = "inc-1") -> AuditEntry:
    return AuditEntry(T, subject, "confirm", "pending", "open", reason)


OLD = Results((INCIDENT,), (outcome(INTENT),), (opened("2 series at level 2 or more at once"),))


def fields(found: Comparison) -> dict[str, tuple[object, object]]:
    return {change.name: (change.old, change.new) for one in found.incidents for change in one.fields}


def terms_of(found: Comparison) -> dict[str, tuple[object, object]]:
    return {change.name: (change.old, change.new) for one in found.actions for change in one.fields}


def test_a_result_is_the_same_as_itself() -> None:
    assert compare(OLD, OLD) == Comparison((), (), 1, 1)
    assert compare(OLD, OLD).is_same


def test_other_evidence_and_another_hash_are_no_difference() -> None:
    assert compare(OLD, replace(OLD, incidents=(replace(INCIDENT, config_hash="b"),))).is_same


def test_an_incident_of_one_result_alone_is_added_or_gone_and_its_actions_with_it() -> None:
    empty = Results((), (), (AuditEntry(T, "chat/gpt/replica=r1 errors", "alarm", None, "pending", "level 1.2"),))
    gone = compare(OLD, empty)
    assert [(one.kind, one.incident.id) for one in gone.incidents] == [("gone", "inc-1")]
    assert gone.incidents[0].reason == (
        "it opened by: 2 series at level 2 or more at once; the new result: alarm: level 1.2"
    )
    assert [(one.kind, one.reason) for one in gone.actions] == [("gone", "the new result has no such incident")]
    added = compare(empty, OLD)
    assert [*(one.kind for one in added.incidents), *(one.kind for one in added.actions)] == ["added", "added"]


def test_an_alarm_of_another_service_or_time_explains_nothing() -> None:
    other = AuditEntry(T, "chatter/gpt errors", "alarm", None, "pending", "level 1.2")
    late = AuditEntry(T + 600.0, "chat/gpt errors", "alarm", None, "pending", "level 1.2")
    (one,) = compare(OLD, Results((), (), (other, late))).incidents
    assert one.reason is not None
    assert one.reason.endswith("the new result has no alarm of chat/gpt then")


def test_a_severity_that_changed_names_the_factors_that_differ() -> None:
    factors = (Factor("errors", 0.5, 4.0, "50% fail"), Factor("tier", 1.0, 0.5, "a critical service"))
    found = compare(OLD, replace(OLD, incidents=(replace(INCIDENT, severity="P1", factors=factors),)))
    (change,) = found.incidents[0].fields
    assert (change.name, change.old, change.new) == ("severity", "P2", "P1")
    assert change.reason == (
        "factor errors +2 (20% fail) -> +4 (50% fail); tier none -> +0.5 (a critical service)"
    )
    same = compare(OLD, replace(OLD, incidents=(replace(INCIDENT, severity="P3"),)))
    assert same.incidents[0].fields[0].reason == "the factors are the same: a duration under triage.severity decided"


def test_a_category_that_changed_names_the_pattern() -> None:
    slow = replace(INCIDENT, category="performance_degradation", factors=(Factor("pattern", "slow", 0.0, "slower"),))
    (one,) = compare(OLD, replace(OLD, incidents=(slow,))).incidents
    assert one.fields[0].reason == "pattern: requests fail -> slower"


def test_an_incident_with_another_id_is_the_same_when_service_and_time_are() -> None:
    later = replace(INCIDENT, id="inc-2", opened_at_s=T + 5.0)
    elsewhere = replace(INCIDENT, id="inc-3", replica="r2")
    found = compare(OLD, Results((elsewhere, later), (outcome(replace(INTENT, key="k", incident_id="inc-2")),)))
    assert [(one.kind, one.incident.id) for one in found.incidents] == [("added", "inc-3"), ("changed", "inc-2")]
    assert fields(found) == {"opened_at_s": (T, T + 5.0)}
    assert (found.actions, found.same_actions) == ((), 1)


def test_an_incident_of_another_time_is_another_one() -> None:
    later = replace(INCIDENT, id="inc-2", onset_at_s=T + 61.0, opened_at_s=T + 62.0, resolved_at_s=T + 90.0)
    found = compare(OLD, Results((later,)))
    assert [one.kind for one in found.incidents] == ["gone", "added"]


def test_an_action_that_another_step_decided_names_playbook_and_step() -> None:
    other = replace(INTENT, key="key-2", kind="traffic_split", step_id="drain")
    found = compare(OLD, replace(OLD, actions=(outcome(other),)))
    assert [(one.kind, one.reason) for one in found.actions] == [
        ("added", "playbook cut, step drain: no such step in the old result"),
        ("gone", "playbook cut, step open: no such step in the new result"),
    ]


def test_an_action_that_its_incident_no_longer_leads_to_says_what_of_the_incident_changed() -> None:
    found = compare(OLD, Results((replace(INCIDENT, severity="P3"),), (), ()))
    assert [one.reason for one in found.actions] == [
        "playbook cut, step open: its incident changed: severity P2 -> P3",
    ]


def test_an_action_in_another_mode_is_changed() -> None:
    suggested = replace(INTENT, mode="suggest", digest="b")
    (one,) = compare(OLD, replace(OLD, actions=(outcome(suggested),))).actions
    assert [(each.name, each.old, each.new, each.reason) for each in one.fields] == [
        ("mode", "auto", "suggest", "the terms of the playbook changed"),
    ]


def test_an_outcome_that_one_result_does_not_know_is_no_difference() -> None:
    assert compare(OLD, replace(OLD, actions=((INTENT, None),))).is_same


def test_terms_that_changed_are_told_setting_by_setting_as_a_playbook_writes_them() -> None:
    before = replace(INTENT, approval=ApprovalTerms(), remedy=RemedyTerms())
    terms = ApprovalTerms(count=2, four_eyes=True, via=("cli", "http"))
    after = replace(INTENT, approval=terms, remedy=RemedyTerms(hold_s=5400.0))
    old, new = (Results((INCIDENT,), (outcome(each),), OLD.audit) for each in (before, after))
    assert terms_of(compare(old, new)) == {
        "approval.count": ("1", "2"), "approval.four_eyes": ("false", "true"), "approval.via": ("[]", "[cli, http]"),
        "remedy.hold": ("4h", "1h30m"),
    }
    without = Results((INCIDENT,), (outcome(replace(before, approval=None)),), OLD.audit)
    assert terms_of(compare(old, without))["approval"] == (
        "{roles: [approver], count: 1, expires_after: 15m, four_eyes: false, via: []}", None,
    )


def test_what_an_incident_lacks_is_told_in_no_language_of_programs() -> None:
    new = Results((replace(INCIDENT, tenant="acme", replica=None),), (), ())
    reasons = [one.reason or "" for one in compare(OLD, new).actions]
    assert any("tenant - -> acme" in reason for reason in reasons)
    assert not any("None" in reason for reason in reasons)
