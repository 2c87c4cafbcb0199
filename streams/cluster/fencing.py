"""Whether a broker fences: it refuses the former producer of a transactional id once a new one was initialised.

Not each broker that answers transactional requests also fences. The embedded broker does not. So this asks by doing it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    ConcurrentTransactions,
    IncompatibleBrokerVersion,
    InvalidProducerEpoch,
    KafkaError,
    NoError,
    UnsupportedVersionError,
    for_code,
)
from aiokafka.protocol.transaction import (  # type: ignore[import-untyped]
    EndTxnRequest,
    InitProducerIdRequest,
)

from streams.cluster.topics import BrokerUnavailable
from streams.kafka.bounded_stop import stop_within
from streams.kafka.settings import Security

RETRY_S = 0.1
STOP_S = 2.0
TRANSACTION_TIMEOUT_MS = 10_000
PRODUCER_FENCED = 90
"""aiokafka has no class for this error code."""


async def can_fence(
    brokers: str, security: Security, transactional_id: str, *, timeout_s: float = 15.0
) -> bool:
    """Initialise two producers under this id, which nothing else may use, and see whether the first is refused.

    Writes no record. Raises BrokerUnavailable without an answer, and KafkaError if the broker refuses the id itself
    (`TransactionalIdAuthorizationFailed`).
    """
    client = AIOKafkaClient(bootstrap_servers=brokers.split(","), **security.options())
    try:
        async with asyncio.timeout(timeout_s):
            await client.bootstrap()
            return await _refuses_the_former(client, transactional_id)
    except (IncompatibleBrokerVersion, UnsupportedVersionError):
        return False
    except (OSError, TimeoutError) as error:
        raise BrokerUnavailable(brokers, timeout_s, str(error) or "no complete answer") from error
    except KafkaError as error:
        if error.retriable:
            raise BrokerUnavailable(brokers, timeout_s, error) from error
        raise
    finally:
        await stop_within(client.close(), STOP_S)


async def _refuses_the_former(client: AIOKafkaClient, transactional_id: str) -> bool:
    initialise = InitProducerIdRequest(transactional_id, TRANSACTION_TIMEOUT_MS)
    former = await _answer(client, transactional_id, initialise)
    await _answer(client, transactional_id, initialise)
    abort = EndTxnRequest(transactional_id, former.producer_id, former.producer_epoch, False)
    answer = await _answer(client, transactional_id, abort, expected=(PRODUCER_FENCED, InvalidProducerEpoch.errno))
    return bool(answer.error_code != NoError.errno)


async def _answer(
    client: AIOKafkaClient, transactional_id: str, request: Any, expected: tuple[int, ...] = ()
) -> Any:
    """The answer of the id's coordinator without an error or with an expected one; retries what passes."""
    while True:
        try:
            node_id = await client.coordinator_lookup(CoordinationType.TRANSACTION, transactional_id)
            answer = await client.send(node_id, request, group=ConnectionGroup.COORDINATION)
            if answer.error_code in (NoError.errno, *expected):
                return answer
            raise for_code(answer.error_code)()
        except KafkaError as error:
            if not error.retriable and not isinstance(error, ConcurrentTransactions):
                raise
        await asyncio.sleep(RETRY_S)
