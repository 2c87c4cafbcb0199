"""The Faust app of a worker: its hooks, and the offsets that it may commit.

The consumer (`consumer.py`) reads the settings and positions and calls the hooks. `transport.py` builds the app and
says what all the parts guarantee together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import faust
from aiokafka.errors import IllegalStateError  # type: ignore[import-untyped]
from typing_extensions import override

from streams.kafka.batches import TP, Positions
from streams.kafka.settings import KafkaSettings

OnAssigned = Callable[[frozenset[TP]], Awaitable[Mapping[TP, int]]]
OnRevoked = Callable[[frozenset[TP]], Awaitable[None]]
Hook = Callable[[], Awaitable[None]]


class BatchedApp(faust.App):
    """A Faust app whose batched partitions are committed by `release`. Call everything from the app's event loop."""

    settings: KafkaSettings
    positions: Positions
    on_assigned: OnAssigned
    on_revoked: OnRevoked
    on_open: Hook
    on_close: Hook

    @override
    async def on_start(self) -> None:
        """Before the consumer starts: the application opens what its agents need. A failure ends the start."""
        await self.on_open()
        await super().on_start()

    @override
    async def on_shutdown(self) -> None:
        """After the last `on_revoked`: the application closes what it opened."""
        await super().on_shutdown()
        await self.on_close()

    def batch_topic(self, *names: str) -> faust.TopicT:
        """The channel of batched topics. Raises ValueError for a name that the settings do not list as batched."""
        plain = sorted(set(names) - self.settings.batched)
        if plain:
            raise ValueError(f"topic {plain[0]!r} is not batched, expected one of {sorted(self.settings.batched)}")
        return self.topic(*names, key_serializer="raw", value_serializer="raw")

    def release(self, tp: TP, next_offset: int) -> bool:
        """Allow commits up to `next_offset`: the state of all before it is stored, and its outputs are acknowledged.

        Returns False, and does nothing, if this worker does not own the partition any more, or owns it anew and has not
        delivered that far. The commit follows within `commit_interval_s`.
        """
        return self.positions.release(tp, next_offset)

    def position(self, tp: TP) -> int | None:
        """The next offset to be delivered to the agent; None while the partition is not owned or not restored."""
        return self.positions.position(tp)

    def highwater(self, tp: TP) -> int | None:
        """One more than the last offset of the partition as of the last fetch; None before it or if not assigned.

        The agent has caught up when `position` is not less.
        """
        try:
            return cast(int | None, self.consumer.highwater(tp))
        except (AssertionError, IllegalStateError, KeyError):
            return None

    @override
    def _create_directories(self) -> None:
        """Faust makes folders for tables in the working directory; there are no tables."""
