"""Where the messages of one step go: into a transaction of a shard, or a flush scope of the worker's publisher."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from streams.contracts.envelopes import Message


class Output(Protocol):
    """Takes messages in order."""

    async def send(
        self, topic: str, messages: Iterable[Message], acknowledged: Callable[[], None] | None = None,
    ) -> None:
        """Hand messages on. acknowledged: called once for each that readers can see."""
