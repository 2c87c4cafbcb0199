"""What the last records of an input tell: keys, the clocks of producers, and how they deliver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]

from streams.client.examination.topic_check import TopicFinding

LAST = 200
"""Records of each partition that are looked at."""
READ_TIMEOUT_MS = 2000
SKEW_S = 5.0
DELAY_S = 10.0


@dataclass(frozen=True, slots=True)
class SeenRecord:
    """written_s: of the producer or broker, as Kafka has it. event_s: `ts` of a native record, None where unknown."""

    topic: str
    has_key: bool
    written_s: float
    event_s: float | None


async def read_last(reader: AIOKafkaConsumer, places: Sequence[TopicPartition]) -> list[SeenRecord]:
    """The last committed records of each partition, as far as they come in time."""
    found: list[SeenRecord] = []
    ends, begins = await reader.end_offsets(places), await reader.beginning_offsets(places)
    for tp in places:
        if ends[tp] > begins[tp]:
            reader.assign([tp])
            reader.seek(tp, max(begins[tp], ends[tp] - LAST))
            batch = await reader.getmany(tp, timeout_ms=READ_TIMEOUT_MS)
            found += [_seen(record) for record in batch.get(tp, ())]
    return found


def judge(topic: str, seen: Sequence[SeenRecord], partitions: int, now_s: float) -> list[TopicFinding]:
    """Findings about the records of one topic. now_s: the clock of this machine."""
    if not seen:
        return [TopicFinding(topic, "holds no record", "check that a producer writes to it, and its name")]
    found, keyless = [], sum(not one.has_key for one in seen)
    if keyless and partitions > 1:
        found.append(TopicFinding(
            topic, f"{keyless} of the last {len(seen)} records have no key, over {partitions} partitions: one fault "
            "may become an incident in each shard", "write the service as the key of each record",
        ))
    ahead_s = max(one.written_s for one in seen) - now_s
    if ahead_s > SKEW_S:
        found.append(TopicFinding(
            topic, f"a record was written {ahead_s:.0f} s in the future: the clock of this machine is late, or that of "
            "its producer or broker ahead", "let NTP or chrony set the clocks of both",
        ))
    lags = sorted(one.written_s - one.event_s for one in seen if one.event_s is not None)
    if lags and lags[0] < -SKEW_S:
        found.append(TopicFinding(
            topic, f"ts is up to {-lags[0]:.0f} s later than the time of writing", "set the clock of the producer",
        ))
    if lags and (delay_s := lags[len(lags) // 2]) > DELAY_S:
        found.append(TopicFinding(
            topic, f"half of the records are written {delay_s:.0f} s or more after their ts: incidents are found later",
            "let the producer flush more often (linger.ms), and send ts of the end of a request",
        ))
    return found


def _seen(record: Any) -> SeenRecord:
    event_s: float | None = None
    try:
        value = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        value = None
    if isinstance(value, dict) and isinstance(value.get("ts"), (int, float)):
        event_s = float(value["ts"])
    return SeenRecord(record.topic, record.key is not None, record.timestamp / 1000.0, event_s)
