"""From the records of the topics to the desk: requests, intents, incidents, and what people decided.

A record that cannot be read, or whose signature does not count, is skipped and logged. Where there are keys, incidents
and intents count only with a signature of the role worker; requests, escalations, notifications and reviews, and what
removes them, with one of the role respond. What is ignored for that is counted. What people wrote is audited by the
control consumer of the shards. Guarantee on duplicate: the desk takes a record twice without effect. Memory: that of
the desk, and where each request stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import get_args

import structlog

from actions.approvals.desk import Desk
from actions.approvals.request import ApprovalRequest
from actions.channels.notification import Notification
from actions.escalation.desk import EscalationDesk
from actions.ledger.log_value import follow_in_force
from actions.ledger.view import LedgerView
from actions.reviews.desk import ReviewDesk
from actions.reviews.record import Review
from actions.trust.approvals import ApprovalCheck
from actions.trust.keys import FaultReason, SignatureError
from actions.trust.roles import may_not
from classifiers.by_hand import OVERRIDE_AHEAD_S, ForApprovals, ForEscalations, ForReviews, ForSchedules, ForTexts
from classifiers.directives import Acknowledge
from classifiers.model import Incident
from config.models import Config
from streams.contracts.control_records import ControlRecordError, at_most, verify
from streams.contracts.envelopes import (
    read_approval,
    read_escalation,
    read_incident,
    read_intent,
    read_notification,
    shard_of,
)
from streams.contracts.people.records import ACKNOWLEDGEMENT, is_by_hand, verify_by_hand
from streams.contracts.people.reviews import read_item, read_review
from streams.intake.kafka_record import ConsumerRecord
from streams.telemetry.respond_metrics import SignedRecordKind
from streams.trust.authenticity import Authenticity
from streams.trust.incident_check import IncidentCheck

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.respond")

ALL_S = 10 * 365 * 86_400.0
"""Compacted topics are read from their start."""
DAY_S = 86_400.0
"""How far back intents are read: longer than any request lives."""
CONTROL_BACK_S = OVERRIDE_AHEAD_S + DAY_S
"""How far back overrides of schedules are read: as long as one may be in force."""
INCIDENTS_BACK_S = 6 * 3600.0
"""An open incident is told again every minute while its shard is owned. What ended while this role was down for so
long is known to have ended."""
DECISIONS_BACK_S = 86_400.0
"""How far back decisions about requests and escalations count: longer than any request lives. Overrides count for as
long as read."""
RELEASES_BACK_S = 7 * 86_400.0
"""How far back decisions about texts count. They are applied within a second, so this is for a long outage."""


class TopicReader:
    """Processes the records of a broadcast consumer. check: whose decisions count. authenticity: which records of
    processes count. told: called when there is news. now_s: the clock of deadlines. ignored: called for each record
    whose signature does not count, with the reason. back_s: how far back each topic is to be read.
    """

    def __init__(
        self, config: Config, desk: Desk, check: ApprovalCheck, authenticity: Authenticity,
        told: Callable[[], None], now_s: Callable[[], float],
        ignored: Callable[[SignedRecordKind, FaultReason], None], escalations: EscalationDesk,
        reviews: ReviewDesk,
    ) -> None:
        self._config = config
        self._desk = desk
        self._check = check
        self._authenticity = authenticity
        self._incidents = IncidentCheck(authenticity, now_s)
        self._ignored = ignored
        self._told = told
        self._now_s = now_s
        self._escalations = escalations
        self._reviews = reviews
        self.on_request: Callable[[ApprovalRequest], None] = lambda _: None
        self.on_incident: Callable[[Incident, float], None] = lambda _incident, _dated_s: None
        self.on_notification: Callable[[str, Notification | None, int], None] = lambda _id, _one, _partition: None
        self.on_release: Callable[[ForTexts, float], None] = lambda _release, _dated_s: None
        self._partition_of: dict[str, int] = {}
        self.in_force = LedgerView()
        topics = config.topics
        self.back_s: Mapping[str, float] = {
            topics.response: ALL_S, topics.actions: DAY_S, topics.control: CONTROL_BACK_S,
            topics.incidents: INCIDENTS_BACK_S, topics.ledger: ALL_S,
        }
        self._readers: dict[str, Callable[[ConsumerRecord], None]] = {
            topics.response: self._read_response, topics.actions: self._read_intent,
            topics.incidents: self._read_incident, topics.control: self._read_control,
            topics.ledger: self._read_ledger,
        }

    def partition_of(self, key: str) -> int | None:
        """The partition in which a request stands; None for one that the log has not."""
        return self._partition_of.get(key)

    async def process(self, topic: str, records: Sequence[ConsumerRecord]) -> None:
        """Take records in order. Raises nothing for what they contain."""
        for record in records:
            try:
                self._readers[topic](record)
            except ValueError as error:  # of the contract, the signature or the format of the ledger
                place = f"{record.topic}[{record.partition}]@{record.offset}"
                log.warning("record_skipped", place=place, reason=str(error))
        self._told()

    def _read_response(self, record: ConsumerRecord) -> None:
        kind, _, key = (record.key or b"").decode(errors="replace").partition("/")
        if kind == "approval":
            self._read_approval(key, record)
        elif kind == "escalation":
            self._read_escalation(key, record)
        elif kind == "notification":
            self._read_notification(key, record)
        elif kind in ("review", "item"):
            self._read_review(kind, key, record)

    def _read_approval(self, key: str, record: ConsumerRecord) -> None:
        if record.value is None:
            self._verify("request", self._authenticity.check_removal, record)
            self._desk.forget(key)
            self._partition_of.pop(key, None)
            return
        request = read_approval(record.value)
        self._verify("request", self._authenticity.check_response, record)
        self._partition_of.setdefault(request.key, record.partition)
        self._desk.record(request)
        self.on_request(request)

    def _read_notification(self, key: str, record: ConsumerRecord) -> None:
        one = None if record.value is None else read_notification(record.value)
        check = self._authenticity.check_removal if one is None else self._authenticity.check_response
        self._verify("notification", check, record)
        self.on_notification(key, one, record.partition)

    def _read_review(self, kind: str, key: str, record: ConsumerRecord) -> None:
        """A review, or an action item of one."""
        records, subject = self._reviews.records, f"{kind}/{key}"
        if record.value is None:
            self._verify("review", self._authenticity.check_removal, record)
            (records.forget_review if kind == "review" else records.forget_item)(key)
            self._partition_of.pop(subject, None)
            return
        one = read_review(record.value) if kind == "review" else read_item(record.value)
        self._verify("review", self._authenticity.check_response, record)
        self._partition_of.setdefault(subject, record.partition)
        if isinstance(one, Review):
            records.add_review(one)
        else:
            records.add_item(one)

    def _read_escalation(self, incident_id: str, record: ConsumerRecord) -> None:
        if record.value is None:
            self._verify("escalation", self._authenticity.check_removal, record)
            self._escalations.forget(incident_id)
            self._partition_of.pop(f"escalation/{incident_id}", None)
            return
        escalation = read_escalation(record.value)
        self._verify("escalation", self._authenticity.check_response, record)
        self._partition_of.setdefault(escalation.subject, record.partition)
        self._escalations.record(escalation)

    def _read_intent(self, record: ConsumerRecord) -> None:
        intent = read_intent(record.value)
        self._verify("intent", self._authenticity.check_decided, record)
        self._desk.add_intent(intent, shard_of(record.headers))

    def _read_incident(self, record: ConsumerRecord) -> None:
        if record.value is not None:
            incident = read_incident(record.value)
            self._verify("incident", partial(self._incidents.check, incident_id=incident.id), record)
            self._desk.add_incident(incident, self._now_s())
            dated_s = record.timestamp / 1000.0
            self._escalations.add_incident(incident, self._now_s(), dated_s)
            self._reviews.add_incident(incident)
            self.on_incident(incident, dated_s)

    def _read_ledger(self, record: ConsumerRecord) -> None:
        if record.value is not None:
            follow_in_force(self.in_force, record.value)

    def _read_control(self, record: ConsumerRecord) -> None:
        control = self._config.control
        if not is_by_hand(record, self._check.ring):
            if dict(record.headers).get("ce_type") == ACKNOWLEDGEMENT:
                given = verify(record, control).directive
                assert isinstance(given, Acknowledge)
                self._escalations.add_acknowledgement(given, is_personal=False)
            return
        directive = verify_by_hand(
            record, self._config.topics.control, self._check.source, self._check.ring, control.max_skew_s,
        )
        dated_s = record.timestamp / 1000.0
        if isinstance(directive, ForSchedules):
            if not self._check.directory.may_anywhere(directive.by, "override"):
                raise ControlRecordError("not_allowed", may_not(directive.by, "override"))
            self._escalations.add_override(directive)
        elif isinstance(directive, get_args(ForReviews)):
            if not self._check.directory.may_anywhere(directive.by, "review"):
                raise ControlRecordError("not_allowed", may_not(directive.by, "review"))
            self._reviews.add(directive)
        elif isinstance(directive, Acknowledge):
            self._escalations.add_acknowledgement(at_most(directive, control), is_personal=True)
        elif isinstance(directive, get_args(ForApprovals)) and self._now_s() - dated_s < DECISIONS_BACK_S:
            self._desk.add_by_hand(directive, dated_s)
        elif isinstance(directive, ForEscalations) and self._now_s() - dated_s < DECISIONS_BACK_S:
            self._escalations.add_by_hand(directive)
        elif isinstance(directive, ForTexts) and self._now_s() - dated_s < RELEASES_BACK_S:
            self.on_release(directive, dated_s)

    def _verify(
        self, kind: SignedRecordKind, check: Callable[[str, ConsumerRecord], None], record: ConsumerRecord,
    ) -> None:
        """Raises `SignatureError`, once it is counted."""
        try:
            check(record.topic, record)
        except SignatureError as error:
            self._ignored(kind, error.reason)
            raise
