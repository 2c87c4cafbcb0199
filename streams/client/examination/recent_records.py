"""What the last records of an input tell: keys, the clocks of producers, and how they deliver."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]

from streams.client.examination.topic_check import TopicFinding
from streams.intake.dead_letters import DeadLetter, Reason
from streams.intake.formats import InputPlan, build_codec
from streams.intake.kafka_record import ConsumerRecord
from streams.intake.scopes import ScopeTable
from streams.intake.validation import ValidationLimits, wrong_unit

LAST = 200
"""Records of each partition that are looked at."""
READ_TIMEOUT_MS = 2000
SKEW_S = 5.0
DELAY_S = 10.0
OF_TIME: frozenset[Reason] = frozenset({"ts_wrong_unit", "ts_far_future", "ts_too_old"})
"""Reasons to refuse a record that `judge` tells of; besides, it is the time of reading by which a worker refuses."""


@dataclass(frozen=True, slots=True)
class SeenRecord:
    """written_s: of the producer or broker, as Kafka has it. event_s: `ts` of a native record, or of the first of
    several in it, None where unknown."""

    topic: str
    has_key: bool
    written_s: float
    event_s: float | None


async def read_last(reader: AIOKafkaConsumer, places: Sequence[TopicPartition]) -> list[ConsumerRecord]:
    """The last committed records of each partition, as far as they come in time."""
    found: list[ConsumerRecord] = []
    ends, begins = await reader.end_offsets(places), await reader.beginning_offsets(places)
    for tp in places:
        if ends[tp] > begins[tp]:
            reader.assign([tp])
            reader.seek(tp, max(begins[tp], ends[tp] - LAST))
            while await reader.position(tp) < ends[tp]:  # an answer may hold a single batch of the producer
                batch = await reader.getmany(tp, timeout_ms=READ_TIMEOUT_MS)
                if not batch:
                    break
                found += batch[tp]
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
    newest_s = max(one.written_s for one in seen)
    ahead_s = newest_s - now_s
    if wrong_unit(newest_s) is not None:
        found.append(TopicFinding(
            topic, f"the time {newest_s * 1000.0:.0f} of a record in Kafka looks like {wrong_unit(newest_s * 1000.0)}",
            "let the producer give records their time in milliseconds since the epoch, or none",
        ))
    elif ahead_s > SKEW_S:
        found.append(TopicFinding(
            topic, f"a record was written {ahead_s:.0f} s in the future: the clock of this machine is late, or that of "
            "its producer or broker ahead", "let NTP or chrony set the clocks of both",
        ))
    times = [one.event_s for one in seen if one.event_s is not None]
    if times and (unit := wrong_unit(max(times))) is not None:
        found.append(TopicFinding(
            topic, f"ts {max(times):.0f} looks like {unit}: such records become dead letters",
            "write ts in seconds since the epoch",
        ))
    lags = sorted(
        one.written_s - one.event_s for one in seen if one.event_s is not None and wrong_unit(one.event_s) is None
    )
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


def judge_content(
    topic: str, plan: InputPlan, limits: ValidationLimits, records: Sequence[ConsumerRecord], now_s: float,
) -> list[TopicFinding]:
    """A finding for each reason for which a worker would refuse some of the records, the most frequent one first."""
    by_partition: dict[int, list[ConsumerRecord]] = defaultdict(list)
    for record in records:
        by_partition[record.partition].append(record)
    refused: Mapping[Reason, list[DeadLetter]] = defaultdict(list)
    for part in by_partition.values():
        for dead in build_codec(plan, ScopeTable(), limits).decode(part, now_s).dead:
            refused[dead.reason].append(dead)
    return [
        TopicFinding(
            topic, f"{len(dead)} of the last {len(records)} records become dead letters as {reason}; the last: "
            f"{dead[-1].detail}", "repair the producer, or see the format of this input under inputs",
        )
        for reason, dead in sorted(refused.items(), key=lambda one: -len(one[1])) if reason not in OF_TIME
    ]


def seen_record(record: ConsumerRecord) -> SeenRecord:
    """What is looked at of a record."""
    event_s: float | None = None
    try:
        value = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        value = None
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict) and isinstance(value.get("ts"), (int, float)):
        event_s = float(value["ts"])
    return SeenRecord(record.topic, record.key is not None, record.timestamp / 1000.0, event_s)
