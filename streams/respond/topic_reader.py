"""From the records of the topics to the desk: requests, intents, incidents, and what people decided.

A record that cannot be read, or whose signature does not count, is skipped: the control consumer of the shards audits
the refusal. Guarantee on duplicate: the desk takes a record twice without effect. Memory: that of the desk, and where
each request stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import get_args

import structlog

from actions.approvals.desk import Desk
from actions.approvals.request import ApprovalRequest
from actions.ledger.log_value import follow_in_force
from actions.ledger.view import LedgerView
from actions.trust.approvals import ApprovalCheck
from classifiers.by_hand import ForApprovals
from classifiers.model import Incident
from config.models import Config
from streams.contracts.envelopes import read_approval, read_incident, read_intent, shard_of
from streams.contracts.people.records import is_by_hand, verify_by_hand
from streams.intake.kafka_record import ConsumerRecord

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.respond")


class TopicReader:
    """Processes the records of a broadcast consumer. check: whose records count. told: called when there is news.
    now_s: the clock of deadlines.
    """

    def __init__(
        self, config: Config, desk: Desk, check: ApprovalCheck, told: Callable[[], None],
        now_s: Callable[[], float],
    ) -> None:
        self._config = config
        self._desk = desk
        self._check = check
        self._told = told
        self._now_s = now_s
        self.on_request: Callable[[ApprovalRequest], None] = lambda _: None
        self.on_incident: Callable[[Incident], None] = lambda _: None
        self._partition_of: dict[str, int] = {}
        self.in_force = LedgerView()
        topics = config.topics
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
        name = (record.key or b"").decode(errors="replace")
        if not name.startswith("approval/"):
            return
        key = name.removeprefix("approval/")
        if record.value is None:
            self._desk.forget(key)
            self._partition_of.pop(key, None)
            return
        request = read_approval(record.value)
        self._partition_of.setdefault(request.key, record.partition)
        self._desk.record(request)
        self.on_request(request)

    def _read_intent(self, record: ConsumerRecord) -> None:
        self._desk.add_intent(read_intent(record.value), shard_of(record.headers))

    def _read_incident(self, record: ConsumerRecord) -> None:
        if record.value is not None:
            incident = read_incident(record.value)
            self._desk.add_incident(incident, self._now_s())
            self.on_incident(incident)

    def _read_ledger(self, record: ConsumerRecord) -> None:
        if record.value is not None:
            follow_in_force(self.in_force, record.value)

    def _read_control(self, record: ConsumerRecord) -> None:
        if not is_by_hand(record, self._check.ring):
            return
        directive = verify_by_hand(
            record, self._config.topics.control, self._check.source, self._check.ring, self._config.control.max_skew_s,
        )
        if isinstance(directive, get_args(ForApprovals)):
            self._desk.add_by_hand(directive, record.timestamp / 1000.0)
