"""The Faust app of a worker: its hooks, and the offsets that it may commit.

The consumer (`consumer.py`) reads the settings and positions and calls the hooks. `faust_app.py` builds the app and
lists the guarantees of all parts together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, cast

import faust
from typing_extensions import override

from streams.kafka.broker_contact import BrokerContact
from streams.kafka.settings import KafkaSettings
from streams.kafka.sight import Sight
from streams.transport.batches import TP, Positions

OnAssigned = Callable[[frozenset[TP]], Awaitable[Mapping[TP, int]]]
OnRevoked = Callable[[frozenset[TP]], Awaitable[None]]
OnRemoved = Callable[[TP, int], None]
OnRecreated = Callable[[TP], None]
Hook = Callable[[], Awaitable[None]]


class Rejoining(Protocol):
    """The side of the consumer that leaves and joins the group."""

    def rejoin(self, reason: str) -> None: ...


class BatchedApp(faust.App):
    """A Faust app whose batched partitions are committed by `release`. Call everything from the app's event loop."""

    settings: KafkaSettings
    positions: Positions
    sight: Sight
    on_assigned: OnAssigned
    on_revoked: OnRevoked
    on_removed: OnRemoved
    on_recreated: OnRecreated
    on_open: Hook
    on_close: Hook
    stop_signal: str | None = None
    """The signal that asked the process to stop."""

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

    def owns(self, tp: TP) -> bool:
        """Whether this worker owns a batched partition, as far as it knows."""
        return tp in self.positions.owned()

    def rejoin(self, reason: str) -> None:
        """Give up all partitions and join the group again, so that every state is restored."""
        cast(Rejoining, self.consumer).rejoin(reason)

    def position(self, tp: TP, processed: int | None = None) -> int | None:
        """The next offset to be delivered to the agent; None while the partition is not owned or not restored.

        It passes transaction markers, aborted records and holes once all records before them are delivered. With
        `processed`, the next offset that the application has to process, it passes them once all before is processed.
        """
        delivered = self.positions.position(tp)
        if delivered is None:
            return None
        return self.sight.position(tp, delivered if processed is None else min(processed, delivered))

    def highwater(self, tp: TP) -> int | None:
        """One more than the last offset that can be read, as of the last answered fetch; None before it.

        An open transaction ends it. The agent has caught up when `position` is not less.
        """
        return self.sight.end(tp)

    def holds_lease(self) -> bool:
        """Whether the group certainly counts on this worker: nobody else can own its partitions before this ends."""
        return self.sight.holds_lease()

    def answered_s(self, tp: TP) -> float | None:
        """When the last fetch that was answered for this partition had been sent, by `sight.boot_s`."""
        return self.sight.answered_s(tp)

    def sees(self, tp: TP) -> bool:
        """Whether a fetch sent within the last second was answered, or records were delivered within it."""
        return self.sight.sees(tp)

    def at_end(self, tp: TP, processed: int | None = None) -> bool:
        """Whether a fetch sent within the last second proves that there is no record left to deliver.

        With `processed`, the next offset that the application has to process: no record left to process. False while
        the partition is not owned, and while a transaction in it has been open for more than a second.
        """
        delivered = self.positions.position(tp)
        if delivered is None:
            return False
        return self.sight.at_end(tp, delivered if processed is None else min(processed, delivered))

    def contact(self) -> BrokerContact:
        """What this worker has seen of the broker, whatever it owned."""
        return self.sight.contact

    @override
    def _create_directories(self) -> None:
        """Faust makes folders for tables in the working directory; there are no tables."""
