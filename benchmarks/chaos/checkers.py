"""The judgement of a run: each checker returns what broke its rule, one text for each breach. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from benchmarks.chaos.account import Account
from benchmarks.chaos.plan import KINDS, ServiceFault
from benchmarks.chaos.traffic import FLUSH_EVERY_S

EARLY_S, LATE_S = 3.0, 6.0
"""How long before and after a real fault its incident may open, in event time."""
SEEN_AFTER_S = 25.0
"""After a fault of the supply event time is held, and what producers deliver is waited for longer."""
TELEMETRY = "telemetry"
TELEMETRY_AFTER_S = 60.0
NO_BROKER = 2
GIVE_UP_S = 20.0
UNREACHABLE = ("broker-", "leader-", "disk-", "network-")
"""What the kinds begin with by which a worker cannot reach a broker."""


def missed(account: Account) -> list[str]:
    """Real faults without an incident that names the replica, or the service that went silent."""
    found = list(account.last().values())
    return [
        f"{fault.kind} {fault.service}/{fault.replica or '*'} from {fault.start_s:.1f} to {fault.end_s:.1f} s"
        for fault in account.plan.services
        if not any(
            _belongs(account, incident, fault) and incident["replica"] == fault.replica
            and (fault.kind == "slow" or incident["category"] == "availability")
            for incident in found
        )
    ]


def false(account: Account) -> list[str]:
    """Incidents although nothing was wrong with the service. Those about Tocsin itself need a fault of its supply."""
    return [
        describe(account, incident) for incident in account.last().values()
        if not (_is_of_blindness(account, incident) if incident["category"] == TELEMETRY
                else any(_belongs(account, incident, fault) for fault in account.plan.services))
    ]


def late(account: Account) -> list[str]:
    """Incidents that a reader first saw long after they opened, and long after the last fault of the supply."""
    found = []
    for incident in account.last().values():
        seen_s = account.seen_s.get(incident["id"], math.inf)
        opened_s = incident["opened_at_s"] - account.start_s
        over_s = [fault.end_s for fault in account.plan.supply if fault.start_s <= seen_s - account.start_s]
        if seen_s - account.start_s - max([opened_s, *over_s]) > SEEN_AFTER_S:
            found.append(f"seen at {account.age_s(seen_s)} s: {describe(account, incident)}")
    return found


def wrong_actions(account: Account) -> list[str]:
    """Breakers opened on replicas that were never slow, or by an intent nobody decided, and keys that ran twice."""
    slow = {f"{fault.service}/{fault.replica}" for fault in account.plan.services if fault.kind == "slow"}
    decided = {intent["key"] for intent in account.intents}
    runs = Counter(call.key for call in account.calls)
    wrong = [
        f"{account.age_s(call.at_s)} s: {call.target} set to {call.state}" for call in account.calls
        if (call.state != "closed" and call.target not in slow) or call.key not in decided
    ]
    return wrong + [f"{key} ran {count} times" for key, count in runs.items() if count > 1]


def unanswered(account: Account) -> list[str]:
    """Decided intents without an outcome."""
    answered = {outcome["key"] for outcome in account.outcomes}
    return [
        f"{account.age_s(intent['decided_at_s'])} s: {intent['kind']} {intent['target']} {intent['key']}"
        for intent in account.intents if intent["key"] not in answered
    ]


def left_open(account: Account) -> list[str]:
    """Incidents that are not resolved at the end, although nothing is wrong."""
    return [describe(account, last) for last in account.last().values() if last["state"] != "resolved"]


def left_in_force(account: Account) -> list[str]:
    """Breakers that the target still holds open at the end."""
    return sorted(target for target, state in account.states.items() if state != "closed")


def lost(account: Account) -> list[str]:
    """Records that were not committed or stored, and records that are none without a dead letter."""
    found = [f"no dead letter of {place}" for place in account.poisoned - account.dead.keys()]
    if account.behind:
        found.append(f"{account.behind} records are not committed")
    if account.lost or account.sent != account.stored:
        found.append(f"of {account.sent} records sent {account.stored} were stored")
    return found


def twice(account: Account) -> list[str]:
    """Records in two places: good ones among the dead letters, or one record there more than once."""
    return [
        *(f"a dead letter of the good record {place}" for place in account.dead.keys() - account.poisoned),
        *(f"{count} dead letters of {place}" for place, count in account.dead.items() if count > 1),
    ]


def unlike_quiet(account: Account) -> list[str]:
    """(service, scope, category) of incidents of real faults that only this run has, or only the quiet one."""
    here, quiet = _kinds(account, account.last().values()), _kinds(account, account.quiet)
    return [*(f"only here: {kind}" for kind in sorted(here - quiet)),
            *(f"only in the quiet run: {kind}" for kind in sorted(quiet - here))]


def out_of_order(account: Account) -> list[str]:
    """Incidents that were written after they were resolved: by a worker that was no longer their owner."""
    states: dict[str, list[str]] = defaultdict(list)
    for incident in account.incidents:
        states[incident["id"]].append(incident["state"])
    return [
        f"{name}: {' '.join(each)}" for name, each in states.items()
        if "resolved" in each and any(state != "resolved" for state in each[each.index("resolved"):])
    ]


def ended(account: Account) -> list[str]:
    """Workers that ended by themselves, and those that did not stop in order.

    A worker that starts while no broker answers may give up: it says so with exit code 2.
    """
    return [
        *(f"{at_s:.1f} s: {name} ended with {code}" for at_s, name, code in account.ended
          if not (code == NO_BROKER and _no_broker(account, at_s))),
        *(f"{name} stopped with {code}" for name, code in account.exits.items() if code != 0),
    ]


CHECKERS: Mapping[str, Callable[[Account], list[str]]] = {
    checker.__name__: checker
    for checker in (
        missed, false, late, wrong_actions, unanswered, left_open, left_in_force, lost, twice, unlike_quiet,
        out_of_order, ended,
    )
}


def judge(account: Account) -> dict[str, list[str]]:
    """What broke each rule."""
    return {name: checker(account) for name, checker in CHECKERS.items()}


def describe(account: Account, incident: Mapping[str, Any]) -> str:
    """An incident in one line."""
    names = ("id", "service", "replica", "category", "peak_severity", "state", "resolution")
    facts = " ".join(str(incident.get(name)) for name in names)
    return f"{account.age_s(incident['opened_at_s'])} s: {facts}: {incident['title'][:100]}"


def _kinds(account: Account, incidents: Iterable[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    return {
        (incident["service"], next((f"{part} {incident[part]}" for part in ("version", "replica", "tenant")
                                    if incident[part] is not None), "service"), incident["category"])
        for incident in incidents
        if any(_belongs(account, incident, fault) for fault in account.plan.services)
    }


def _belongs(account: Account, incident: Mapping[str, Any], fault: ServiceFault) -> bool:
    late_s = LATE_S + (FLUSH_EVERY_S if "flush" in account.plan.kinds else 0.0)
    opened_s = incident["opened_at_s"] - account.start_s
    return bool(incident["service"] == fault.service and fault.start_s - EARLY_S <= opened_s <= fault.end_s + late_s)


def _no_broker(account: Account, at_s: float) -> bool:
    faults = [fault for fault in account.plan.supply if fault.kind.startswith(UNREACHABLE)]
    return any(0.0 <= at_s - fault.start_s <= fault.lasts_s + KINDS[fault.kind].after_s + GIVE_UP_S for fault in faults)


def _is_of_blindness(account: Account, incident: Mapping[str, Any]) -> bool:
    opened_s = incident["opened_at_s"] - account.start_s
    return any(fault.start_s <= opened_s <= fault.end_s + TELEMETRY_AFTER_S for fault in account.plan.supply)
