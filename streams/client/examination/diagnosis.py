"""Examines an installation step by step, each with its findings. Nothing is written."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from config.models import Config
from config.trust.sections import ProcessRole
from streams.client.dead_letter_log import read_dead_letters
from streams.client.examination.clock_check import judge_clock, read_fresh, told_of
from streams.client.examination.contact import contact
from streams.client.examination.coordinators import refused_names
from streams.client.examination.permissions import NEEDED, missing_permissions, read_operations
from streams.client.examination.recent_records import judge, judge_content, read_last, seen_record
from streams.client.examination.topic_check import TopicFinding, check_topics, read_topic_states
from streams.client.topic_reader import open_reader, partitions_of_topics, places_of
from streams.cluster.compression import CODECS
from streams.cluster.group_description import GroupMember, describe_group
from streams.cluster.topics import BrokerUnavailable
from streams.kafka.settings import security_of, settings_of
from streams.planning import plan_of

RECENT_S = 3600.0
LAG = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be. where: a broker, a topic, the group."""

    where: str
    found: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Examination:
    """A step and its findings; told: what was seen where there is none."""

    step: str
    told: str
    findings: tuple[Finding, ...] = ()


async def examine(config: Config, roles: Collection[ProcessRole]) -> AsyncIterator[Examination]:
    """The steps in order; where no broker lets us in, the first two are all. roles: whose permissions are needed."""
    missing = [name for name, is_there in CODECS.items() if not is_there()]
    yield Examination("codecs", f"{', '.join(CODECS)} can be read", tuple(
        Finding("codecs", f"{name}: no library", "install tocsin with its dependencies again") for name in missing
    ))
    contacts = await asyncio.gather(*(contact(each, security_of(config)) for each in config.kafka.brokers))
    failed = tuple(
        Finding(one.address, f"failed at {one.failed_at}: {one.reason}", one.remedy) for one in contacts
        if one.failed_at is not None
    )
    yield Examination("brokers", f"{len(contacts)} of {len(contacts)} answer and let us in", failed)
    if len(failed) == len(contacts):
        return
    steps: dict[str, Callable[[Config], Awaitable[Examination]]] = {
        "topics": _topics, "permissions": partial(_permissions, roles), "records": _records, "clock": _clock,
        "dead letters": _dead_letters, "group": _group,
    }
    for name, step in steps.items():
        try:
            yield await step(config)
        except (KafkaError, OSError, BrokerUnavailable) as error:
            yield Examination(name, "", (Finding(
                name, f"could not be read: {error}",
                "give the principal the ACLs of docs/security.md, or see whether the brokers are well",
            ),))


async def _permissions(roles: Collection[ProcessRole], config: Config) -> Examination:
    topics = {one.topic for one in config.inputs} | {getattr(config.topics, setting) for setting in NEEDED}
    allowed = await read_operations(config, topics)
    if allowed is None:
        return Examination("permissions", "this broker does not tell them")
    names = ", ".join(sorted(roles))
    told = f"the roles {names} may do what they need with {len(allowed)} topics, their groups and transactional ids"
    missing = [(one.topic, " and no ".join(one.operations)) for one in missing_permissions(config, allowed, roles)]
    missing += [(str(one), one.operation) for one in await refused_names(config, roles)]
    return Examination("permissions", told, tuple(
        Finding(where, f"this principal has no {operations}",
                "add the ACLs of docs/security.md, or name the roles that the principal has: --role")
        for where, operations in missing
    ))


async def _topics(config: Config) -> Examination:
    states = await read_topic_states(config)
    told = f"{len(states)} exist, with the partitions and settings that they need"
    return Examination("topics", told, _of_topics(check_topics(config, states)))


def _of_topics(found: Iterable[TopicFinding]) -> tuple[Finding, ...]:
    return tuple(Finding(one.topic, one.found, one.remedy) for one in found)


