"""Which control records of silences count: those of a key that may sign them, and of people with the role."""

from __future__ import annotations

from actions.trust.keys import KeyRing
from actions.trust.people import Directory
from classifiers.directives import Expire, Silence
from classifiers.incident_silence import service_of
from config.models import Config
from config.trust.build import directory_of, ring_of
from streams.contracts.control_records import ControlRecordError, verify
from streams.contracts.envelopes import source_of
from streams.contracts.people.records import is_by_hand, verify_by_hand
from streams.intake.kafka_record import KafkaRecord


class SilenceRecords:
    """Reads them by the keys and roles of a configuration."""

    def __init__(self, config: Config) -> None:
        self._control = config.control
        self._topic = config.topics.control
        self._source = source_of(config.kafka.group)
        self._ring: KeyRing = ring_of(config.people, config.signing)
        self._directory: Directory = directory_of(config.people, config.owners_of)

    def read(self, record: KafkaRecord) -> Silence | Expire | None:
        """A silence, or what ends one; None for another record, and for one that does not count."""
        try:
            if not is_by_hand(record, self._ring):
                directive: object = verify(record, self._control).directive
                return directive if isinstance(directive, Silence | Expire) else None
            by_hand = verify_by_hand(record, self._topic, self._source, self._ring, self._control.max_skew_s)
        except (ControlRecordError, KeyError):
            return None
        if not isinstance(by_hand, Silence | Expire):
            return None
        service = service_of(by_hand.matchers) if isinstance(by_hand, Silence) else ""
        return by_hand if service is not None and self._directory.may(by_hand.by, "silence", service) else None
