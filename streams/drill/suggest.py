"""The drill `suggest`: a remedy is suggested, one person approves by command line and one over HTTP, and it helps.

A worker process with all roles runs on the embedded broker, on the wall clock. One replica is slow until the gateway
limits its traffic. Two people must approve, so that both ways are needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from actions.approvals.request import ApprovalRequest
from actions.model import Intent, Outcome
from classifiers.model import AuditEntry, Incident
from streams.contracts.envelopes import read_approval, read_audit, read_incident, read_intent, read_outcome
from streams.drill.process_installation import BY_KEY, BY_TOKEN, ProcessInstallation, Seen, process_installation
from streams.drill.simulated_fleet import HEALTHY_MS, SERVICE, Latency
from streams.drill.verdict import Check, DrillResult, at_most, equal, includes
from streams.sandbox.gateway import Change, Gateway
from streams.sandbox.process import WORKER

SICK = "r1"
TARGET = f"{SERVICE}/{SICK}"
HISTORY_S = 90.0
HEALTHY_FOR_S = 10.0
"""The last healthy seconds are of now, so that the worker is up to date when the fault begins."""
SLOW_MS = 900.0
TOLD_WITHIN_S = 2.0
BOOK = {
    "name": "bad-replica", "version": 1, "match": {"service": SERVICE}, "mode": "suggest",
    "on_open": ["technical"], "on_close": ["technical"],
    "steps": [{
        "id": "contain", "action": "throttle", "target": "{service}/{replica}", "params": {"factor": 0.3},
        "approval": {"roles": ["approver"], "count": 2, "expires_after": "5m"},
        "verify": {"settle": "2s", "within": "60s", "min_samples": 20},
    }],
}
OVER: dict[str, Any] = {"playbooks": [{"replace": True}, BOOK]}


@dataclass
class Course:
    """What the topics and the gateway have of one suggestion, each with its time in seconds since the epoch.

    incident: its last state. cli, http: what the two ways of approval answered.
    """

    incident: Incident | None = None
    asked_s: float | None = None
    told_s: float | None = None
    requests: list[ApprovalRequest] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    cli: int | None = None
    http: int | None = None


async def drill_suggest(patience_s: float = 60.0, worker: Sequence[str] = WORKER) -> DrillResult:
    """Run the drill. patience_s: how long each stage may take. worker: as `process_installation` takes it.

    Raises `EmbeddedBrokerMissing` and `DrillError`.
    """
    async with process_installation(OVER, worker) as here, here.requests(HISTORY_S, _latency):
        course = await _course(here, patience_s)
    return DrillResult("suggest", checks_of(course))


async def _course(here: ProcessInstallation, patience_s: float) -> Course:
    """From the fault to the end of the incident, as far as it goes."""
    cli = http = None
    if await here.until(lambda: _request(here) is not None, HISTORY_S + patience_s):
        request = _request(here)
        assert request is not None
        cli = await here.cli("approval", "approve", request.key)
        http = await here.post(
            f"/approvals/{request.key}/decision", {"verb": "approve", "digest": request.intent.digest},
        )
        await here.until(lambda: _is_over(course_of(here, here.seen)), 2 * patience_s)
    course = course_of(here, here.seen)
    course.cli, course.http, course.changes = cli, http, list(here.gateway.changes)
    return course


def course_of(here: ProcessInstallation, seen: Sequence[Seen]) -> Course:
    """What the records tell of the step that was suggested first."""
    topics, course = here.topics, Course()
    intents = [(one.at_s, read_intent(one.value)) for one in seen if one.topic == topics.actions]
    asked = next(((at_s, one) for at_s, one in intents if one.mode == "suggest"), None)
    if asked is None:
        return course
    course.asked_s, first = asked
    course.intents = [one for _, one in intents if one.incident_id == first.incident_id]
    for one in seen:
        if one.topic == topics.response and one.key == f"approval/{first.key}":
            course.told_s = one.at_s if course.told_s is None else course.told_s
            course.requests.append(read_approval(one.value))
        elif one.topic == topics.outcomes:
            outcome = read_outcome(one.value)
            course.outcomes += [outcome] if outcome.incident_id == first.incident_id else []
        elif one.topic == topics.audit:
            entry = read_audit(one.value)
            course.audit += [entry] if entry.subject == first.key else []
        elif one.topic == topics.incidents and one.key == first.incident_id:
            course.incident = read_incident(one.value)
    return course


def checks_of(course: Course) -> tuple[Check, ...]:
    """The observations with their bars. Pure."""
    incident = course.incident
    told_after_s = None if course.told_s is None or course.asked_s is None else course.told_s - course.asked_s
    given = course.requests[-1].given if course.requests else ()
    ran = [one for one in course.outcomes if one.kind == "throttle" and one.status == "executed" and not one.undo]
    limited = [one for one in course.changes if one.target == TARGET and one.after == "0.3"]
    lifted = [one for one in course.changes if one.target == TARGET and one.after == "1"]
    told = [
        "end" if one.undo else "opening"
        for one in course.outcomes if one.kind == "notify" and one.status == "executed"
    ]
    return (
        at_most("asked_after_s", told_after_s, TOLD_WITHIN_S),
        equal("approved_by", sorted(f"{one.by} by {one.via}" for one in given),
              sorted([f"{BY_KEY} by cli", f"{BY_TOKEN} by http"])),
        equal("cli_exit_code", course.cli, 0), equal("http_status", course.http, 202),
        equal("request", course.requests[-1].state if course.requests else None, "released"),
        includes("in_the_audit", [one.event for one in course.audit], "approved"),
        equal("ran", len(ran), 1), equal("set_at_the_gateway", len(limited), 1),
        equal("remedy", incident.remedies[0].state if incident is not None and incident.remedies else None,
              "recovered"),
        equal("incident", None if incident is None else incident.state, "resolved"),
        equal("undone_at_the_gateway", len(lifted), 1),
        equal("told_of", told, ["opening", "end"]),
    )


def _latency(gateway: Gateway) -> Latency:
    """One replica is slow from the end of the history on, until its traffic is limited."""
    limited = gateway.throttles[TARGET] < 1.0
    onset_s = HISTORY_S + HEALTHY_FOR_S
    return lambda at_s, name: SLOW_MS if name == SICK and at_s >= onset_s and not limited else HEALTHY_MS


def _request(here: ProcessInstallation) -> ApprovalRequest | None:
    """The first request that waits."""
    found = (read_approval(one.value) for one in here.seen if one.topic == here.topics.response)
    return next((one for one in found if one.state == "requested"), None)


def _is_over(course: Course) -> bool:
    """Whether the incident is resolved, its remedy is taken back, and its end is told."""
    ended = {one.kind for one in course.outcomes if one.undo and one.status == "executed"}
    return course.incident is not None and course.incident.state == "resolved" and {"throttle", "notify"} <= ended
