"""Dead letters as values: what was wrong with a record, where, and its bytes unchanged. The producer sends them.

The headers follow Kafka Streams (KIP-1034, `ExceptionHandlerUtils`), so that existing tools can read and replay them:
`exception` carries the reason code, `message` the detail; there is no stack trace, as nothing was raised.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from streams.intake.kafka_record import KafkaRecord

Reason = Literal[
    "empty", "too_large", "not_json", "not_protobuf", "not_object", "missing_ts", "ts_type", "ts_wrong_unit",
    "ts_negative", "ts_far_future", "ts_too_old", "missing_service", "label_type", "label_too_long",
    "label_unprintable", "no_metrics", "too_many_metrics", "metric_name", "metric_type", "metric_not_finite",
    "histogram", "invalid",
]

PREFIX = "__streams.errors."


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record of which a part was rejected. record: all of it, also when an array had good elements.

    detail: place, value (shortened) and what was expected, for a human. rejected: number of rejected elements, at least
    1. The other elements of an array were used, so a repaired array must be sent with the rejected elements alone.
    """

    reason: Reason
    detail: str
    rejected: int
    record: KafkaRecord


def headers(dead: DeadLetter, topic: str, partition: int) -> list[tuple[str, bytes]]:
    """The headers to send it with: the original ones without those of an earlier dead letter, then reason and place.

    topic, partition: where the record was read.
    """
    record = dead.record
    kept = [(name, value) for name, value in record.headers or () if not name.startswith(PREFIX)]
    context = {
        "exception": dead.reason,
        "message": dead.detail,
        "topic": topic,
        "partition": str(partition),
        "offset": str(record.offset),
    }
    return kept + [(PREFIX + name, text.encode("utf-8", "replace")) for name, text in context.items()]


class Brake:
    """Trips when more than `max_ratio` of the last `window` records are bad, which points to a fault on our side.

    It never trips below `min_volume` records. Once tripped it stays so; a restarted worker makes a new one. Batches are
    counted whole: the window reaches back over as many batches as hold `window` records.
    """

    def __init__(self, max_ratio: float = 0.5, window: int = 1000, min_volume: int = 100) -> None:
        if not 0.0 < max_ratio <= 1.0 or not 0 < min_volume <= window:
            raise ValueError(
                f"brake: max_ratio {max_ratio}, window {window}, min_volume {min_volume}; "
                "expected 0 < max_ratio <= 1 and 0 < min_volume <= window",
            )
        self.max_ratio = max_ratio
        self.window = window
        self.min_volume = min_volume
        self.reason: str | None = None
        self._batches: deque[tuple[int, int]] = deque()
        self._records = 0
        self._bad = 0

    def observe(self, records: int, dead: Sequence[DeadLetter]) -> str | None:
        """Count a batch of `records`, of which `dead` were bad; returns why the worker must stop, None to go on."""
        if records == 0:
            return self.reason
        self._batches.append((records, len(dead)))
        self._records += records
        self._bad += len(dead)
        while self._records - self._batches[0][0] >= self.window:
            gone, gone_bad = self._batches.popleft()
            self._records -= gone
            self._bad -= gone_bad
        if self.reason is None and self._records >= self.min_volume and self._bad > self.max_ratio * self._records:
            last = f"; the last: {dead[-1].reason}: {dead[-1].detail}" if dead else ""
            self.reason = (
                f"{self._bad} of the last {self._records} records are malformed, "
                f"more than the ratio of {self.max_ratio:g} allowed{last}"
            )
        return self.reason
