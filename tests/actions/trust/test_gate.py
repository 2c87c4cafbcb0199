"""What the executor's own list does not have is refused, and an undo needs no consent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.model import ApprovalTerms
from actions.trust.allow_list import Allowed, AllowList, ParamBound
from actions.trust.gate import Gate
from actions.trust.roles import Verb
from tests.actions.trust.consent import CHECK, INTENT, NOW_S, decided, decision

LIST = AllowList((
    Allowed("throttle", ("chat/*",), ("v*",), {"factor": ParamBound(0.2, 1.0), "route": ParamBound(one_of=("a", "b"))}),
    Allowed("throttle", ("search/*",)),
    Allowed("rollback", approval=ApprovalTerms(roles=("commander",))),
))
FREE = replace(INTENT, approval=None)


@pytest.mark.parametrize(("change", "refusal"), [
    ({}, None),
    ({"target": "search/v1", "params": {"anything": "goes"}}, None),
    ({"params": {"factor": 0.2, "fleet_size": 8.0, "route": "a"}}, None),
    ({"params": {"factor": 0.2, "timeout_s": 20.0, "expected_duration_s": 5.0, "http_ok": "http://x/"}}, None),
    ({"kind": "restart"}, "kind 'restart', expected one of rollback, throttle"),
    ({"target": "billing/v1"}, "target 'billing/v1', expected chat/*; target 'billing/v1', expected search/*"),
    ({"version": "canary"}, "version 'canary', expected v*"),
    ({"params": {"factor": 0.1}}, "parameter factor is 0.1, expected a number from 0.2 to 1"),
    ({"params": {"factor": True}}, "parameter factor is True, expected a number from 0.2 to 1"),
    ({"params": {"factor": None}}, "parameter factor is None, expected a number from 0.2 to 1"),
    ({"params": {"factor": float("nan")}}, "parameter factor is nan, expected a number from 0.2 to 1"),
    ({"params": {"route": "c"}}, "parameter route is 'c', expected one of 'a', 'b'"),
    ({"params": {"burst": 9.0}}, "parameter 'burst', expected one of factor, route"),
])
def test_kinds_targets_versions_and_parameters_are_allowed_by_name(
    change: dict[str, object], refusal: str | None,
) -> None:
    found = Gate(LIST, CHECK).refusal(replace(FREE, **change), NOW_S)  # type: ignore[arg-type]
    if refusal is None:
        assert found is None
    else:
        assert found is not None
        assert found.startswith(f"not on the executor's allow-list: {refusal}")


def test_without_a_list_everything_that_is_configured_is_allowed() -> None:
    assert Gate(None, CHECK).refusal(replace(FREE, kind="restart"), NOW_S) is None


def test_the_list_can_ask_for_consent_that_the_playbook_does_not_ask_for() -> None:
    rollback = replace(FREE, kind="rollback")
    assert Gate(LIST, CHECK).refusal(rollback, NOW_S) == (
        "not approved: 0 of 1 approvals by commander, expected all"
    )
    approved = replace(rollback, decisions=(decision("anna", about=rollback),))
    assert Gate(LIST, CHECK).refusal(approved, NOW_S) is None


def test_the_consent_of_the_playbook_is_needed_beside_that_of_the_list() -> None:
    assert Gate(LIST, CHECK).refusal(decided(decision("anna"), decision("chi")), NOW_S) is None
    assert Gate(LIST, CHECK).refusal(decided(decision("anna")), NOW_S) is not None


def test_an_undo_needs_no_consent_but_must_be_on_the_list() -> None:
    assert Gate(LIST, CHECK).refusal(replace(INTENT, undo=True), NOW_S) is None
    assert Gate(LIST, CHECK).refusal(replace(INTENT, undo=True, target="billing/v1"), NOW_S) is not None


BREAKER = replace(FREE, kind="circuit_breaker", target="chat/r0", params={})
BREAKERS = AllowList((Allowed("circuit_breaker", ("chat/*",)),))


@pytest.mark.parametrize(("by", "verb", "change", "refusal"), [
    ("ben", "force_open", {}, None),
    ("ben", "force_open", {"target": "billing/r0"}, "not on the executor's allow-list: target 'billing/r0'"),
    ("anna", "disable", {"kind": "restart"}, "not on the executor's allow-list: kind 'restart'"),
    ("ben", "clear", {"target": "billing/r0"}, None),
    ("ben", "undo", {"kind": "restart"}, None),
    ("ben", "disable", {}, "ben may not disable for chat, expected the role approver"),
    ("ann", "undo", {}, "ann may not undo for chat, expected the role responder"),
    ("eve", "disable", {"target": "r0"}, "eve may not disable for chat, expected the role approver"),
])
def test_what_a_person_asks_for_at_a_target_needs_the_list_and_the_role_for_the_service_behind_it(
    by: str, verb: Verb, change: dict[str, object], refusal: str | None,
) -> None:
    found = Gate(BREAKERS, CHECK).refusal_by_hand(by, verb, replace(BREAKER, **change))  # type: ignore[arg-type]
    assert (found is None) if refusal is None else (found or "").startswith(refusal)
