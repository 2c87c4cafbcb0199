"""The producers of a run, in real time: one for the services, one that sends again, one that flushes every 6 s."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from confluent_kafka import KafkaError, Message, Producer

from benchmarks.chaos.supply.workers import TOPIC
from benchmarks.chaos.traffic import Arrival, Source

POLL_S = 0.01
FLUSH_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record was stored."""

    partition: int
    offset: int


class Traffic:
    """Sends arrivals at their time. start_s: of the plan, since the epoch. Results are final after `stop`.

    poisoned: where each record that is none was stored. lost: records that no broker acknowledged.
    """

    def __init__(self, address: str, arrivals: Iterable[Arrival], start_s: float) -> None:
        self._arrivals = iter(arrivals)
        self._start_s = start_s
        services = self._producer(address)
        self._producers: dict[Source, Producer] = {
            "record": services, "poison": services, "duplicate": self._producer(address),
            "flushed": self._producer(address),
        }
        self.sent = self.stored = self.lost = 0
        self.poisoned: set[Place] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._next: Arrival | None = next(self._arrivals, None)

    def send_history(self) -> None:
        """Send what should have been sent by now, as fast as it goes, and wait until it is stored."""
        self._send_until(time.time() - self._start_s)
        self._flush()

    def start(self) -> None:
        """Send the rest, each at its time."""
        self._thread.start()

    def stop(self) -> None:
        """Send no more, and wait until all is stored."""
        self._stopped.set()
        self._thread.join(FLUSH_WITHIN_S)
        self._flush()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._send_until(time.time() - self._start_s)
            for producer in set(self._producers.values()):
                producer.poll(0)
            time.sleep(POLL_S)

    def _send_until(self, at_s: float) -> None:
        while self._next is not None and self._next.at_s <= at_s:
            producer, done = self._producers[self._next.source], self._callback(self._next.source)
            while True:
                try:
                    producer.produce(TOPIC, self._next.value, self._next.key, on_delivery=done)
                    break
                except BufferError:
                    producer.poll(0.1)
            self.sent += 1
            self._next = next(self._arrivals, None)

    def _callback(self, source: Source) -> Callable[[KafkaError | None, Message], None]:
        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self.lost += 1
                return
            self.stored += 1
            partition, offset = message.partition(), message.offset()
            if source == "poison" and partition is not None and offset is not None:
                self.poisoned.add(Place(partition, offset))

        return delivered

    def _flush(self) -> None:
        for producer in set(self._producers.values()):
            if producer.flush(FLUSH_WITHIN_S):
                raise RuntimeError("records were not stored in time: no broker answers")

    def _producer(self, address: str) -> Producer:
        return Producer({
            "bootstrap.servers": address, "log_level": 0, "enable.idempotence": True, "linger.ms": 20,
            "message.timeout.ms": 300_000, "partitioner": "murmur2_random",
        })
