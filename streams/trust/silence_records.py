"""Which control records of silences count, by the rules of the shards: those of a key that may sign them, and those of
people who may silence the service. Records are read in the order of the topic, so an end comes after its silence.
"""

from __future__ import annotations

from actions.bounded import remember
from actions.trust.keys import KeyRing
from classifiers.directives import Expire, Silence
from config.models import Config
from config.trust.build import directory_of, ring_of
from streams.contracts.control_records import ControlRecordError, verify
from streams.contracts.envelopes import source_of
from streams.contracts.people.records import is_by_hand, verify_by_hand
from streams.intake.kafka_record import KafkaRecord
from streams.trust.rights import Rights, within_limits

MAX_KEPT = 2_000
"""Silences whose end is judged by the right to silence their service; the oldest leave first."""


class SilenceRecords:
    """Reads them by the keys and roles of a configuration."""

    def __init__(self, config: Config) -> None:
        self._control = config.control
        self._topic = config.topics.control
        self._source = source_of(config.kafka.group)
        self._ring: KeyRing = ring_of(config.people, config.signing)
        self._silences: dict[str, Silence] = {}
        self._rights = Rights(
            directory_of(config.people, config.owners_of, config.respond.vendor_roles),
            any(rule.owners for rule in config.services), self._silences.get, lambda _: None,
        )

    def read(self, record: KafkaRecord) -> Silence | Expire | None:
        """A silence, or what ends one; None for another record, and for one that does not count."""
        try:
            found = self._counting(record)
        except (ControlRecordError, KeyError):
            return None
        if isinstance(found, Silence):
            remember(self._silences, found.id, found, MAX_KEPT)
        return found

    def _counting(self, record: KafkaRecord) -> Silence | Expire | None:
        if not is_by_hand(record, self._ring):
            directive: object = verify(record, self._control).directive
            return directive if isinstance(directive, Silence | Expire) else None
        skew_s = self._control.max_skew_s
        by_hand = within_limits(verify_by_hand(record, self._topic, self._source, self._ring, skew_s), self._control)
        if not isinstance(by_hand, Silence | Expire):
            return None
        self._rights.judge(by_hand)
        return by_hand
