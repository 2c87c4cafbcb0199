"""What the worker's Kafka client does in another way than aiokafka."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import aiokafka  # type: ignore[import-untyped]
from aiokafka.consumer.fetcher import FetchResult  # type: ignore[import-untyped]
from aiokafka.structs import TopicPartition  # type: ignore[import-untyped]

from streams.intake.kafka_record import KafkaRecord


@dataclass(frozen=True, slots=True)
class Run:
    """The records of one record batch as the client parsed them, never empty. To the client it is a single record."""

    records: Sequence[KafkaRecord]

    @property
    def offset(self) -> int:
        """Of the last record."""
        return self.records[-1].offset


def leave_parsed(consumer: aiokafka.AIOKafkaConsumer, topics: Collection[str]) -> None:
    """Let the client hand out the fetched records of these topics in a `Run` for each record batch.

    Else it copies each into an object that names its topic and partition too, and passes them on one by one. That costs
    1.2 us a record more. What it checks by record batch it still checks: the CRC, markers, aborted transactions.
    """
    for tp, fetched in consumer._fetcher._records.items():
        if isinstance(fetched, FetchResult) and fetched.has_more() and tp.topic in topics:
            parsed = fetched._partition_records
            if not isinstance(parsed._records, _Runs):
                parsed._records = _Runs(parsed._records, parsed.next_fetch_offset)
                parsed._consumer_record = _as_parsed


def join(runs: Sequence[Run]) -> Sequence[KafkaRecord]:
    """The records of several runs."""
    return list(chain.from_iterable(run.records for run in runs))


def _as_parsed(_: TopicPartition, record: Any) -> Any:
    return record


class _Runs:
    """Fetched record batches, each with its records as a `Run`. first: the offset that was asked for; the first record
    batch may begin before it."""

    def __init__(self, fetched: Any, first: int) -> None:
        self._fetched = fetched
        self._first = first

    def has_next(self) -> bool:
        return bool(self._fetched.has_next())

    def next_batch(self) -> _RunBatch:
        return _RunBatch(self._fetched.next_batch(), self._first)


class _RunBatch:
    """A record batch as the client sees it, whose only record is a `Run`."""

    def __init__(self, batch: Any, first: int) -> None:
        self._batch = batch
        self._first = first

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        """The marker in a control batch."""
        return next(self._batch)

    def __iter__(self) -> Iterator[Run]:
        records = list(self._batch)
        if records and records[0].offset < self._first:
            records = [record for record in records if record.offset >= self._first]
        if records:
            yield Run(records)


def ignore_unsubscribed(consumer: aiokafka.AIOKafkaConsumer) -> None:
    """Leave out the partitions of topics that are not subscribed, which aiokafka takes for a fatal error.

    A static member that restarts within its session is given its old assignment, whatever it subscribes to now.
    """
    subscription = consumer._subscription
    assign = subscription.assign_from_subscribed

    def assign_subscribed(assignment: Collection[TopicPartition]) -> None:
        topics = subscription.subscription.topics
        assign([tp for tp in assignment if tp.topic in topics])

    subscription.assign_from_subscribed = assign_subscribed
