"""Where the messages of one step go: into a transaction of a shard, or a flush scope of the worker's publisher."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from streams.contracts.envelopes import Message
from streams.kafka.transactions import Transaction


class Output(Protocol):
    """Takes messages in order."""

    async def send(
        self, topic: str, messages: Iterable[Message], acknowledged: Callable[[], None] | None = None,
    ) -> None:
        """Hand messages on. acknowledged: called once for each that readers can see."""


class TransactionOutput:
    """A transaction as an `Output`. The owner of the transaction calls `committed` after its end."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._callbacks: list[Callable[[], None]] = []

    async def send(
        self, topic: str, messages: Iterable[Message], acknowledged: Callable[[], None] | None = None,
    ) -> None:
        """See `Output`; raises what the transaction raises."""
        for message in messages:
            await self._transaction.send(topic, message)
            if acknowledged is not None:
                self._callbacks.append(acknowledged)

    def committed(self) -> None:
        """Everything that was sent can be read now."""
        for callback in self._callbacks:
            callback()
