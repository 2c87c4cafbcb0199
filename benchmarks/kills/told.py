"""What a run of kills of `respond` left, and the judgement of it: each rule returns what broke it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from actions.channels.kinds.email import message_id
from actions.channels.machine import ENDED

PAGES = "page"


@dataclass(slots=True)
class Told:
    """source: of the deployment. unpaged: incidents of which no page was accepted in time. escalations, notifications:
    the last record by incident and by id. fires: how often the audit has it that steps of an escalation were taken.
    alerts: the keys at PagerDuty. correlations: of the records at ServiceNow, one for each record. notes: all texts of
    them. message_ids: of all mails that were accepted. refused: what a vendor refused for good. ended: processes that
    ended by themselves. verified: exit code and words of `tocsin audit verify`.
    """

    source: str
    from_address: str
    unpaged: Sequence[str] = ()
    escalations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notifications: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fires: Mapping[str, int] = field(default_factory=dict)
    alerts: Sequence[str] = ()
    correlations: Sequence[str] = ()
    notes: Sequence[str] = ()
    message_ids: Sequence[str] = ()
    refused: Sequence[str] = ()
    ended: list[str] = field(default_factory=list)
    verified: tuple[int, str] = (0, "")

    def of(self, channel: str) -> dict[str, Mapping[str, Any]]:
        """The notifications of a channel, by id."""
        return {name: one for name, one in self.notifications.items() if one["channel"] == channel}


def pages_lost(told: Told) -> list[str]:
    """Incidents of which nobody was paged, and pages that no channel took although nothing ended them."""
    found = [f"{name}: no page was accepted" for name in told.unpaged]
    for name, one in told.notifications.items():
        if one["message"]["event"] == PAGES and one["state"] not in ("sent", "superseded"):
            found.append(f"{name} of {one['message']['incident_id']} is {one['state']}: {one['reason']}")
    alerts = set(told.alerts)
    found += [
        f"{name} is sent, and PagerDuty has no alert {one['message']['dedup_key']}"
        for name, one in told.of("pager").items()
        if one["state"] == "sent" and one["message"]["event"] not in ("close", "milestone")
        and one["message"]["dedup_key"] not in alerts
    ]
    return found


def steps_twice(told: Told) -> list[str]:
    """Steps that were taken twice in a round, or that the audit has more often than the log."""
    found = []
    for name, one in told.escalations.items():
        counted = Counter((each["step"], each["round"]) for each in one["fired"])
        found += [f"{name}: step {step} in round {number}, {times} times"
                  for (step, number), times in counted.items() if times > 1]
        turns = len({each["at_s"] for each in one["fired"]})
        if told.fires.get(name, 0) != turns:
            found.append(f"{name}: {told.fires.get(name, 0)} entries of the audit for {turns} turns")
    return found


def alerts_amiss(told: Told) -> list[str]:
    """Alerts under a key that no notification has, and more alerts of an incident than it and its pages. A page that is
    held back because its person had many lately is told as one alert, once.
    """
    keys = {one["message"]["dedup_key"] for one in told.of("pager").values()}
    found = [f"alert {key}: of no notification" for key in told.alerts if key not in keys]
    counted = Counter(key.removeprefix(f"{told.source}/").partition("/")[0] for key in told.alerts)
    for name, times in counted.items():
        fired = told.escalations.get(name, {"fired": ()})["fired"]
        pages = sum(len(each["people"]) + len(each["held"]) for each in fired)
        if times > 1 + pages:
            found.append(f"{name}: {times} alerts for 1 incident and {pages} pages")
    return found


def records_amiss(told: Told) -> list[str]:
    """Incidents with more than one record at ServiceNow or none, and texts that stand in one twice."""
    counted = Counter(told.correlations)
    found = [f"{key}: {times} records" for key, times in counted.items() if times > 1]
    sent = {f"{told.source}/{one['message']['incident_id']}" for one in told.of("itsm").values()
            if one["state"] == "sent" and one["message"]["event"] == "open"}
    found += [f"{key}: no record" for key in sorted(sent - counted.keys())]
    written = "\n".join(told.notes)
    for name in told.of("itsm"):
        times = written.count(f"[tocsin {name}]")
        found += [f"{name}: written {times} times"] if times > 1 else []
    return found


def mails_amiss(told: Told) -> list[str]:
    """Mails with a Message-ID that no notification has, and notifications that were sent and have no mail."""
    ids = {message_id(name, told.from_address): name for name in told.of("mail")}
    found = [f"Message-ID {one}: of no notification" for one in set(told.message_ids) - ids.keys()]
    known = set(told.message_ids)
    return found + [
        f"{name} is sent, and there is no mail" for one, name in ids.items()
        if told.notifications[name]["state"] == "sent" and one not in known
    ]


def not_ended(told: Told) -> list[str]:
    """Notifications that are under way and escalations that are open, when all incidents are over."""
    found = [f"{name} is {one['state']}" for name, one in told.notifications.items() if one["state"] not in ENDED]
    return found + [f"escalation {name} is {one['state']}" for name, one in told.escalations.items()
                    if one["state"] != "closed"]


def refused(told: Told) -> list[str]:
    """What a vendor refused for good."""
    return list(told.refused)


def ended(told: Told) -> list[str]:
    """Processes that ended by themselves."""
    return told.ended


def unverified(told: Told) -> list[str]:
    """What `tocsin audit verify` found."""
    code, words = told.verified
    return [] if code == 0 else [f"exit code {code}: {words[-500:]}"]


RULES: Mapping[str, Callable[[Told], list[str]]] = {
    rule.__name__: rule for rule in (
        pages_lost, steps_twice, alerts_amiss, records_amiss, mails_amiss, not_ended, refused, ended, unverified,
    )
}
