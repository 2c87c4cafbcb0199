"""A worker process for the tests: it sums what it reads, snapshots the sums, and writes events into a journal.

`python -m tests.kafka.worker JSON`, see `Options`. Each line of the journal is one event. The state of a shard is the
next offset and the count and sum of its values, so a record that is lost or counted twice is seen in every later state.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import faust
import numpy as np
from typing_extensions import override

from streams.cluster.recreated import RecreatedTopics
from streams.kafka.retry import while_unreachable
from streams.kafka.sight import boot_s
from streams.kafka.transactions import PlainProducer, TransactionFailed
from streams.shard.snapshot import Snapshot
from streams.state.snapshots import TopicSnapshots
from streams.transport.faust_app import TP, KafkaSettings, RecordBatch, make_app, run_worker

STORE_EVERY_S = 0.25
LOOK_EVERY_S = 0.02


@dataclass(frozen=True)
class Options:
    """plain, extra: topics that are read record by record. hold: store nothing and release nothing. fail_at, block_at:
    at this value the agent raises, or never returns.
    from_state: ask for delivery from where the state ends even if there is no state."""

    brokers: str
    group: str
    metrics: str
    plain: str
    snapshots: str
    journal: str
    instance: str | None = None
    hold: bool = False
    from_state: bool = False
    fail_at: int | None = None
    block_at: int | None = None
    stop_timeout_s: float = 10.0
    metadata_max_age_s: float = 30.0
    extra: str | None = None


class Sums:
    """The state of one shard."""

    def __init__(self, snapshot: Snapshot | None, topic: str) -> None:
        self._topic = topic
        self.next_offset = 0 if snapshot is None else snapshot.offsets[topic]
        self.count, self.total = (0, 0) if snapshot is None else map(int, snapshot.arrays["sums"])

    def add(self, batch: RecordBatch) -> int:
        """Add what is new; returns how many records are missing before the batch."""
        missing = max(0, batch.first_offset - self.next_offset)
        for record in batch.records:
            if record.offset >= self.next_offset and record.value is not None:
                self.count += 1
                self.total += int(record.value)
        self.next_offset = batch.next_offset
        return missing

    def snapshot(self) -> Snapshot:
        return Snapshot(1, "test", {self._topic: self.next_offset}, {"sums": np.array([self.count, self.total])})


class Journal(logging.Handler):
    """The journal, one event a line. As a handler it also takes what is logged."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = Path(path)

    def note(self, event: str, **facts: object) -> None:
        with self._path.open("a") as journal:
            journal.write(json.dumps({"event": event, **facts}) + "\n")

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.note("log", message=record.getMessage())


def main(options: Options) -> None:
    note = (journal := Journal(options.journal)).note
    consumer_log = logging.getLogger("streams.transport.consumer")
    consumer_log.addHandler(journal)
    consumer_log.setLevel(logging.INFO)
    app = make_app(KafkaSettings(
        options.brokers, options.group, frozenset({options.metrics}), instance=options.instance,
        session_timeout_s=3.0, heartbeat_s=0.5, commit_interval_s=0.3, hand_over_timeout_s=4.0,
        stop_timeout_s=options.stop_timeout_s, metadata_max_age_s=options.metadata_max_age_s,
    ))
    store = TopicSnapshots(options.brokers, options.snapshots)
    producer = PlainProducer({"bootstrap_servers": options.brokers})
    shards: dict[TP, Sums] = {}

    async def restore(tps: frozenset[TP]) -> Mapping[TP, int]:
        shards.clear()
        for tp in tps:
            if tp.topic == options.metrics:
                snapshot = await while_unreachable("load", partial(store.load, tp.partition))
                shards[tp] = Sums(snapshot, tp.topic)
                note("restored", partition=tp.partition, next_offset=shards[tp].next_offset)
        note("assigned", partitions=sorted(tp.partition for tp in shards))
        return {tp: state.next_offset for tp, state in shards.items() if state.next_offset or options.from_state}

    async def keep(tps: frozenset[TP]) -> None:
        for tp in tps:
            state = shards.get(tp)
            if state is not None:  # it may have gone while another was stored
                snapshot = state.snapshot()
                await store.save(tp.partition, snapshot, producer)
                app.release(tp, snapshot.offsets[tp.topic])

    async def hand_over(tps: frozenset[TP]) -> None:
        if not options.hold:
            await keep(tps)
        note("revoked", released={tp.partition: app.positions.released(tp) for tp in shards})

    app.on_assigned, app.on_revoked = restore, hand_over
    app.on_removed = lambda tp, count: note("removed", partition=tp.partition, count=count)

    @app.agent(app.batch_topic(options.metrics))
    async def watch(batches: faust.StreamT[RecordBatch]) -> None:
        async for batch in batches:
            values = {int(record.value or b"0") for record in batch.records}
            if options.fail_at in values:
                raise RuntimeError("fail_at is reached")
            if options.block_at in values:
                note("blocked")
                time.sleep(3600)  # noqa: ASYNC251 - the test needs a blocked loop
            missing = shards[batch.tp].add(batch)
            note("batch", partition=batch.partition, first=batch.first_offset, last=batch.last_offset,
                 count=len(batch.records), missing=missing, highwater=app.highwater(batch.tp),
                 position=app.position(batch.tp))

    plain_topics = [options.plain] if options.extra is None else [options.plain, options.extra]

    @app.agent(app.topic(*plain_topics, key_serializer="raw", value_serializer="raw", maxsize=1000))
    async def plain(values: faust.StreamT[bytes]) -> None:
        async for value in values:
            note("plain", value=value.decode())

    async def keep_or_start_again() -> None:
        try:
            await keep(frozenset(app.positions.owned()))
        except TransactionFailed as error:  # what was sent may be lost, so all is stored again
            note("not_stored", reason=str(error))
            await while_unreachable("start the producer", producer.start)

    async def storing() -> None:
        await store.start()
        await producer.start()
        note("started")
        try:
            while True:
                await asyncio.sleep(STORE_EVERY_S)
                if not options.hold:
                    await keep_or_start_again()
        finally:  # cancelled after the hand-over, which stores for the last time
            await store.stop()
            await producer.stop()

    async def looking() -> None:
        """Write down each change of what the worker sees."""
        before: dict[str, object] = {}
        others: list[int] = []
        recreated = RecreatedTopics()
        while True:
            tps = sorted(app.positions.owned())
            seen: dict[str, object] = {
                "lease": app.holds_lease(), "sees": [tp.partition for tp in tps if app.sees(tp)],
                "at_end": [tp.partition for tp in tps if app.at_end(tp, shards[tp].next_offset)],
            }
            if seen != before:
                before = seen
                note("sight", at_s=boot_s(), **seen)
            found = [
                tp.partition for tp in tps
                if recreated.observe(tp, shards[tp].next_offset, app.sight.end(tp), boot_s())
            ]
            if found != others:
                others = found
                note("recreated", partitions=found)
            await asyncio.sleep(LOOK_EVERY_S)

    app.task(looking)
    app.task(storing)
    run_worker(app)


if __name__ == "__main__":
    main(Options(**json.loads(sys.argv[1])))
