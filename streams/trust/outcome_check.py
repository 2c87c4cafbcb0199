"""Which outcomes do not count: those that no key of the role that reports them signed.

The check is at the rim, by the keys of today. The shard then treats a refused outcome as one that was never there, and
its next tick names the offset. So whoever repeats the tick, or replays recorded topics, comes to the same without keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from actions.model import Outcome
from actions.trust.keys import FaultReason, SignatureError
from classifiers.model import AuditEntry
from streams.contracts.envelopes import WireError, read_outcome
from streams.intake.kafka_record import KafkaRecord
from streams.trust.authenticity import Authenticity
from streams.trust.refused_records import RefusedRecords, place_of


class OutcomeCheck:
    """The check of one process. topic: of the outcomes. count: called with the reason of each outcome that does not
    count. mono_s: monotonic seconds."""

    def __init__(
        self, topic: str, authenticity: Authenticity, count: Callable[[FaultReason], None],
        mono_s: Callable[[], float],
    ) -> None:
        self._topic = topic
        self._authenticity = authenticity
        self._count = count
        self._refusals = RefusedRecords(mono_s)

    def refused(self, partition: int, records: Sequence[KafkaRecord]) -> Mapping[int, AuditEntry | None]:
        """The offsets of outcomes that do not count, each with its audit entry, None beyond the quota.

        About 100 us a record; nothing is refused while there are no keys.
        """
        found: dict[int, AuditEntry | None] = {}
        for record in records if self._authenticity.has_keys else ():
            outcome = _readable(record)
            try:
                self._authenticity.check_outcome(self._topic, record, None if outcome is None else outcome.status)
            except SignatureError as error:
                self._count(error.reason)
                place = place_of(self._topic, partition, record.offset)
                claimed = "an outcome that cannot be read" if outcome is None else outcome.key
                found[record.offset] = self._refusals.entry(place, claimed, error, record.timestamp / 1000.0)
        return found


def _readable(record: KafkaRecord) -> Outcome | None:
    try:
        return read_outcome(record.value)
    except WireError:
        return None
