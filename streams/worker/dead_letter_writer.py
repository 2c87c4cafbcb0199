"""The writer of dead letters: each rejected record goes to the dead-letter topic with the reason, and is counted."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from faust.types import TP

from streams.contracts.envelopes import Message
from streams.intake.dead_letters import DeadLetter, headers
from streams.intake.kafka_record import KafkaRecord
from streams.kafka.output import Output
from streams.telemetry.metrics import Telemetry

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.dead_letter_writer")

MAX_VALUE_BYTES = 900_000
"""The longest value that is kept whole. An input topic may allow longer records than the dead-letter topic does."""


class DeadLetterWriter:
    """Writes to `topic`. Guarantee: a dead letter is acknowledged before the offset of its record is committed."""

    def __init__(self, topic: str, telemetry: Telemetry) -> None:
        self._topic = topic
        self._telemetry = telemetry

    async def write(self, output: Output, tp: TP, dead: Sequence[DeadLetter]) -> None:
        """Publish and count the dead letters of a partition, in order."""
        for letter in dead:
            self._telemetry.dead_letter(letter.reason, letter.rejected)
        await output.send(self._topic, [_message(letter, tp) for letter in dead])

    async def reject(self, output: Output, tp: TP, record: KafkaRecord, reason: str) -> None:
        """Publish a record of one of our own topics that breaks its contract."""
        log.warning("record_rejected", topic=tp.topic, partition=tp.partition, offset=record.offset, reason=reason)
        await self.write(output, tp, [DeadLetter("invalid", reason, 1, record)])


def _message(dead: DeadLetter, tp: TP) -> Message:
    """The record with the reason in its headers. A value that is too long is cut, and a header gives its length."""
    key, value, found = dead.record.key, dead.record.value, tuple(headers(dead, tp.topic, tp.partition))
    if value is None or len(value) <= MAX_VALUE_BYTES:
        return Message(key, value, found)
    cut = ("tocsin-cut-from-bytes", str(len(value)).encode())
    return Message(key, value[:MAX_VALUE_BYTES], (*found, cut))
