"""One question to the first broker that answers, over a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiokafka.conn import create_conn  # type: ignore[import-untyped]
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError  # type: ignore[import-untyped]

from config.models import Config
from streams.kafka.settings import security_of

TIMEOUT_S = 5.0
T = TypeVar("T")


async def ask_first(config: Config, ask: Callable[[Any], Awaitable[T]]) -> T | None:
    """What `ask` gives with the connection; None where the brokers do not know its request.

    Raises `KafkaError` and `OSError` when no broker answers.
    """
    failure: Exception = OSError("no broker is configured")
    for address in config.kafka.brokers:
        host, _, port = address.rpartition(":")
        try:
            async with asyncio.timeout(TIMEOUT_S):
                connection = await create_conn(
                    host.strip("[]"), int(port), request_timeout_ms=int(TIMEOUT_S * 1000),
                    **security_of(config).options(),
                )
                try:
                    return await ask(connection)
                finally:
                    connection.close()
        except (IncompatibleBrokerVersion, NotImplementedError):
            return None
        except (KafkaError, OSError) as error:
            failure = error
    raise failure
