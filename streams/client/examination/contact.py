"""Whether each broker address answers, and if not, at what it failed: address, TLS, or authentication."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass

from aiokafka.conn import create_conn  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.kafka.settings import Security

TIMEOUT_S = 4.0


@dataclass(frozen=True, slots=True)
class BrokerContact:
    """failed_at: None where the broker answered and let us in. reason: of the failure. remedy: what to do."""

    address: str
    failed_at: str | None = None
    reason: str = ""
    remedy: str = ""


async def contact(address: str, security: Security) -> BrokerContact:
    """Connect to one broker in steps, each new one with a connection of its own, within `TIMEOUT_S` in all."""
    host, _, port = address.rpartition(":")
    step, remedy = "address", "check host and port in kafka.brokers, the listener of the broker, and firewalls"
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await _connect(host.strip("[]"), int(port), None)
            if security.ssl_context is not None:
                step, remedy = "TLS", "check cafile, certfile and verify_hostname in kafka.security; or it has no TLS"
                await _connect(host.strip("[]"), int(port), security.ssl_context)
            if security.sasl_mechanism is None:
                step = "protocol"
                remedy = "the listener may want TLS or SASL: kafka.security; or nothing there speaks Kafka"
            else:
                step = f"authentication ({security.sasl_mechanism} as {security.username})"
                remedy = "check mechanism, username and password in kafka.security.sasl; is the listener one of SASL?"
            await _log_in(host.strip("[]"), int(port), security)
    except (OSError, KafkaError, TimeoutError) as error:
        reason = f"no answer within {TIMEOUT_S:g} s" if isinstance(error, TimeoutError) else str(error) or repr(error)
        return BrokerContact(address, step, reason, remedy)
    return BrokerContact(address)


async def _connect(host: str, port: int, context: ssl.SSLContext | None) -> None:
    _, writer = await asyncio.open_connection(
        host, port, ssl=context, server_hostname=host if context is not None else None,
    )
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def _log_in(host: str, port: int, security: Security) -> None:
    connection = await create_conn(host, port, request_timeout_ms=int(TIMEOUT_S * 1000), **security.options())
    # The versions that the broker speaks are known then, so it speaks Kafka.
    connection.close()
