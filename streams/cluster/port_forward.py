"""A port of this machine that forwards to another one: the embedded broker cannot choose its own."""

from __future__ import annotations

import asyncio
import contextlib

CHUNK_BYTES = 65_536


class PortForward:
    """`async with PortForward(host, port, to)`: forwards connections until the block ends. to: `host:port`.

    Raises `OSError` when the address cannot be taken. Port 0 takes a free one; `address` is the one that was taken.
    """

    def __init__(self, host: str, port: int, to: str) -> None:
        self._host, self._port = host, port
        self._to_host, _, self._to_port = to.rpartition(":")
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> str:
        """`host:port`; `RuntimeError` before the block began."""
        if self._server is None:
            raise RuntimeError("the port is not open yet")
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    async def __aenter__(self) -> PortForward:
        self._server = await asyncio.start_server(self._forward, self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.close()
        await self._server.wait_closed()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection(self._to_host, int(self._to_port))
        self._open |= {writer, to_writer}
        try:
            await asyncio.gather(_copy(reader, to_writer), _copy(to_reader, writer))
        finally:
            self._open -= {writer, to_writer}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until one side closes the connection; then the other side is closed too."""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()
