"""The topics that must exist before work starts: created if missing, checked for their number of partitions."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    for_code,
)

from streams.kafka.settings import Security

log = logging.getLogger(__name__)

RETRY_S = 0.25


class BrokerUnavailable(ConnectionError):  # noqa: N818
    """No broker answered at the address within the time allowed."""

    def __init__(self, brokers: str, timeout_s: float, reason: object) -> None:
        super().__init__(f"Kafka at {brokers} did not answer within {timeout_s:g} s: {reason}")


class TopicError(RuntimeError):
    """A topic is missing and could not be created, or has fewer partitions than needed."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic that must exist.

    partitions: of a new topic. at_least: the least number of partitions of an existing one; None means `partitions`.
    replication: number of replicas; None takes three, or one per broker where there are fewer.
    """

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)
    replication: int | None = None
    at_least: int | None = None


async def ensure_topics(
    brokers: str, specs: Iterable[TopicSpec], *, security: Security | None = None, timeout_s: float = 15.0
) -> dict[str, int]:
    """Create the topics that are missing and return how many partitions each has.

    Existing topics are left as they are. A broker without a controller (the embedded one) cannot create topics on
    request; it creates a topic with its own number of partitions when a client first asks for it. A broker that is not
    up yet is waited for. Raises BrokerUnavailable when none answers within `timeout_s`, TopicError when a topic stays
    missing or has fewer partitions than its spec's `at_least`.
    """
    wanted = {spec.name: spec for spec in specs}
    options = (security or Security()).options()
    deadline_s = time.monotonic() + timeout_s
    try:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + timeout_s):
            counts = await _until_reachable(brokers, options, wanted, deadline_s)
    except TimeoutError as error:
        raise BrokerUnavailable(brokers, timeout_s, "no complete answer") from error
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable(brokers, timeout_s, error) from error
    for name, spec in wanted.items():
        least = spec.partitions if spec.at_least is None else spec.at_least
        if counts.get(name, 0) < least:
            raise TopicError(f"topic {name!r}: expected {least} partitions, found {counts.get(name, 0)}")
    return counts


async def _until_reachable(
    brokers: str, options: dict[str, object], wanted: Mapping[str, TopicSpec], deadline_s: float
) -> dict[str, int]:
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=brokers.split(","), request_timeout_ms=5000, **options)
        try:
            await admin.start()
            return await _ensure(admin, brokers, options, wanted)
        except (KafkaError, OSError) as error:
            retriable = isinstance(error, OSError) or error.retriable
            if not retriable or time.monotonic() + RETRY_S >= deadline_s:
                raise
            await asyncio.sleep(RETRY_S)
        finally:
            await admin.close()


async def _ensure(
    admin: AIOKafkaAdminClient, brokers: str, options: dict[str, object], wanted: Mapping[str, TopicSpec]
) -> dict[str, int]:
    missing = [spec for name, spec in wanted.items() if name not in set(await admin.list_topics())]
    if missing:
        cluster = await admin.describe_cluster()
        if cluster["controller_id"] not in {broker["node_id"] for broker in cluster["brokers"]}:
            log.info("the broker has no controller to create topics; asking for %d topics", len(missing))
        else:
            await _create(admin, missing, copies=min(3, len(cluster["brokers"])))
    # `partitions_for` waits until the topic exists and has leaders. A broker with automatic creation creates it then.
    producer = AIOKafkaProducer(bootstrap_servers=brokers.split(","), **options)
    await producer.start()
    try:
        return {name: len(await producer.partitions_for(name)) for name in wanted}
    finally:
        await producer.stop()


async def _create(admin: AIOKafkaAdminClient, specs: Iterable[TopicSpec], copies: int) -> None:
    response = await admin.create_topics(
        [
            NewTopic(spec.name, spec.partitions, spec.replication or copies, topic_configs=dict(spec.config))
            for spec in specs
        ]
    )
    for name, code, *detail in response.topic_errors:
        error = for_code(code)
        if error not in (NoError, TopicAlreadyExistsError):
            raise TopicError(f"topic {name!r} could not be created: {error.__name__} {' '.join(map(str, detail))}")
