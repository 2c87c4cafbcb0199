"""A broker that does not let us in: the step at which it failed."""

from __future__ import annotations

import asyncio
import ssl

from streams.client.examination.contact import contact
from streams.kafka.settings import Security


async def test_a_port_where_nobody_listens_fails_at_the_address() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    assert (await contact(f"127.0.0.1:{port}", Security())).failed_at == "address"


async def test_a_listener_without_tls_fails_at_tls_and_one_that_hangs_up_at_the_protocol() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        assert (await contact(address, Security(ssl.create_default_context()))).failed_at == "TLS"
        assert (await contact(address, Security())).failed_at == "protocol"
        login = Security(None, "PLAIN", "anna", "secret")
        assert (await contact(address, login)).failed_at == "authentication (PLAIN as anna)"
