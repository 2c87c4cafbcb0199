"""Server-sent events: every change of a request or an incident that this process reads, to each client that listens.

A client that does not keep up is cut off; it asks anew for the whole and listens again. Memory: `MAX_CLIENTS` clients
with `MAX_WAITING` events each.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson

MAX_CLIENTS = 100
MAX_WAITING = 500
KEEP_ALIVE_S = 15.0
KEEP_ALIVE = b": waiting\n\n"


class TooManyClients(RuntimeError):  # noqa: N818
    """As many listen as may."""


class EventStream:
    """Gives events to all who listen. Call everything from one event loop."""

    def __init__(self) -> None:
        self._clients: dict[object, asyncio.Queue[bytes | None]] = {}

    def publish(self, name: str, key: str, value: object) -> None:
        """An event of this name; waits for nobody."""
        event = b"event: %s\nid: %s\ndata: %s\n\n" % (name.encode(), _line(key), orjson.dumps(value))
        for client, queue in list(self._clients.items()):
            if queue.qsize() >= MAX_WAITING:
                del self._clients[client]
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """The events from now on, as bytes to be sent, with a comment where there was none for a while."""
        if len(self._clients) >= MAX_CLIENTS:
            raise TooManyClients(f"{MAX_CLIENTS} clients listen")
        client, queue = object(), asyncio.Queue[bytes | None]()
        self._clients[client] = queue
        try:
            yield _events(queue)
        finally:
            self._clients.pop(client, None)


async def _events(queue: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
    yield KEEP_ALIVE
    while True:
        try:
            async with asyncio.timeout(KEEP_ALIVE_S):
                event = await queue.get()
        except TimeoutError:
            yield KEEP_ALIVE
            continue
        if event is None:
            return
        yield event


def _line(text: str) -> bytes:
    return text.replace("\n", " ").replace("\r", " ").encode()