async def _records(config: Config) -> Examination:
    found: list[Finding] = []
    count, plan = 0, plan_of(config)
    async with open_reader(config) as reader:
        known = await partitions_of_topics(config)
        for source in config.inputs:
            places = places_of(known, source.topic)
            if not places:
                continue
            records = await read_last(reader, places)
            count += len(records)
            now_s = time.time()
            judged = judge(source.topic, [seen_record(one) for one in records], len(places), now_s)
            judged += judge_content(source.topic, plan.inputs[source.topic], plan.validation_limits, records, now_s)
            found += _of_topics(judged)
    told = f"the last {count} of the inputs can be read, and have keys and times that fit"
    return Examination("records", told, tuple(found))


async def _clock(config: Config) -> Examination:
    known = await partitions_of_topics(config)
    topics = dict.fromkeys((*(one.topic for one in config.inputs), config.topics.ticks))
    async with open_reader(config) as reader:
        fresh = await read_fresh(reader, [tp for topic in topics for tp in places_of(known, topic)])
    return Examination("clock", told_of(fresh), _of_topics(judge_clock(fresh)))


async def _dead_letters(config: Config) -> Examination:
    if config.topics.dead_letters not in await partitions_of_topics(config):
        return Examination("dead letters", "there is no topic of dead letters yet")
    since_s = time.time() - RECENT_S
    recent = [one for one in await read_dead_letters(config) if one.at_s >= since_s]
    last = {(one.topic, one.reason): one.detail for one in recent}
    return Examination("dead letters", "none in the last hour", tuple(
        Finding(topic, f"{count} records refused in the last hour as {reason}; the last: {last[topic, reason]}",
                f"repair the producer; tocsin dlq list --reason {reason}")
        for (topic, reason), count in Counter((one.topic, one.reason) for one in recent).most_common()
    ))


async def _group(config: Config) -> Examination:
    """Members, their releases, and lag. Of named workers the process is told."""
    settings = settings_of(config)
    described = await describe_group(settings)
    if described is None:
        return Examination("group", "this broker cannot describe groups")
    if not described.members:
        return Examination("group", "", (Finding(
            settings.group, "has no member: no worker runs", "start one: tocsin worker --config FILE",
        ),))
    lags = await _lags(config)
    found = [
        Finding(f"{tp.topic}[{tp.partition}]", f"{lag} records are not read yet",
                "see whether the worker of this partition is well; add workers up to the number of partitions")
        for tp, lag in lags.items() if lag > LAG
    ]
    found += judge_releases(settings.group, described.members)
    names = ", ".join(map(_member, described.members))
    told = f"{len(described.members)} members: {names}; lag {sum(lags.values())}"
    return Examination("group", told, tuple(found))


def judge_releases(group: str, members: Collection[GroupMember]) -> list[Finding]:
    """A finding where the workers of a group are of different releases."""
    if len({one.release for one in members}) <= 1:
        return []
    return [Finding(
        group, f"its workers run different versions: {', '.join(map(_member, members))}",
        "end the upgrade: replace the workers of the older version, one after the other",
    )]


def _member(one: GroupMember) -> str:
    who = "a worker without a name" if one.process is None else f"{one.process.instance} on {one.process.host}"
    return f"{who} ({one.release or 'version unknown'})"


async def _lags(config: Config) -> dict[TopicPartition, int]:
    """By partition of an input with a committed offset."""
    inputs = {one.topic for one in config.inputs}
    admin = AIOKafkaAdminClient(bootstrap_servers=config.kafka.brokers, **security_of(config).options())
    try:
        await admin.start()
        committed = await admin.list_consumer_group_offsets(config.kafka.group)
    finally:
        await admin.close()
    places = {tp: one.offset for tp, one in committed.items() if tp.topic in inputs and one.offset >= 0}
    async with open_reader(config) as reader:
        ends = await _ends(reader, list(places))
    return {tp: max(0, ends[tp] - offset) for tp, offset in places.items()}


async def _ends(reader: AIOKafkaConsumer, places: list[TopicPartition]) -> dict[TopicPartition, int]:
    return dict(await reader.end_offsets(places)) if places else {}
