"""What a worker sees of a real Kafka: markers, aborted and removed records, a frozen process, a broker that is away."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.admin.records_to_delete import RecordsToDelete  # type: ignore[import-untyped]

from streams.cluster.topics import TopicSpec, ensure_topics, existing_partitions
from streams.kafka.sight import boot_s
from tests.kafka.brokers import RealKafka
from tests.kafka.harness import PARTITIONS, Bench, Worker, until

ALL = list(range(PARTITIONS))
SEES_ALL = {"lease": True, "sees": ALL, "at_end": ALL}


def sight(worker: Worker) -> dict[str, Any]:
    """The last change of what the worker sees."""
    changes = worker.events("sight")
    return {name: changes[-1][name] for name in SEES_ALL} if changes else {}


def logged(worker: Worker, text: str) -> int:
    return sum(text in event["message"] for event in worker.events("log"))


async def sees_all(worker: Worker, what: str) -> None:
    await until(lambda: sight(worker) == SEES_ALL, f"{what}: at the end of all partitions")


async def transact(bench: Bench, *transactions: tuple[bytes, bool]) -> None:
    """Write each value to all partitions in a transaction of its own, which is committed or aborted."""
    producer = AIOKafkaProducer(bootstrap_servers=bench.address, transactional_id=bench.options.metrics)
    await producer.start()
    for value, committed in transactions:
        await producer.begin_transaction()
        for partition in ALL:
            await producer.send_and_wait(bench.options.metrics, value, partition=partition)
        await (producer.commit_transaction() if committed else producer.abort_transaction())
    await producer.stop()


async def test_aborted_records_are_not_read_and_markers_hold_nothing_up(real_bench: Bench) -> None:
    worker = real_bench.worker()
    await sees_all(worker, "an empty topic")
    await transact(real_bench, (b"1", True), (b"100", False), (b"2", True), (b"200", False))
    await until(lambda: worker.counted() == 2 * PARTITIONS, "the committed records are read")
    await sees_all(worker, "behind the last marker")
    await transact(real_bench, (b"3", True))
    await until(lambda: worker.counted() == 3 * PARTITIONS, "the next records are read")
    await sees_all(worker, "behind the next marker")
    assert await worker.end() == 0
    assert [found and found[1:] for found in await real_bench.stored()] == [(3, 6)] * PARTITIONS
    assert logged(worker, "reading again") == 0


async def test_a_worker_that_was_frozen_knows_nothing_when_it_wakes(real_bench: Bench) -> None:
    worker = real_bench.worker()
    await real_bench.produce(10)
    await sees_all(worker, "before the freeze")
    worker.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(4.0)  # longer than the session
    woken_s = boot_s()
    worker.process.send_signal(signal.SIGCONT)
    await until(lambda: bool(after(worker, woken_s)), "the first look")
    first = after(worker, woken_s)[0]
    assert (first["lease"], first["sees"], first["at_end"]) == (False, [], [])
    await sees_all(worker, "after the freeze")
    assert await worker.end() == 0


def after(worker: Worker, at_s: float) -> list[dict[str, Any]]:
    return [change for change in worker.events("sight") if change["at_s"] > at_s]


async def test_while_the_broker_is_away_nothing_counts_as_read_to_its_end(real: RealKafka, real_bench: Bench) -> None:
    worker = real_bench.worker(hold=True)
    await real_bench.produce(10)
    await sees_all(worker, "before the outage")
    real.kill()
    killed_s = boot_s()
    await until(lambda: sight(worker) == {"lease": False, "sees": [], "at_end": []}, "blind")
    blind = [change for change in after(worker, killed_s + 1.0) if change["at_end"]]
    real.start()
    assert blind == []
    await sees_all(worker, "after the outage")
    assert await worker.end() == 0


async def test_what_retention_removed_is_reported_once_with_its_number(real_bench: Bench) -> None:
    await real_bench.produce(20)
    reading = real_bench.worker()
    await real_bench.exact_state()
    assert await reading.end() == 0
    await real_bench.produce(20)
    await delete(real_bench, before=30)
    worker = real_bench.worker()
    await until(lambda: worker.counted() == 10 * PARTITIONS, "what is left is read")
    await sees_all(worker, "after the loss")
    assert await worker.end() == 0
    assert sorted((e["partition"], e["count"]) for e in worker.events("removed")) == [(p, 10) for p in ALL]
    assert logged(worker, "were removed before they were read") == PARTITIONS
    assert logged(worker, "reading again") == 0


async def test_a_log_from_which_all_was_removed_is_read_to_its_end(real_bench: Bench) -> None:
    await real_bench.produce(20)
    await delete(real_bench, before=20)
    worker = real_bench.worker()
    await sees_all(worker, "an emptied topic")
    assert await worker.end() == 0


async def delete(bench: Bench, before: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.address)
    await admin.start()
    tps = [TopicPartition(bench.options.metrics, partition) for partition in ALL]
    await admin.delete_records({tp: RecordsToDelete(before_offset=before) for tp in tps})
    await admin.close()


async def test_a_topic_that_was_made_again_is_noticed_while_the_worker_runs(real_bench: Bench) -> None:
    worker = real_bench.worker()
    await real_bench.produce(20)
    await real_bench.exact_state()
    admin = AIOKafkaAdminClient(bootstrap_servers=real_bench.address)
    await admin.start()
    await admin.delete_topics([real_bench.options.metrics])
    await admin.close()
    while await existing_partitions(real_bench.address, [real_bench.options.metrics]):  # noqa: ASYNC110 - a broker
        await asyncio.sleep(0.1)
    await ensure_topics(real_bench.address, [TopicSpec(real_bench.options.metrics, PARTITIONS)])
    real_bench.produced = [0] * PARTITIONS
    await real_bench.produce(5)
    # The deletion itself may make the group assign anew. Then the start notices, and not the running worker.
    await until(lambda: (
        [e["partitions"] for e in worker.events("recreated")][-1:] == [ALL]
        or logged(worker, "was created again: reading it from its start, 0") == PARTITIONS
    ), "all are noticed")
    assert worker.process.poll() is None
