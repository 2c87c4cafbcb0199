"""The stop of a Kafka client within a time limit.

aiokafka's `stop` awaits tasks that it has cancelled itself. When one of them was about to retry, the stop raises the
`CancelledError` of that task, although nobody cancelled the caller. In a task of its own that is one more failed stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger("tocsin.kafka")


async def stop_within(stop: Coroutine[Any, Any, object], timeout_s: float) -> bool:
    """Run the stop of a client for at most so long; returns whether it ended and succeeded. Raises nothing of it."""
    stopping = asyncio.ensure_future(stop)
    await asyncio.wait([stopping], timeout=timeout_s)
    if not stopping.done():
        stopping.cancel()
        reason = f"it took longer than {timeout_s:g} s"
    elif stopping.cancelled():
        reason = "a task of the client was cancelled"
    elif (error := stopping.exception()) is not None:
        reason = f"{type(error).__name__}: {error}"
    else:
        return True
    log.info("client_not_stopped", reason=reason)
    return False
