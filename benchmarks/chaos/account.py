"""What a run left behind: everything that Tocsin published, as it stands in the topics, and how far it committed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from confluent_kafka import Consumer, Message, TopicPartition

from benchmarks.chaos.plan import Plan
from benchmarks.chaos.producers import Place
from benchmarks.chaos.supply.targets import Call
from benchmarks.chaos.supply.workers import GROUP, TOPIC
from streams.intake.dead_letters import PREFIX

READ_WITHIN_S = 30.0
COMMIT_WITHIN_S = 30.0


@dataclass(slots=True)
class Account:
    """Everything that the checkers judge. start_s: of the plan, since the epoch; all other times too.

    incidents: every published state, in the order of the topic. seen_s: when a reader first saw each incident. dead: by
    place in the input, how many dead letters. behind: records that are not committed. lost: records that no broker
    acknowledged. ended: (time in the run, worker, exit code) of workers that ended by themselves. exits: of the stop at
    the end, by worker. quiet: final states of the incidents of the same records without any fault of the supply.
    """

    plan: Plan
    start_s: float
    incidents: list[dict[str, Any]] = field(default_factory=list)
    intents: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    seen_s: dict[str, float] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    dead: Counter[Place] = field(default_factory=Counter)
    poisoned: set[Place] = field(default_factory=set)
    sent: int = 0
    stored: int = 0
    lost: int = 0
    behind: int = 0
    ended: list[tuple[float, str, int]] = field(default_factory=list)
    exits: dict[str, int | None] = field(default_factory=dict)
    quiet: list[dict[str, Any]] = field(default_factory=list)

    def last(self) -> dict[str, dict[str, Any]]:
        """The last state of each incident."""
        return {incident["id"]: incident for incident in self.incidents}

    def age_s(self, at_s: float) -> float:
        """A time since the epoch as one of the run."""
        return round(at_s - self.start_s, 1)


def read_values(address: str, topic: str) -> list[dict[str, Any]]:
    """All JSON values of a topic, in the order of the broker's time."""
    records = read_records(address, topic)
    found = [(record.timestamp()[1], orjson.loads(record.value() or b"{}")) for record in records]
    return [value for _, value in sorted(found, key=lambda each: each[0])]


def read_dead_letters(address: str, topic: str) -> Counter[Place]:
    """How many dead letters there are of each record of the input."""
    found: Counter[Place] = Counter()
    for message in read_records(address, topic):
        headers = cast("list[tuple[str, bytes]]", message.headers() or [])
        place = {name: int(value) for name, value in headers if name in (PREFIX + "partition", PREFIX + "offset")}
        found[Place(place[PREFIX + "partition"], place[PREFIX + "offset"])] += 1
    return found


def behind(address: str) -> int:
    """Records of the input that the group has not committed, after waiting for it for a while."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": GROUP, "log_level": 0})
    deadline_s = time.monotonic() + COMMIT_WITHIN_S
    try:
        while True:
            places = consumer.committed([TopicPartition(TOPIC, number) for number in _partitions(consumer, TOPIC)], 10)
            ends = {place.partition: consumer.get_watermark_offsets(place, timeout=10) for place in places}
            left = sum((ends[place.partition] or (0, 0))[1] - max(place.offset, 0) for place in places)
            if left == 0 or time.monotonic() > deadline_s:
                return left
            time.sleep(0.5)
    finally:
        consumer.close()


def read_records(address: str, topic: str) -> list[Message]:
    """What is committed in a topic, without tombstones. Raises TimeoutError when its end is not reached."""
    consumer = Consumer({
        "bootstrap.servers": address, "group.id": f"account-{topic}", "auto.offset.reset": "earliest",
        "enable.partition.eof": True, "enable.auto.commit": False, "isolation.level": "read_committed", "log_level": 0,
    })
    try:
        partitions = _partitions(consumer, topic)
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        ended: set[int | None] = set()
        found: list[Message] = []
        deadline_s = time.monotonic() + READ_WITHIN_S
        while len(ended) < len(partitions):
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"{topic} could not be read to its end")
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error():
                ended.add(message.partition())
            elif message.value() is not None:
                found.append(message)
        return found
    finally:
        consumer.close()


def _partitions(consumer: Consumer, topic: str) -> Sequence[int]:
    return sorted(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
