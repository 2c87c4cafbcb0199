"""The desk: what is known of intents, people's decisions and incidents, and what follows from it for each request.

`changes` compares what is known with the requests as they stand in the log, and returns the changes that are due. The
caller writes each to the log and then calls `record`. So it does not matter in which order the topics are read, nor
whether a record is read twice: the same knowledge gives the same changes. Pure; `now_s` is the wall clock in seconds
since the epoch, made so that it never runs back.

Crash: everything is read again from the topics. Memory: `MAX_KNOWN` intents, and as many decisions and incidents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from actions.approvals.decide import given_decision, next_after
from actions.approvals.machine import ENDED, OPEN, RequestEvent, next_state
from actions.approvals.request import ApprovalRequest, GivenDecision, outcome_of, request_of
from actions.bounded import remember
from actions.model import Intent, Outcome
from actions.trust.approvals import ApprovalCheck
from classifiers.by_hand import ForApprovals
from classifiers.model import AuditEntry, Incident

MAX_KNOWN = 5_000
MAX_INCIDENTS = 20_000
MAX_OPEN = 200
"""Open requests of the whole installation. What is suggested beyond that is void, and its incident says so."""
RELEASE_WITHIN_S = 60.0
"""How long an approved request waits for the shard to write the intent."""
UNOWNED_AFTER_S = 300.0
"""An open incident is told again every minute; after so long without a word nobody owns it."""
FORGET_AFTER_S = 7 * 86_400.0
"""Requests that ended so long ago leave the log."""


Notified = Callable[[ApprovalRequest, GivenDecision, float], bool]
"""Whether others were notified of a decision without approval, or cannot be; it is called until it says so."""


@dataclass(frozen=True, slots=True)
class RequestChange:
    """One change of a request, to be written before it has an effect. outcome: for the shard, None for none."""

    request: ApprovalRequest
    before: str | None
    outcome: Outcome | None
    actor: str | None = None

    @property
    def broken_glass(self) -> GivenDecision | None:
        """The decision without approval that this change comes of, None for any other."""
        if (self.before, self.request.state) != ("requested", "approved"):
            return None
        last = self.request.given[-1]
        return last if last.verb == "break_glass" else None

    @property
    def entry(self) -> AuditEntry:
        """Its entry in the audit."""
        request = self.request
        event: str = "approval" if self.before == request.state else request.state
        if self.broken_glass is not None:
            event = "break_glass"
        return AuditEntry(
            request.changed_at_s, request.key, event, self.before, request.state, request.reason, self.actor,
        )


@dataclass(frozen=True, slots=True)
class _KnownIncident:
    """An incident as last told, and when. An ended one is not told again."""

    incident: Incident
    at_s: float


class Desk:
    """The requests of an installation. check: whose decisions count. digests: of the playbooks in force, by name; None
    where they are not known. notified: about decisions without approval."""

    def __init__(self, check: ApprovalCheck, digests: Mapping[str, str] | None = None) -> None:
        self._check = check
        self.notified: Notified = lambda *_: True
        self.digests = digests
        self._requests: dict[str, ApprovalRequest] = {}
        self._waiting: dict[str, dict[str, None]] = {}
        self._intents: dict[str, tuple[Intent, int | None]] = {}
        self._released: dict[str, None] = {}
        self._by_hand: dict[str, tuple[ForApprovals, float]] = {}
        self._incidents: dict[str, _KnownIncident] = {}
        self._refused: dict[str, None] = {}
        self._sighted_since_s: float | None = None

    # What is read

    def record(self, request: ApprovalRequest) -> None:
        """A request as it stands in the log. An older version than the known one changes nothing."""
        known = self._requests.get(request.key)
        if known is None or request.version > known.version:
            self._requests[request.key] = request
            if request.state == "requested":
                self._waiting.setdefault(request.intent.incident_id, {})[request.key] = None
            else:
                self._decided(request)

    def forget(self, key: str) -> None:
        """The log has no request of this key any more."""
        known = self._requests.pop(key, None)
        if known is not None:
            self._decided(known)

    def _decided(self, request: ApprovalRequest) -> None:
        waiting = self._waiting.get(request.intent.incident_id, {})
        waiting.pop(request.key, None)
        if not waiting:
            self._waiting.pop(request.intent.incident_id, None)

    def add_intent(self, intent: Intent, shard: int | None) -> None:
        """An intent as decided by a shard, in the order of its topic."""
        if intent.undo:
            return
        if intent.mode == "auto":
            remember(self._released, intent.key, None, MAX_KNOWN)
        else:
            remember(self._intents, intent.key, (intent, shard), MAX_KNOWN)

    def add_by_hand(self, directive: ForApprovals, dated_s: float) -> None:
        """A verified directive of a person, dated by the broker; one that comes before its request is kept."""
        if directive.id not in self._by_hand:
            remember(self._by_hand, directive.id, (directive, dated_s), MAX_KNOWN)

    def add_incident(self, incident: Incident, told_s: float) -> None:
        """An incident as told. told_s: when it was read; what is read before `sighted` is as old as that."""
        remember(self._incidents, incident.id, _KnownIncident(incident, told_s), MAX_INCIDENTS)

    def sighted(self, now_s: float) -> None:
        """Incidents are read up to their end now. Only then does silence about one mean anything."""
        if self._sighted_since_s is None:
            self._sighted_since_s = now_s

    def blind(self) -> None:
        """Incidents are not read: silence about one means nothing."""
        self._sighted_since_s = None

    # What is asked

    @property
    def requests(self) -> Mapping[str, ApprovalRequest]:
        """All requests that the log has, by key."""
        return self._requests

    def waiting(self, incident_id: str) -> list[ApprovalRequest]:
        """The requests of an incident that wait for people."""
        return [self._requests[key] for key in self._waiting.get(incident_id, ())]

    def incident(self, incident_id: str) -> Incident | None:
        """An incident as last told."""
        seen = self._incidents.get(incident_id)
        return None if seen is None else seen.incident

    def incidents(self) -> list[Incident]:
        """All known incidents as last told."""
        return [seen.incident for seen in self._incidents.values()]

    # What follows

    def changes(self, now_s: float, mine: Callable[[str, str], bool]) -> Iterator[RequestChange]:
        """The changes that are due, of the requests for which `mine` (key, incident) is true.

        Each is based on what was recorded before it, so record one before the next is taken. A change of another
        owner's request is never returned.
        """
        for key, (intent, shard) in list(self._intents.items()):
            if mine(key, intent.incident_id):
                yield from self._asked(intent, shard, now_s)
        for request in list(self._requests.values()):
            if request.state in OPEN and mine(request.key, request.intent.incident_id):
                change = self._due(request, now_s)
                if change is not None:
                    yield change

    def refused(self, mine: Callable[[str, str], bool]) -> list[AuditEntry]:
        """An entry of the audit for each decision that does not count, each once."""
        found: list[AuditEntry] = []
        for directive, dated_s in self._by_hand.values():
            request = self._requests.get(directive.intent_key)
            if request is None or directive.id in self._refused or not mine(request.key, request.intent.incident_id):
                continue
            if any(each.id == directive.id for each in request.given):
                continue
            reason = given_decision(request, directive, dated_s, self._check)
            if not isinstance(reason, str) and request.state not in OPEN:
                reason = f"the request was {request.state} before"
            if isinstance(reason, str):
                remember(self._refused, directive.id, None, MAX_KNOWN)
                found.append(AuditEntry(dated_s, directive.id, "refused", None, "refused", reason, directive.by))
        return found

    def finished(self, now_s: float) -> list[ApprovalRequest]:
        """Requests that ended so long ago that the log need not keep them."""
        return [
            request for request in self._requests.values()
            if request.state in ENDED and now_s - request.changed_at_s > FORGET_AFTER_S
        ]

    def _asked(self, intent: Intent, shard: int | None, now_s: float) -> Iterator[RequestChange]:
        """What an intent that waits for people does to the request of its key."""
        known = self._requests.get(intent.key)
        if known is not None and _same_terms(known, intent):
            return
        if known is not None and known.state in OPEN:
            change = _changed(known, "void", "the terms of the step were changed", now_s)
            yield change
            known = self._requests.get(intent.key, change.request)
        if intent.mode != "suggest" or (known is not None and known.state == "released"):
            return
        if now_s - intent.decided_at_s > FORGET_AFTER_S:
            return
        request = request_of(intent, shard, 1 if known is None else known.version + 1, now_s)
        if sum(each.state in OPEN for each in self._requests.values()) >= MAX_OPEN:
            request = replace(request, state="void", reason=f"{MAX_OPEN} requests are open, expected fewer")
        yield RequestChange(request, None if known is None else known.state, outcome_of(request))

    def _due(self, request: ApprovalRequest, now_s: float) -> RequestChange | None:
        if request.state == "approved":
            if request.key in self._released:
                return _changed(request, "release", "its conditions still held after the approval, so it runs", now_s)
            if now_s - request.changed_at_s >= RELEASE_WITHIN_S:
                within = f"within {RELEASE_WITHIN_S:g} s of the approval"
                reason = f"it did not run {within}: its conditions no longer held, or nobody judged them"
                return _changed(request, "expire", reason, now_s)
            return None
        void = self._why_void(request, now_s)
        if void is not None:
            return _changed(request, "void", void, now_s)
        is_held = False
        for given in self._given(request):
            if given.verb != "break_glass" or self.notified(request, given, now_s):
                return _decided(request, given, now_s)
            is_held = True
        if now_s >= request.expires_at_s and not is_held:
            asked_s = request.terms.expires_after_s
            return _changed(request, "expire", f"nobody decided within {asked_s:g} s", now_s)
        return None

    def _given(self, request: ApprovalRequest) -> Iterator[GivenDecision]:
        """The decisions of people that count for a request and are not in it."""
        for directive, dated_s in self._by_hand.values():
            if directive.intent_key == request.key and dated_s <= request.expires_at_s:
                given = given_decision(request, directive, dated_s, self._check)
                if not isinstance(given, str):
                    yield given

    def _why_void(self, request: ApprovalRequest, now_s: float) -> str | None:
        book = request.intent.playbook
        if self.digests is not None and book is not None and self.digests.get(book) != request.intent.digest:
            return f"the playbook {book} was changed since"
        seen = self._incidents.get(request.intent.incident_id)
        if seen is not None:
            incident = seen.incident
            if incident.state == "resolved":
                return "its incident is resolved"
            if incident.silenced_by is not None:
                return f"its incident is silenced by {incident.silenced_by}"
            causes = [each.id for each in incident.related if each.relation == "caused_by"]
            if causes:
                return f"its incident is inhibited by {causes[0]}"
        if self._sighted_since_s is None:
            return None
        heard_s = max(self._sighted_since_s, request.intent.decided_at_s if seen is None else seen.at_s)
        if now_s - heard_s >= UNOWNED_AFTER_S:
            return f"no owner has told of its incident for {now_s - heard_s:.0f} s"
        return None


def _decided(request: ApprovalRequest, given: GivenDecision, now_s: float) -> RequestChange:
    decided, event, reason = next_after(request, given)
    return _changed(decided, event, reason, now_s, given.by)


def _changed(
    request: ApprovalRequest, event: RequestEvent, reason: str, now_s: float, actor: str | None = None,
) -> RequestChange:
    state = next_state(request.state, event)
    assert state is not None
    changed = replace(request, state=state, reason=reason, version=request.version + 1, changed_at_s=now_s)
    return RequestChange(changed, request.state, outcome_of(changed), actor)


def _same_terms(request: ApprovalRequest, intent: Intent) -> bool:
    return (request.intent.mode, request.intent.digest) == (intent.mode, intent.digest)
