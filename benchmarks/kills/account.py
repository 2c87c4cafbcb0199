"""What a run left in the topics, and the judgement of it: each rule returns what broke it, one text for each breach."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.kills.gateway import Change

HARMLESS = "notify"
PATHS = {"throttle": "throttles", "circuit_breaker": "breakers"}
NOTICED_S = 5.0
"""A call may come so much later after its claim than another one."""
ENDS = ("approved", "rejected", "released", "expired", "void")


@dataclass(slots=True)
class Account:
    """intents, outcomes, incidents: every record, in the order of its topic. requests: last state by key. owned: what
    ever stood in the ledger as in force, and `in_force` what does at the end, as `breakers/chat/r1`. events: (subject,
    event, time) of the audit. verified: exit code and words of `tocsin audit verify`. ended: processes that ended by
    themselves. cooldown_s, most, most_of_service, most_in_force: the limits of the run.
    """

    cooldown_s: float
    most: int
    most_of_service: int
    most_in_force: int
    intents: Sequence[Mapping[str, Any]] = ()
    outcomes: Sequence[Mapping[str, Any]] = ()
    incidents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)
    owned: frozenset[str] = frozenset()
    in_force: Sequence[str] = ()
    changes: Sequence[Change] = ()
    held: Sequence[str] = ()
    wrong: Sequence[str] = ()
    events: Sequence[tuple[str, str, float]] = ()
    verified: tuple[int, str] = (0, "")
    ended: list[str] = field(default_factory=list)

    def acting(self) -> dict[str, Mapping[str, Any]]:
        """The intents that change something and undo nothing, by key."""
        return {each["key"]: each for each in self.intents if each["kind"] != HARMLESS and not each.get("undo")}

    def runs(self) -> dict[str, list[Change]]:
        """The changes at the gateway by each acting intent."""
        found: dict[str, list[Change]] = defaultdict(list)
        acting = self.acting()
        for change in self.changes:
            if change.key in acting:
                found[change.key].append(change)
        return found


def ran_twice(account: Account) -> list[str]:
    """Intents that two processes ran, or that were run again after an answer. A retry within one run is none."""
    found = []
    for key, changes in account.runs().items():
        callers = sorted({each.caller for each in changes})
        answered = sum(each.answered == 200 for each in changes)
        if len(callers) > 1 or answered > 1:
            found.append(f"{key}: by {', '.join(callers)}, answered with 200 {answered} times")
    return found


def past_a_limit(account: Account) -> list[str]:
    """Actions of an hour, of one service; in force at once; attempts of a step; cooldown after a run that succeeded."""
    runs, acting = account.runs(), account.acting()
    by_service = Counter(acting[key]["service"] for key in runs)
    by_step = Counter((acting[key]["incident_id"], acting[key]["step_id"], acting[key]["target"]) for key in runs)
    found = [f"{count} actions of {service}" for service, count in by_service.items()
             if count > account.most_of_service]
    found += [f"{len(runs)} actions"] if len(runs) > account.most else []
    found += [f"{count} attempts of {step}" for step, count in by_step.items() if count > 2]
    holding: set[str] = set()
    for change in account.changes:
        (holding.add if change.holds else holding.discard)(change.place)
        if len(holding) > account.most_in_force:
            found.append(f"at {change.at_s:.1f} in force: {', '.join(sorted(holding))}")
    return found + _cooldowns(account, runs)


def _cooldowns(account: Account, runs: Mapping[str, Sequence[Change]]) -> list[str]:
    executed = {each["key"] for each in account.outcomes if each["status"] == "executed"}
    by_place: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for key, changes in runs.items():
        by_place[changes[0].place].append((changes[0].at_s, key))
    found = []
    for place, each in by_place.items():
        for (before_s, before), (at_s, key) in zip(sorted(each), sorted(each)[1:], strict=False):
            if before in executed and at_s - before_s < account.cooldown_s - NOTICED_S:
                found.append(f"{place}: {key} {at_s - before_s:.1f} s after {before}")
    return found


def without_outcome(account: Account) -> list[str]:
    """Intents without an outcome, and those written to run that were told of nothing but their request."""
    told: dict[str, set[str]] = defaultdict(set)
    for outcome in account.outcomes:
        told[outcome["key"]].add(outcome["status"])
    waits = {"suggested", "approved"}
    return sorted({
        f"{each['key']} {each['kind']} {each['target']} {each['mode']}: {sorted(told[each['key']])}"
        for each in account.intents
        if not told[each["key"]] or (each["mode"] == "auto" and told[each["key"]] <= waits)
    })


def without_owner(account: Account) -> list[str]:
    """What is in force at the end, or ever was without standing in the ledger."""
    unknown = {each.place for each in account.changes if each.holds} - account.owned
    return [*(f"the gateway holds {place}" for place in account.held),
            *(f"the ledger holds {place}" for place in account.in_force),
            *(f"not in the ledger: {place}" for place in sorted(unknown))]


def requests_amiss(account: Account) -> list[str]:
    """Requests that are open at the end, and those that were released twice."""
    released = Counter(subject for subject, event, _ in account.events if event == "released")
    return [*(f"{key} is {state}" for key, state in account.requests.items() if state in ("requested", "approved")),
            *(f"{key} was released {count} times" for key, count in released.items() if count > 1)]


def left_open(account: Account) -> list[str]:
    """Incidents that are not resolved at the end."""
    return [f"{name} {each['service']} {each['title'][:80]}" for name, each in account.incidents.items()
            if each["state"] != "resolved"]


def unverified(account: Account) -> list[str]:
    """What `tocsin audit verify` found."""
    code, words = account.verified
    return [] if code == 0 else [f"exit code {code}: {words[-500:]}"]


def wrong_calls(account: Account) -> list[str]:
    """Requests that the gateway refused as malformed."""
    return list(account.wrong)


def ended(account: Account) -> list[str]:
    """Processes that ended by themselves."""
    return account.ended


RULES: Mapping[str, Callable[[Account], list[str]]] = {
    rule.__name__: rule for rule in (
        ran_twice, past_a_limit, without_outcome, without_owner, requests_amiss, left_open, unverified, wrong_calls,
        ended,
    )
}
