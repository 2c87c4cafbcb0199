"""A step that needs the broker is tried again while the broker does not answer, so that its restart ends no worker.

Guarantee on failure: what is not about reachability, such as a refused right, is raised at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import structlog
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from streams.kafka.transactions import TransactionFailed

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.kafka")

T = TypeVar("T")

PATIENCE_S = 300.0
"""Longer than the restart of a cluster. After it the process ends, so that its supervisor sees it."""
RETRY_S = 2.0


async def while_unreachable(what: str, step: Callable[[], Awaitable[T]]) -> T:
    """The result of `step`, which is called again every `RETRY_S` while no broker answers it.

    what: names the step in the log. After `PATIENCE_S` the last error is raised.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await step()
        except (KafkaError, OSError, TransactionFailed) as error:
            if not is_of_reachability(error) or time.monotonic() >= deadline_s:
                raise
            log.warning("broker_not_reached", step=what, again_in_s=RETRY_S, reason=str(error) or repr(error))
        await asyncio.sleep(RETRY_S)


def is_of_reachability(error: BaseException) -> bool:
    """Whether an error may pass when the broker is back: OSError has BrokerUnavailable and time limits among it."""
    if isinstance(error, TransactionFailed):
        return error.__cause__ is None or is_of_reachability(error.__cause__)
    return isinstance(error, OSError) or (isinstance(error, KafkaError) and bool(error.retriable))


def start_when_reachable(client: Any, what: str) -> None:
    """Let the `start` of a Kafka client, which Faust calls, wait for the broker."""
    client.start = partial(while_unreachable, what, client.start)
