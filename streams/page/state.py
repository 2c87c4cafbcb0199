"""What the page knows: the records of the topics, folded by incident, request and target. Pure.

Memory is bounded: `MAX_INCIDENTS` incidents with `MAX_STEPS` entries of each kind, `MAX_REQUESTS` requests; the oldest
leave first, resolved incidents before open ones. Crash: everything is read again from the topics. Duplicate: a record
that says nothing new changes nothing, so an incident that is told again every minute is no change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from actions.approvals.request import ApprovalRequest
from actions.bounded import remember
from actions.channels.notification import Notification
from actions.escalation.record import Escalation
from actions.ledger.log_value import follow_in_force
from actions.ledger.view import LedgerView
from actions.model import Intent, Outcome
from actions.outbox.waiting_texts import WaitingTexts
from actions.remedies.notices import NOTICE
from actions.reviews.record import ActionItem, Review
from actions.reviews.records import ReviewRecords
from classifiers.directives import Expire, Silence
from classifiers.model import AuditEntry, Incident
from classifiers.series_windows import IncidentSeries, ServiceSeries, ShardReport
from classifiers.silences import MaintenanceWindow
from streams.page.change_log import ChangeLog
from streams.page.series_state import SeriesState
from streams.page.silences import KnownSilences
from streams.page.waiting_texts import MAX_NOTIFICATIONS

MAX_INCIDENTS = 10_000
MAX_REQUESTS = 5_000
MAX_STEPS = 200
MAX_OUTCOMES = 20
"""Of one decision. An undo that fails is reported each minute."""
V = TypeVar("V")


class PageState:
    """in_force: remedies and the storm brake. series: windows to be drawn. texts: those that wait for a person.
    reviews: of incidents, with their action items. silences: those of control records, and maintenance windows.
    changes: what viewers have not seen yet. newest_s: date of the newest record, None before the first.
    """

    def __init__(self, max_incidents: int = MAX_INCIDENTS, max_requests: int = MAX_REQUESTS) -> None:
        self.in_force = LedgerView()
        self.series = SeriesState()
        self.texts = WaitingTexts(MAX_NOTIFICATIONS)
        self.reviews = ReviewRecords()
        self.silences = KnownSilences()
        self.changes = ChangeLog()
        self.newest_s: float | None = None
        self._max_incidents = max_incidents
        self._max_requests = max_requests
        self._ticks: dict[int, float] = {}
        self._incidents: dict[str, Incident] = {}
        self._requests: dict[str, ApprovalRequest] = {}
        self._request_keys: dict[str, dict[str, None]] = {}
        self._escalations: dict[str, Escalation] = {}
        self._intents: dict[str, dict[str, Intent]] = {}
        self._outcomes: dict[str, dict[str, Outcome]] = {}
        self._notifications: dict[str, dict[str, Notification]] = {}
        self._audit: dict[str, dict[str, AuditEntry]] = {}

    def configure(self, windows: Iterable[MaintenanceWindow]) -> None:
        """These are the maintenance windows from now on; an incident that is silenced is shown with when that ends."""
        self.silences.configure(windows)
        for one in self._incidents.values():
            if one.silenced_by is not None:
                self.changes.note("incident", one.id)

    # What is read

    def heard(self, dated_s: float) -> None:
        """A record of this date was read."""
        self.newest_s = dated_s if self.newest_s is None else max(self.newest_s, dated_s)

    def add_tick(self, shard: int, dated_s: float) -> None:
        """The owner of a shard wrote a tick: it watches."""
        self._ticks[shard] = dated_s

    def add_incident(self, incident: Incident) -> None:
        """An incident as told."""
        if self._incidents.get(incident.id) == incident:
            return
        self._incidents.pop(incident.id, None)
        self._incidents[incident.id] = incident
        while len(self._incidents) > self._max_incidents:
            self._drop_oldest()
        self.changes.note("incident", incident.id)

    def add_request(self, request: ApprovalRequest) -> None:
        """A request as it stands. Of two with one version the first counts."""
        known = self._requests.get(request.key)
        if known is None or request.version > known.version:
            remember(self._requests, request.key, request, self._max_requests)
            self._request_keys.setdefault(request.intent.incident_id, {})[request.key] = None
            self.changes.note("approval", request.key)
            self._changed(request.intent.incident_id)

    def forget_request(self, key: str) -> None:
        """The log has no request of this key any more."""
        if self._requests.pop(key, None) is not None:
            self.changes.note("approval", key)

    def add_escalation(self, escalation: Escalation) -> None:
        """An escalation as it stands."""
        known = self._escalations.get(escalation.incident_id)
        if known is None or escalation.version > known.version:
            remember(self._escalations, escalation.incident_id, escalation, self._max_incidents)
            self._changed(escalation.incident_id)

    def add_intent(self, intent: Intent) -> None:
        """A decision to act."""
        self._add(self._intents, intent.incident_id, intent.key, intent)

    def add_outcome(self, outcome: Outcome) -> None:
        """A result of a decision. Each is kept, since an action may fail before it runs, and what is in force changes:
        the first one and the last, `MAX_OUTCOMES` in all."""
        notice, at_s = outcome.data.get(NOTICE, ""), outcome.data.get("changed_at_s", outcome.done_at_s)
        self._add(self._outcomes, outcome.incident_id, f"{outcome.key}/{outcome.status}/{notice}/{at_s}", outcome)
        known = self._outcomes[outcome.incident_id]
        same = [name for name, one in known.items() if one.key == outcome.key]
        if len(same) > MAX_OUTCOMES:
            del known[same[1]]

    def add_notification(self, one: Notification) -> None:
        """A notification, as far as its delivery is. One that is not about an incident is not shown."""
        known = self._notifications.get(one.message.incident_id, {}).get(one.id)
        if known is None or one.version > known.version:
            self._add(self._notifications, one.message.incident_id, one.id, one)
            self._texts_changed(self.texts.record(one))

    def forget_notification(self, name: str) -> None:
        """The log has no notification of this id any more. What was told of an incident stays shown."""
        self._texts_changed(self.texts.forget(name))

    def add_review(self, one: Review) -> None:
        """The review of an incident as it stands."""
        if self.reviews.add_review(one):
            self._changed(one.incident_id)

    def add_item(self, one: ActionItem) -> None:
        """An action item as it stands."""
        if self.reviews.add_item(one):
            self.changes.note("item", one.id)
            self._changed(one.incident_id)

    def add_audit(self, entry: AuditEntry) -> None:
        """An entry of the audit."""
        key = f"{entry.at_s:.6f}/{entry.event}/{entry.after}/{entry.actor}/{entry.reason}"
        if key not in self._audit.get(entry.subject, {}):
            self._add(self._audit, entry.subject, key, entry)

    def add_silence(self, directive: Silence | Expire) -> None:
        """A silence, or what ended one before its time."""
        if self.silences.add(directive):
            self.changes.note("force", "")

    def add_in_force(self, value: bytes) -> None:
        """A record of the ledger. Raises `ValueError`."""
        follow_in_force(self.in_force, value)
        self.changes.note("force", "")

    def add_incident_series(self, told: IncidentSeries) -> None:
        """Windows of an incident."""
        self.series.add_incident_series(told)
        self.changes.note("series", f"incident/{told.incident_id}")

    def add_service_series(self, told: ServiceSeries) -> None:
        """The newest windows of a service."""
        self.series.add_service_series(told)
        self.changes.note("series", f"service/{told.service}/{told.model or ''}")

    def add_shard_report(self, told: ShardReport) -> None:
        """How a shard is, as its owner says."""
        self.series.add_shard_report(told)
        self.changes.note("series", f"shard/{told.shard}")

    # What is asked

    @property
    def ticks(self) -> Mapping[int, float]:
        """When the owner of each shard last wrote a tick, seconds since the epoch."""
        return self._ticks

    def incidents(self) -> list[Incident]:
        """All known incidents, the one that changed last at the end."""
        return list(self._incidents.values())

    def incident(self, incident_id: str) -> Incident | None:
        """An incident as last told."""
        return self._incidents.get(incident_id)

    def requests(self) -> list[ApprovalRequest]:
        """All known requests."""
        return list(self._requests.values())

    def requests_of(self, incident_id: str) -> list[ApprovalRequest]:
        """The requests for an incident."""
        keys = self._request_keys.get(incident_id, {})
        return [self._requests[key] for key in keys if key in self._requests]

    def request(self, key: str) -> ApprovalRequest | None:
        """A request as it stands."""
        return self._requests.get(key)

    def escalation(self, incident_id: str) -> Escalation | None:
        """The escalation of an incident."""
        return self._escalations.get(incident_id)

    def intents(self, incident_id: str) -> list[Intent]:
        """The decisions for an incident, in the order in which they were read."""
        return list(self._intents.get(incident_id, {}).values())

    def outcomes(self, incident_id: str) -> list[Outcome]:
        """The results for an incident, in the order in which they were read."""
        return list(self._outcomes.get(incident_id, {}).values())

    def notifications(self, incident_id: str) -> list[Notification]:
        """What was told of an incident."""
        return list(self._notifications.get(incident_id, {}).values())

    def all_notifications(self) -> Iterator[Notification]:
        """All known notifications."""
        for by_id in self._notifications.values():
            yield from by_id.values()

    def escalations(self) -> list[Escalation]:
        """All known escalations."""
        return list(self._escalations.values())

    def audit(self, subject: str) -> Iterator[AuditEntry]:
        """The audit of an incident, an intent or a request."""
        yield from self._audit.get(subject, {}).values()

    def _add(self, by_subject: dict[str, dict[str, V]], subject: str, key: str, value: V) -> None:
        known = by_subject.pop(subject, {})
        if known.get(key) == value:
            by_subject[subject] = known
            return
        remember(known, key, value, MAX_STEPS)
        remember(by_subject, subject, known, self._max_incidents)
        self._changed(subject)

    def _texts_changed(self, digests: Iterable[str]) -> None:
        for digest in digests:
            self.changes.note("text", digest)

    def _changed(self, incident_id: str) -> None:
        if incident_id in self._incidents:
            self.changes.note("incident", incident_id)

    def _drop_oldest(self) -> None:
        resolved = (one.id for one in self._incidents.values() if one.state == "resolved")
        dropped = next(resolved, None) or next(iter(self._incidents))
        for known in (
            self._incidents, self._request_keys, self._intents, self._outcomes, self._notifications, self._audit,
            self._escalations,
        ):
            known.pop(dropped, None)
        self.series.forget_incident(dropped)
