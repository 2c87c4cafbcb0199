"""Compares the clock of this machine with the times of records that are written while it reads.

A record behind the end of its partition is appended after the reader asked for that end, and before it has the record.
So the time that a broker gave it (`LogAppendTime`) lies between the two by a clock that agrees. A time that a writer
gave it (`CreateTime`) lies before the second. It may lie well before the first where the writer gathers records, so it
never says that the clock of this machine is ahead.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]

from streams.client.examination.recent_records import SKEW_S
from streams.client.examination.topic_check import TopicFinding
from streams.intake.validation import wrong_unit

WAIT_MS = 2000
"""How long to wait for a record. A worker writes a tick about every second."""
LOG_APPEND_TIME = 1


@dataclass(frozen=True, slots=True)
class FreshRecord:
    """A record that was appended between `asked_s` and `read_s` of this machine's clock. written_s: its time in Kafka.
    by_broker: whether the broker gave it that time, and not its writer."""

    topic: str
    written_s: float
    by_broker: bool
    asked_s: float
    read_s: float


async def read_fresh(reader: AIOKafkaConsumer, places: Sequence[TopicPartition]) -> list[FreshRecord]:
    """The first records that come within `WAIT_MS`; none where nobody writes."""
    if not places:
        return []
    reader.assign(places)
    asked_s = time.time()
    for tp, end in (await reader.end_offsets(places)).items():
        reader.seek(tp, end)
    found = await reader.getmany(timeout_ms=WAIT_MS)
    read_s = time.time()
    return [
        FreshRecord(tp.topic, record.timestamp / 1000.0, record.timestamp_type == LOG_APPEND_TIME, asked_s, read_s)
        for tp, records in found.items() for record in records
    ]


def judge_clock(fresh: Sequence[FreshRecord]) -> list[TopicFinding]:
    """At most one finding: this machine's clock is behind, or ahead of that of the brokers."""
    known = [one for one in fresh if wrong_unit(one.written_s) is None]
    behind = max(known, key=lambda one: one.written_s - one.read_s, default=None)
    if behind is not None and (late_s := behind.written_s - behind.read_s) > SKEW_S:
        other = "the broker" if behind.by_broker else f"the writer of {behind.topic}"
        return [TopicFinding(
            "clock", f"this machine's clock is {late_s:.0f} s or more behind that of {other}",
            "let NTP or chrony set both; with a wrong clock decisions expire, and signatures are refused",
        )]
    ahead = max((one for one in known if one.by_broker), key=lambda one: one.written_s, default=None)
    if ahead is not None and (early_s := ahead.asked_s - ahead.written_s) > SKEW_S:
        return [TopicFinding(
            "clock", f"this machine's clock is {early_s:.0f} s or more ahead of that of the broker",
            "let NTP or chrony set both; with a wrong clock decisions expire, and signatures are refused",
        )]
    return []


def told_of(fresh: Sequence[FreshRecord]) -> str:
    """What was compared, where there is no finding."""
    if any(one.by_broker for one in fresh):
        return "this machine's agrees with that of the broker"
    if fresh:
        topics = ", ".join(sorted({one.topic for one in fresh}))
        compared = f"this machine's is not behind that of the writers of {topics}"
        return f"{compared}; whether it is ahead, only a topic with message.timestamp.type=LogAppendTime could tell"
    return f"not compared, since nobody wrote within {WAIT_MS / 1000:g} s"
