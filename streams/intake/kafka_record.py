"""The part of a Kafka record that is read, so that intake depends on no Kafka client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class KafkaRecord(Protocol):
    """A Kafka record, whose topic and partition the reader knows. timestamp: milliseconds since the epoch."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class ConsumerRecord(KafkaRecord, Protocol):
    """A Kafka record of a consumer that reads several partitions."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
