"""Writes what people do over HTTP: their control records, signed by this process for them, and refused tries.

A record is dated by the clock of decisions, as what it asks for is: they must agree to within `control.max_skew`.
Where that clock is the wall clock, the broker may date it as well (`message.timestamp.type`); in a demo it runs faster.
Guarantee: what `write` returned for is acknowledged by all replicas. Crash before that: the person gets no answer.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]

from actions.trust.keys import Signer
from classifiers.directives import OfPerson
from classifiers.model import AuditEntry
from config.models import TopicsSection
from streams.contracts.envelopes import Message, audit_message
from streams.contracts.people.records import sign_by_hand
from streams.kafka.bounded_stop import stop_within

TIMEOUT_MS = 10_000
STOP_S = 5.0


class ControlLog:
    """client: keyword arguments of the Kafka client. source: of the deployment. signer: of this process. now_s: the
    clock of decisions.
    """

    def __init__(
        self, client: dict[str, Any], topics: TopicsSection, source: str, signer: Signer | None,
        now_s: Callable[[], float],
    ) -> None:
        self._client = client
        self._topics = topics
        self.source = source
        self.signer = signer
        self._now_s = now_s
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(**self._client, acks="all", request_timeout_ms=TIMEOUT_MS)
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        if self._producer is not None:
            await stop_within(self._producer.stop(), STOP_S)

    async def write(self, directive: OfPerson) -> None:
        """Sign and write a directive. Raises KafkaError; `RuntimeError` without a key."""
        if self.signer is None:
            raise RuntimeError("no key to sign with")
        written_s = self._now_s()
        message = sign_by_hand(directive, self._topics.control, self.source, written_s, self.signer)
        await self._send(self._topics.control, message, int(written_s * 1000))

    async def refused(self, entry: AuditEntry) -> None:
        """Write a refused try into the audit. Raises KafkaError."""
        await self._send(self._topics.audit, audit_message(entry, self.source))

    async def _send(self, topic: str, message: Message, dated_ms: int | None = None) -> None:
        assert self._producer is not None, "the log is not started"
        await self._producer.send_and_wait(
            topic, message.value, key=message.key, headers=list(message.headers), timestamp_ms=dated_ms,
        )
