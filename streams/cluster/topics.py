"""The topics that must exist before work starts: created if missing, grown or checked for their partitions."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    InvalidPartitionsError,
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    for_code,
)

from streams.kafka.retry import is_of_reachability
from streams.kafka.settings import Security

log = logging.getLogger(__name__)

RETRY_S = 0.25


class BrokerUnavailable(ConnectionError):  # noqa: N818
    """No broker answered at the address within the time allowed."""

    def __init__(self, brokers: str, timeout_s: float, reason: object) -> None:
        self.brokers = brokers
        super().__init__(f"Kafka at {brokers} did not answer within {timeout_s:g} s: {reason}")


class TopicError(RuntimeError):
    """A topic is missing and could not be created, or has fewer partitions than needed."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic that must exist.

    partitions: of a new topic. at_least: the least number of partitions of an existing one; None means `partitions`.
    grow: whether an existing topic gets the partitions that it lacks.
    replication: number of replicas; None takes three, or one per broker where there are fewer.
    """

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)
    replication: int | None = None
    at_least: int | None = None
    grow: bool = False


async def existing_partitions(
    brokers: str, names: Iterable[str] | None = None, *, security: Security | None = None, timeout_s: float = 15.0
) -> dict[str, int]:
    """How many partitions each of these topics has, None for all that the broker shows; a topic that does not exist is
    left out, and not created.

    A broker that is not up yet is waited for. Raises BrokerUnavailable.
    """
    wanted = None if names is None else set(names)

    async def describe(admin: AIOKafkaAdminClient) -> dict[str, int]:
        return {name: count for name, count in (await _counts(admin)).items() if wanted is None or name in wanted}

    return await _with_admin(brokers, security or Security(), timeout_s, describe)


async def ensure_topics(
    brokers: str, specs: Iterable[TopicSpec], *, security: Security | None = None, timeout_s: float = 15.0
) -> dict[str, int]:
    """Create the topics that are missing, grow those that may grow, and return how many partitions each has.

    Other existing topics are left as they are. A broker without a controller (the embedded one) cannot create or grow
    topics on request; it creates a topic with its own number of partitions when a client first asks for it. A broker
    that is not up yet is waited for. Raises BrokerUnavailable when none answers within `timeout_s`, TopicError when a
    topic stays missing, has fewer partitions than its spec's `at_least`, or cannot be created or grown.
    """
    wanted = {spec.name: spec for spec in specs}
    security = security or Security()
    counts = await _with_admin(
        brokers, security, timeout_s, lambda admin: _ensure(admin, brokers, security.options(), wanted),
    )
    for name, spec in wanted.items():
        least = spec.partitions if spec.at_least is None else spec.at_least
        if counts.get(name, 0) < least:
            raise TopicError(f"topic {name!r}: expected {least} partitions, found {counts.get(name, 0)}")
    return counts


async def _with_admin(
    brokers: str, security: Security, timeout_s: float,
    request: Callable[[AIOKafkaAdminClient], Awaitable[dict[str, int]]],
) -> dict[str, int]:
    deadline_s = time.monotonic() + timeout_s
    try:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + timeout_s):
            return await _until_reachable(brokers, security.options(), request, deadline_s)
    except TimeoutError as error:
        raise BrokerUnavailable(brokers, timeout_s, "no complete answer") from error
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable(brokers, timeout_s, error) from error


async def _until_reachable(
    brokers: str, options: dict[str, object], request: Callable[[AIOKafkaAdminClient], Awaitable[dict[str, int]]],
    deadline_s: float,
) -> dict[str, int]:
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=brokers.split(","), request_timeout_ms=5000, **options)
        try:
            await admin.start()
            return await request(admin)
        except (KafkaError, OSError) as error:
            if not is_of_reachability(error) or time.monotonic() + RETRY_S >= deadline_s:
                raise
            await asyncio.sleep(RETRY_S)
        finally:
            await admin.close()


async def _ensure(
    admin: AIOKafkaAdminClient, brokers: str, options: dict[str, object], wanted: Mapping[str, TopicSpec]
) -> dict[str, int]:
    before = await _counts(admin)
    missing = [spec for name, spec in wanted.items() if name not in before]
    if missing:
        copies = await _replicas(admin)
        if copies is None:
            log.info("the broker has no controller to create topics; asking for %d topics", len(missing))
        else:
            await _create(admin, missing, copies)
    # `partitions_for` waits until the topic exists and has leaders. A broker with automatic creation creates it then.
    producer = AIOKafkaProducer(bootstrap_servers=brokers.split(","), **options)
    await producer.start()
    try:
        counts = {name: len(await producer.partitions_for(name)) for name in wanted}
    finally:
        await producer.stop()
    small = [spec for name, spec in wanted.items() if spec.grow and counts[name] < spec.partitions]
    return counts | await _grow(admin, small, counts) if small else counts


async def _counts(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """All topics. Asking for a single one would create it on a broker with automatic creation."""
    topics = await admin.describe_topics()
    return {topic["topic"]: len(topic["partitions"]) for topic in topics if topic["partitions"]}


async def _replicas(admin: AIOKafkaAdminClient) -> int | None:
    """Replicas of a new topic; None for a broker without a controller, which cannot create topics on request."""
    cluster = await admin.describe_cluster()
    nodes = {broker["node_id"] for broker in cluster["brokers"]}
    return min(3, len(nodes)) if cluster["controller_id"] in nodes else None


async def _grow(
    admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec], counts: Mapping[str, int],
) -> dict[str, int]:
    """Add partitions, and wait until the brokers know them all; returns how many each topic has then."""
    if await _replicas(admin) is None:
        lacking = ", ".join(f"{spec.name} has {counts[spec.name]} of {spec.partitions}" for spec in specs)
        raise TopicError(f"topics: {lacking} partitions, and this broker cannot add partitions to a topic")
    for spec in specs:
        try:
            await admin.create_partitions({spec.name: NewPartitions(spec.partitions)})
        except InvalidPartitionsError:
            log.info("another worker has added partitions to %s", spec.name)
        except KafkaError as error:
            if error.retriable:
                raise
            wanted = f"{spec.partitions} partitions"
            raise TopicError(f"topic {spec.name!r} could not be grown to {wanted}: {error}") from error
    while True:
        found = await _counts(admin)
        if all(found.get(spec.name, 0) >= spec.partitions for spec in specs):
            return {spec.name: found[spec.name] for spec in specs}
        await asyncio.sleep(RETRY_S)


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
