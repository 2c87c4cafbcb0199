"""The executor counts only the consent of different, known people with the role, given for this very intent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.model import ApprovalTerms, Decision, Intent
from tests.actions.trust.consent import (
    CHECK,
    INTENT,
    NOW_S,
    RESPOND,
    SIGNERS,
    TERMS,
    WORKER,
    decided,
    decision,
)


def lacking(intent: Intent, terms: ApprovalTerms = TERMS, now_s: float = NOW_S) -> str | None:
    return CHECK.lacking(intent, terms, now_s)


def test_two_approvals_of_two_people_on_any_path_are_consent() -> None:
    assert lacking(decided(decision("anna"), decision("chi"))) is None
    assert lacking(decided(decision("anna", path="slack"), decision("chi", path="http"))) is None


def test_one_person_counts_once_however_often_and_by_whatever_path() -> None:
    twice = decided(decision("anna", path="slack"), decision("anna"), decision("anna", at_s=NOW_S - 1.0))
    assert lacking(twice) == "1 of 2 approvals by approver, expected all"


def test_a_rejection_stands_against_any_number_of_approvals() -> None:
    assert lacking(decided(decision("anna"), decision("chi"), decision("chi", "reject"))) == "rejected by chi"


@pytest.mark.parametrize(("second", "fault"), [
    (decision("ben"), "ben: has responder for chat, expected approver"),
    (decision("eve"), "eve: has no role for chat, expected approver"),
    (decision("dora", path="slack"), "dora: not among the people of the configuration"),
    (decision("Chi", path="slack"), "Chi: not among the people of the configuration"),
    (decision("chi", signer=SIGNERS["ben"]), "chi: signed by the key 'ben-1' of ben, expected a key of their own"),
    (decision("chi", signer=RESPOND), "chi: signed by 'r1', a key of respond, expected one of person"),
    (decision("chi", path="http", signer=SIGNERS["chi"]), "chi: signed by 'chi-1', a key of person, expected one of"),
    (decision("chi", path="http", signer=WORKER), "chi: signed by 'w1', a key of watch, expected one of respond"),
    (decision("chi", source="/tocsin/other"), "chi: made for '/tocsin/other', expected '/tocsin/test'"),
    (decision("chi", about=replace(INTENT, key="k2")), "chi: about the intent 'k2', expected 'k1'"),
    (decision("chi", about=replace(INTENT, digest="e" * 64)), "chi: about other terms than those of the intent"),
    (decision("chi", about=replace(INTENT, target="chat/v1")), "chi: the signature does not fit"),
    (decision("chi", about=replace(INTENT, params={"factor": 0.1})), "chi: the signature does not fit"),
    (decision("chi", about=replace(INTENT, undo=True)), "chi: the signature does not fit"),
    (replace(decision("chi"), at_s=NOW_S), "chi: the signature does not fit"),
    (decision("chi", at_s=NOW_S - 961.0), "chi: made 961 s ago, expected within 960 s"),
    (decision("chi", at_s=NOW_S + 61.0), "chi: made -61 s ago"),
])
def test_a_decision_that_does_not_count_says_why(second: Decision, fault: str) -> None:
    found = lacking(decided(decision("anna"), second))
    assert found is not None
    assert found.startswith(f"1 of 2 approvals by approver, expected all; {fault}")


def test_a_decision_on_another_path_than_the_terms_want_does_not_count() -> None:
    terms = ApprovalTerms(via=("cli",))
    assert lacking(decided(decision("anna")), terms) is None
    found = lacking(decided(decision("anna", path="slack")), terms)
    assert found == "0 of 1 approvals by approver, expected all; anna: came by slack, expected cli"


def test_with_four_eyes_the_person_who_asked_for_it_does_not_count() -> None:
    terms = ApprovalTerms(four_eyes=True)
    asked = decided(decision("anna"), asked_by="anna")
    assert lacking(asked, terms) == (
        "0 of 1 approvals by approver, expected all; anna: asked for it, and four eyes are expected"
    )
    assert lacking(decided(decision("chi"), asked_by="anna"), terms) is None
    assert lacking(asked, ApprovalTerms()) is None


def test_a_parameter_that_becomes_a_float_on_the_wire_is_the_same_parameter() -> None:
    assert lacking(decided(decision("anna"), decision("chi"), params={"factor": 1.0})) is None


def test_a_commander_may_break_the_glass_and_nobody_else() -> None:
    broken = decided(decision("anna", "break_glass"))
    assert (lacking(broken), CHECK.is_break_glass(broken, NOW_S)) == (None, True)
    refused = decided(decision("chi", "break_glass"))
    assert (lacking(refused) is None, CHECK.is_break_glass(refused, NOW_S)) == (False, False)


def test_a_label_that_the_incident_gained_since_the_decision_does_not_matter() -> None:
    gained = decided(decision("anna"), decision("chi"), model="gpt", replica="r1")
    assert lacking(gained) is None


@pytest.mark.parametrize("change", [
    {"version": "v3"}, {"version": None}, {"tenant": "acme", "version": "v3"}, {"model": "gpt", "target": "chat/v1"},
])
def test_a_label_that_changed_or_was_lost_since_the_decision_matters(change: dict[str, str | None]) -> None:
    about = replace(INTENT, version="v2")
    given = decided(decision("anna", about=about), decision("chi", about=about), **change)
    assert "the signature does not fit" in (lacking(given) or "")
