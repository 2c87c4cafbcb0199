"""The checkers of a chaos run find each breach, and nothing in a run without one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.chaos.account import Account
from benchmarks.chaos.checkers import CHECKERS, judge
from benchmarks.chaos.plan import Plan, ServiceFault, SupplyFault
from benchmarks.chaos.producers import Place
from benchmarks.chaos.supply.targets import Call

START_S = 1000.0
SLOW = ServiceFault("slow", "chat", "r1", 10.0, 26.0)
SILENT = ServiceFault("silent", "voice", None, 56.0, 76.0)
PLAN = Plan(1, 80.0, 20.0, 100.0, ("worker-stop",), (SupplyFault("worker-stop", 5.0, 10.0, 0),), (SLOW, SILENT))


def incident(name: str, service: str, at_s: float, **over: Any) -> dict[str, Any]:
    return {
        "id": name, "service": service, "version": None, "replica": None, "tenant": None, "opened_at_s": START_S + at_s,
        "category": "performance_degradation", "peak_severity": "P2", "state": "resolved", "resolution": None,
        "title": f"{service} is in trouble", **over,
    }


def intent(key: str, target: str) -> dict[str, Any]:
    return {"key": key, "target": target, "kind": "circuit_breaker", "decided_at_s": START_S + 13.0}


def good() -> Account:
    """A run in which every rule held."""
    found = [
        incident("a", "chat", 12.0, replica="r1"), incident("b", "voice", 60.0, category="availability"),
        incident("c", "tocsin", 40.0, category="telemetry"),
    ]
    return Account(
        PLAN, START_S, [{**found[0], "state": "open"}, *found],
        [intent("k1", "chat/r1"), intent("k2", "chat/r1")], [{"key": "k1"}, {"key": "k2"}],
        seen_s={one["id"]: one["opened_at_s"] + 1.0 for one in found},
        calls=[Call(START_S + 13.0, "chat/r1", "open", "k1"), Call(START_S + 40.0, "chat/r1", "closed", "k2")],
        states={"chat/r1": "closed"}, dead=Counter([Place(0, 7)]), poisoned={Place(0, 7)}, sent=100, stored=100,
        exits={"w0": 0, "w1": 0}, quiet=found[:2],
    )


def add(account: Account, found: dict[str, Any]) -> None:
    account.incidents.append(found)
    account.seen_s[found["id"]] = found["opened_at_s"] + 1.0


def breaches(account: Account) -> dict[str, int]:
    """How many texts each checker returned, without those of which there is none."""
    return {name: len(texts) for name, texts in judge(account).items() if texts}


def test_a_run_in_which_every_rule_held_has_no_breach() -> None:
    assert breaches(good()) == {}
    assert judge(good()).keys() == CHECKERS.keys()


@pytest.mark.parametrize("fault", [0, 1])
def test_a_real_fault_without_an_incident_is_missed(fault: int) -> None:
    account = good()
    gone = ("a", "b")[fault]
    account.incidents = [one for one in account.incidents if one["id"] != gone]
    assert breaches(account) == {"missed": 1, "unlike_quiet": 1}


@pytest.mark.parametrize(
    "found",
    [
        incident("x", "code", 15.0), incident("x", "chat", 40.0), incident("x", "chat", 2.0),
        incident("x", "tocsin", 90.0, category="telemetry"),
    ],
    ids=["another service", "too late", "too early", "blind without a fault of the supply"],
)
def test_an_incident_without_a_fault_is_false(found: dict[str, Any]) -> None:
    account = good()
    add(account, found)
    assert breaches(account) == {"false": 1}


def test_an_incident_of_another_scope_than_in_the_quiet_run_is_a_breach() -> None:
    account = good()
    add(account, incident("x", "chat", 14.0))
    assert breaches(account) == {"unlike_quiet": 1}


def test_an_incident_that_a_reader_sees_long_after_it_opened_is_late() -> None:
    account = good()
    account.seen_s["b"] += 30.0
    assert breaches(account) == {"late": 1}


def test_an_incident_is_not_late_while_the_supply_is_broken() -> None:
    account = good()
    account.plan = replace(PLAN, supply=(SupplyFault("worker-stop", 5.0, 35.0, 0),))
    account.seen_s["a"] = START_S + 50.0
    assert breaches(account) == {}


@pytest.mark.parametrize(
    "call",
    [
        Call(START_S + 13.0, "chat/r2", "open", "k2"), Call(START_S + 13.0, "chat/r1", "open", "k3"),
        Call(START_S + 50.0, "chat/r1", "closed", "k2"),
    ],
    ids=["healthy replica", "nobody decided it", "a key that ran before"],
)
def test_a_call_that_should_not_have_been_is_a_wrong_action(call: Call) -> None:
    account = good()
    account.calls.append(call)
    assert "wrong_actions" in breaches(account)


def test_an_intent_without_an_outcome_is_unanswered() -> None:
    account = good()
    account.outcomes.pop()
    assert breaches(account) == {"unanswered": 1}


def test_what_is_not_undone_at_the_end_is_left() -> None:
    account = good()
    account.incidents.pop(1)
    account.states["chat/r1"] = "open"
    assert breaches(account) == {"left_open": 1, "left_in_force": 1}


def test_records_without_a_place_are_lost() -> None:
    account = good()
    account.poisoned.add(Place(1, 3))
    account.behind, account.stored = 5, 99
    assert breaches(account) == {"lost": 3}


def test_records_with_two_places_are_found() -> None:
    account = good()
    account.dead.update([Place(0, 7), Place(2, 2)])
    assert breaches(account) == {"twice": 2}


def test_an_incident_that_is_open_after_it_was_resolved_is_out_of_order() -> None:
    account = good()
    account.incidents += [incident("a", "chat", 12.0, replica="r1", state="open"), account.incidents[1]]
    assert breaches(account) == {"out_of_order": 1}


def test_a_worker_that_ended_by_itself_or_did_not_stop_is_found() -> None:
    account = good()
    account.ended.append((12.0, "w0", 1))
    account.exits["w1"] = None
    assert breaches(account) == {"ended": 2}


@pytest.mark.parametrize(("kind", "found"), [("broker-stop", {}), ("worker-stop", {"ended": 1})])
def test_a_worker_may_give_up_its_start_only_while_no_broker_answers(kind: str, found: dict[str, int]) -> None:
    account = good()
    account.plan = replace(PLAN, supply=(SupplyFault(kind, 5.0, 10.0, 0),))
    account.incidents.pop()
    account.ended.append((22.0, "w0", 2))
    assert breaches(account) == found
