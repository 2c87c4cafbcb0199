"""Each codec of Kafka is read, whether a producer or the topic chose it."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from confluent_kafka import Producer

from streams.cluster.compression import CODECS
from streams.cluster.topics import TopicSpec, ensure_topics
from tests.kafka.brokers import RealKafka
from tests.kafka.harness import PARTITIONS, Bench, until

COUNT = 50


@pytest.mark.parametrize("codec", CODECS)
async def test_a_worker_reads_what_a_producer_or_the_topic_compressed(
    codec: str, real: RealKafka, real_bench: Bench,
) -> None:
    other = f"{real_bench.options.metrics}-{codec}"
    await ensure_topics(real.address, [TopicSpec(other, PARTITIONS, {"compression.type": codec})])
    by_topic = real_bench.worker(group=f"group-{other}", metrics=other, hold=True)
    await real_bench.forget_state()
    by_client = real_bench.worker()
    client = Producer({"bootstrap.servers": real.address, "compression.codec": codec})
    for number in range(COUNT):
        client.produce(real_bench.options.metrics, b"%d" % number, partition=0)
    client.flush(20)
    for topic, compression in ((real_bench.options.metrics, codec), (other, None)):
        producer = AIOKafkaProducer(bootstrap_servers=real.address, compression_type=compression, linger_ms=50)
        await producer.start()
        for number in range(COUNT):
            await producer.send(topic, b"%d" % number, partition=1)
        await producer.stop()
    await until(lambda: by_client.counted() == 2 * COUNT, f"{codec} by the producers")
    await until(lambda: by_topic.counted() == COUNT, f"{codec} by the topic")
    assert await by_client.end() == await by_topic.end() == 0
