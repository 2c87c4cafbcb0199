"""A reader that waits for incidents, as an operator does, and notes when each of them was first seen."""

from __future__ import annotations

import threading
import time

from confluent_kafka import Consumer, TopicPartition

POLL_S = 0.2


class Watcher:
    """Use as a context manager, once the topic exists. seen_s: by incident, seconds since the epoch."""

    def __init__(self, address: str, topic: str, partitions: int) -> None:
        self.seen_s: dict[str, float] = {}
        self._consumer = Consumer({
            "bootstrap.servers": address, "group.id": "watcher", "enable.auto.commit": False,
            "isolation.level": "read_committed", "auto.offset.reset": "earliest", "log_level": 0,
        })
        self._consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(10.0)
        self._consumer.close()

    def _run(self) -> None:
        while not self._stopped.is_set():
            message = self._consumer.poll(POLL_S)
            key = None if message is None or message.error() else message.key()
            if isinstance(key, bytes):
                self.seen_s.setdefault(key.decode(), time.time())
