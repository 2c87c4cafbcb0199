"""The embedded broker: the mock cluster inside librdkafka, for a first run and for tests on a machine without Kafka.

IT IS IN MEMORY. All data is lost with the process. A partition keeps a few MB and then drops its oldest records. Topics
are created on first use with four partitions. Nothing is replicated or checked. Do not use it for data that must last.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confluent_kafka import Producer


class EmbeddedBrokerMissing(RuntimeError):  # noqa: N818
    """The package that carries the embedded broker is not installed."""


class EmbeddedBroker:
    """`with EmbeddedBroker() as address:` serves Kafka's protocol on a free port of 127.0.0.1 until the block ends."""

    def __init__(self) -> None:
        self._producer: Producer | None = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> str:
        """Start and return the address, `127.0.0.1:port`. Raises EmbeddedBrokerMissing without confluent-kafka."""
        try:
            from confluent_kafka import Producer
        except ImportError as error:
            raise EmbeddedBrokerMissing(
                "the embedded broker is part of the package confluent-kafka, which is not installed: "
                "install Tocsin with the extra demo, such as pip install '.[demo]'"
            ) from error
        self._producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 3})
        broker = next(iter(self._producer.list_topics(timeout=10).brokers.values()))
        return f"{broker.host}:{broker.port}"

    def stop(self) -> None:
        """Stop the cluster and lose its data. The cluster lives as long as its handle."""
        self._producer = None


