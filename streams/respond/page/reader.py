"""Reads the topics for the page, with a consumer of its own: nothing that decides or notifies waits for it.

A record that cannot be read, or whose signature does not count, is skipped and logged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog

from config.models import Config
from streams.contracts.envelopes import (
    WireError,
    read_approval,
    read_audit,
    read_escalation,
    read_incident,
    read_incident_series,
    read_intent,
    read_notification,
    read_outcome,
    read_service_series,
    read_shard_report,
)
from streams.contracts.people.reviews import read_item, read_review
from streams.intake.kafka_record import ConsumerRecord
from streams.page.state import PageState
from streams.trust.authenticity import Authenticity
from streams.trust.silence_records import SilenceRecords

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.page")

DAY_S = 86_400.0
INCIDENTS_BACK_S = 30 * DAY_S
TICKS_BACK_S = 60.0
ALL_S = 10 * 365 * DAY_S
"""Compacted topics are read from their start."""
REMOVED = (b"approval", b"notification", b"review", b"item")
"""What leaves the page when the log has it no more."""


class PageReader:
    """Processes the records of a broadcast consumer. changed: called after each batch."""

    def __init__(
        self, config: Config, state: PageState, authenticity: Authenticity, changed: Callable[[], None],
    ) -> None:
        self._state = state
        self._authenticity = authenticity
        self._changed = changed
        topics = config.topics
        self.back_s: Mapping[str, float] = {
            topics.incidents: INCIDENTS_BACK_S, topics.response: ALL_S, topics.ledger: ALL_S,
            topics.actions: DAY_S, topics.outcomes: DAY_S, topics.audit: DAY_S,
            topics.ticks: TICKS_BACK_S, topics.series: INCIDENTS_BACK_S, topics.control: INCIDENTS_BACK_S,
        }
        self._readers: Mapping[str, Callable[[ConsumerRecord], None]] = {
            topics.incidents: self._read_incident, topics.response: self._read_response,
            topics.ledger: self._read_ledger, topics.actions: self._read_intent, topics.outcomes: self._read_outcome,
            topics.audit: self._read_audit, topics.ticks: self._read_tick,
            topics.series: self._read_series, topics.control: self._read_control,
        }
        self._responses: Mapping[str, Callable[[bytes | None], None]] = {
            "approval": lambda value: state.add_request(read_approval(value)),
            "escalation": lambda value: state.add_escalation(read_escalation(value)),
            "notification": lambda value: state.add_notification(read_notification(value)),
            "review": lambda value: state.add_review(read_review(value)),
            "item": lambda value: state.add_item(read_item(value)),
        }
        self._removals: Mapping[str, Callable[[str], None]] = {
            "approval": state.forget_request, "notification": state.forget_notification,
            "review": state.reviews.forget_review, "item": state.reviews.forget_item,
        }
        self._silences = SilenceRecords(config)
        self._ticks, self._no_results = topics.ticks, (topics.series, topics.control)

    async def process(self, topic: str, records: Sequence[ConsumerRecord]) -> None:
        """Take records in order. Raises nothing for what they contain."""
        for record in records:
            if record.value is None and (record.key or b"").partition(b"/")[0] not in REMOVED:
                continue
            try:
                self._readers[topic](record)
            except ValueError as error:  # of the contract, the signature or the format of the ledger
                place = f"{record.topic}[{record.partition}]@{record.offset}"
                log.warning("record_skipped", place=place, reason=str(error))
        if records and topic != self._ticks:
            if topic not in self._no_results:
                self._state.heard(records[-1].timestamp / 1000.0)
            self._changed()

    def _read_incident(self, record: ConsumerRecord) -> None:
        incident = read_incident(record.value)
        self._authenticity.check_incident(record.topic, record)
        self._state.add_incident(incident)

    def _read_response(self, record: ConsumerRecord) -> None:
        kind, _, key = (record.key or b"").decode(errors="replace").partition("/")
        if record.value is None:
            self._authenticity.check_removal(record.topic, record)
            self._removals[kind](key)
        elif kind in self._responses:
            self._authenticity.check_response(record.topic, record)
            self._responses[kind](record.value)

    def _read_intent(self, record: ConsumerRecord) -> None:
        intent = read_intent(record.value)
        self._authenticity.check_decided(record.topic, record)
        self._state.add_intent(intent)

    def _read_outcome(self, record: ConsumerRecord) -> None:
        outcome = read_outcome(record.value)
        self._authenticity.check_outcome(record.topic, record, outcome.status)
        self._state.add_outcome(outcome)

    def _read_tick(self, record: ConsumerRecord) -> None:
        self._state.add_tick(record.partition, record.timestamp / 1000.0)

    def _read_series(self, record: ConsumerRecord) -> None:
        self._authenticity.check_series(record.topic, record)
        if (record.key or b"").startswith(b"service/"):
            self._state.add_service_series(read_service_series(record.value))
        elif (record.key or b"").startswith(b"shard/"):
            self._state.add_shard_report(read_shard_report(record.value))
        else:
            self._state.add_incident_series(read_incident_series(record.value))

    def _read_control(self, record: ConsumerRecord) -> None:
        directive = self._silences.read(record)
        if directive is not None:
            self._state.add_silence(directive)

    def _read_audit(self, record: ConsumerRecord) -> None:
        self._state.add_audit(read_audit(record.value))

    def _read_ledger(self, record: ConsumerRecord) -> None:
        if record.value is None:
            raise WireError("a record of the ledger without a value")
        self._state.add_in_force(record.value)
