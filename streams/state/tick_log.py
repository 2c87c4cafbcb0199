"""The log of ticks: read by who takes over a shard, from its snapshot to the end. Shard k is partition k."""

from __future__ import annotations

import logging

from aiokafka import TopicPartition  # type: ignore[import-untyped]

from streams.contracts.ticks import Tick, TickError, decode_tick
from streams.kafka.bounded_stop import stop_within
from streams.kafka.settings import Security
from streams.state.topic_store import STOP_S, TopicStore, read_range

log = logging.getLogger(__name__)


class TickLog(TopicStore):
    """Reads the topic of ticks. A tick that cannot be read ends what is read, because nothing after it can be repeated
    in its right place."""

    def __init__(
        self, brokers: str, topic: str, *, security: Security | None = None, timeout_s: float = 30.0,
    ) -> None:
        super().__init__(brokers, topic, security=security, timeout_s=timeout_s)

    async def read(self, shard: int, from_offset: int) -> tuple[Tick, ...]:
        """The committed ticks of a shard from an offset on. Raises BrokerUnavailable when no broker answers."""
        reader = self._consumer(fetch_max_wait_ms=50)
        try:
            async with self._request():
                await reader.start()
                tp = TopicPartition(self._topic, shard)
                reader.assign([tp])
                begin, end = (await reader.beginning_offsets([tp]))[tp], (await reader.end_offsets([tp]))[tp]
                records = await read_range(reader, tp, max(begin, from_offset), end)
        finally:
            await stop_within(reader.stop(), STOP_S)
        ticks: list[Tick] = []
        for record in records:
            try:
                ticks.append(decode_tick(record.value))
            except TickError as error:
                log.error("%s[%d]@%d: %s; later ticks are not repeated", self._topic, shard, record.offset, error)
                break
        return tuple(ticks)
