"""A TCP proxy of several routes in one thread, whose routes can be cut, closed, or slowed."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

CHUNK = 1 << 16

T = TypeVar("T")


@dataclass(slots=True)
class Route:
    """From one port to another. delay_s: added in each direction. passes: while it is clear nothing passes, and new
    connections are accepted, as behind a router that drops. is_closed: new connections end at once."""

    port: int
    target_port: int
    delay_s: float = 0.0
    is_closed: bool = False
    passes: asyncio.Event = field(default_factory=asyncio.Event)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)


class Proxy:
    """Use as a context manager. `add` and the changes of a route may be called from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10.0)
        self._loop.close()

    def add(self, port: int, target_port: int) -> Route:
        """Listen on `port` and pass everything on to `target_port` of this machine."""
        route = Route(port, target_port)
        route.passes.set()
        self._call(self._listen(route))
        return route

    def cut(self, route: Route) -> None:
        """Let nothing pass from now on."""
        self._loop.call_soon_threadsafe(route.passes.clear)

    def close(self, route: Route) -> None:
        """End all connections, and new ones at once."""
        route.is_closed = True
        self._loop.call_soon_threadsafe(_end_connections, route)

    def slow(self, route: Route, delay_s: float) -> None:
        """Delay what passes by so much in each direction."""
        route.delay_s = delay_s

    def heal(self, route: Route) -> None:
        """Let everything pass again. What waited in a cut comes through, as TCP repeats it."""
        route.is_closed = False
        route.delay_s = 0.0
        self._loop.call_soon_threadsafe(route.passes.set)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10.0)

    async def _listen(self, route: Route) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = asyncio.ensure_future(_connect(route, reader, writer))
            self._connections.add(connection)
            connection.add_done_callback(self._connections.discard)
            await asyncio.wait([connection])

        self._servers.append(await asyncio.start_server(accept, "127.0.0.1", route.port))

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await asyncio.sleep(0)  # what waited for the connections ends too


def _end_connections(route: Route) -> None:
    for writer in list(route.writers):
        writer.transport.abort()


async def _connect(route: Route, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if route.is_closed:
        writer.transport.abort()
        return
    try:
        there, back = await asyncio.open_connection("127.0.0.1", route.target_port)
    except OSError:
        writer.transport.abort()
        return
    if route.is_closed:  # it was closed meanwhile
        back.transport.abort()
        writer.transport.abort()
        return
    for one in (writer, back):
        route.writers.add(one)
        one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        await asyncio.gather(_pump(route, reader, back), _pump(route, there, writer))
    finally:
        for one in (writer, back):
            route.writers.discard(one)
            one.transport.abort()


async def _pump(route: Route, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what one side sends until it ends. Each chunk waits for its own delay, in order."""
    chunks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)

    async def write() -> None:
        while True:
            due_s, chunk = await chunks.get()
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            await route.passes.wait()
            if not chunk:
                writer.transport.abort()
                return
            writer.write(chunk)
            await writer.drain()

    writing = asyncio.ensure_future(write())
    try:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                await chunks.put((time.monotonic() + route.delay_s, chunk))
        await chunks.put((time.monotonic() + route.delay_s, b""))
        with contextlib.suppress(OSError):
            await writing
    finally:
        writing.cancel()
