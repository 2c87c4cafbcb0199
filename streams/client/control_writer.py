"""Writes control records, and looks up the incidents, silences and services that they name. For the command line.

A record that workers would refuse is refused here first, with the same message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from classifiers.directive_reasons import window_text
from classifiers.directives import Directive, Silence
from classifiers.model import Incident
from classifiers.validation_errors import did_you_mean
from config.models import Config, ControlSection
from streams.client.incident_log import read_topics
from streams.client.silence_log import read_silences
from streams.client.topic_reader import first_offset, open_reader, partitions_of_topics, places_of, read_to_end
from streams.cluster.required_topics import NEW_PARTITIONS
from streams.cluster.topics import BrokerUnavailable, TopicError, TopicSpec, ensure_topics
from streams.contracts.channels import CONTROL_CONFIG
from streams.contracts.control_records import ControlRecordError, kind_name, sign, verify
from streams.contracts.envelopes import Header, Message, WireError, read_service_series, source_of
from streams.contracts.people.silences import StoredSilence
from streams.kafka.settings import Security, security_of

TIMEOUT_S = 15.0
SEEN_WITHIN_S = 120.0
"""Workers tell of each service with traffic every 15 s."""
LOOK_S = 5.0
"""For how long services are looked up: it is only for a hint."""
OF_SERVICE = b"service/"
"""How the keys of records begin that tell of a service."""


class ControlWriteError(ValueError):
    """A control record that cannot be written. The command line shows `exit_message`."""

    def __init__(self, message: str) -> None:
        self.exit_message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class WrittenRecord:
    """The position of a written record, and the key that signed it."""

    topic: str
    partition: int
    offset: int
    key: str


@dataclass(frozen=True, slots=True)
class _UnsentRecord:
    """A record as a worker would receive it, were it written now."""

    timestamp: int
    value: bytes | None
    headers: Sequence[Header]


async def write(config: Config, directive: Directive, key: str | None, now_s: float) -> WrittenRecord:
    """Sign a directive and write it. key: by name, None for the only one that may sign it.

    Raises `ControlWriteError` for what workers would refuse, `BrokerUnavailable`, and `TopicError`.
    """
    name = signing_key(config.control, directive, key)
    secret = config.control.keys[name].secret.reveal().encode()
    message = sign(directive, name, secret, source_of(config.kafka.group), now_s)
    try:
        verify(_UnsentRecord(int(now_s * 1000), message.value, message.headers), config.control)
    except ControlRecordError as error:
        raise ControlWriteError(f"{kind_name(directive)}: {error}") from error
    security = security_of(config)
    await make_topic(config, security)
    partition, offset = await send(config, security, message)
    return WrittenRecord(config.topics.control, partition, offset, name)


def signing_key(control: ControlSection, directive: Directive, wanted: str | None) -> str:
    """The name of the key to sign with; raises `ControlWriteError` when there is none, or several and none is
    `wanted`."""
    kind = kind_name(directive)
    allowed = sorted(name for name, key in control.keys.items() if kind in key.may)
    if wanted is not None:
        if wanted not in allowed:
            expected = f"one that may sign {kind} ({', '.join(allowed) or 'none may'})"
            raise ControlWriteError(f"key {wanted!r}, expected {expected}")
        return wanted
    if not allowed:
        raise ControlWriteError(
            f"control.keys: none may sign {kind}, expected a key, since workers refuse what is not signed",
        )
    if len(allowed) > 1:
        raise ControlWriteError(f"{', '.join(allowed)} may all sign {kind}, expected --key with one of them")
    return allowed[0]


async def find_incident(config: Config, incident_id: str) -> Incident:
    """An incident as last published.

    Raises `ControlWriteError` for one that never was published, `BrokerUnavailable`, `TopicError`.
    """
    log = await read_topics(config)
    if incident_id not in log.incidents:
        raise ControlWriteError(
            f"incident {incident_id!r}: not among the {len(log.incidents)} of {config.topics.incidents}",
        )
    return log.incidents[incident_id]


async def find_silence(config: Config, silence_id: str, now_s: float) -> Silence:
    """A silence that has not ended.

    Raises `ControlWriteError` when there is none of that name, with why where it is a maintenance window, and
    `BrokerUnavailable`.
    """
    window = next((one for one in config.maintenance if one.name == silence_id), None)
    if window is not None:
        raise ControlWriteError(f"{window_text(window, now_s)}; expected a silence")
    known = await _known_silences(config)
    found = known.get(silence_id)
    if found is None:
        active = sorted(name for name, each in known.items() if each.state(now_s) != "ended")
        expected = f"one that lasts: {', '.join(active)}" if active else "a silence that lasts, and none does"
        raise ControlWriteError(f"silence {silence_id!r}: unknown, expected {expected}")
    if found.state(now_s) == "ended":
        raise ControlWriteError(f"silence {silence_id!r}: it is over already")
    return found.silence


async def check_unused_id(config: Config, silence_id: str) -> None:
    """Raises `ControlWriteError` for a name that a silence has had: workers apply an id once.

    Raises `BrokerUnavailable`.
    """
    if silence_id in await _known_silences(config):
        raise ControlWriteError(f"silence {silence_id!r}: a silence had this name before, expected another one")


async def seen_services(config: Config, now_s: float) -> frozenset[str]:
    """The services of which workers told lately; empty where that cannot be known. Never raises, takes 5 s at most."""
    found: set[str] = set()
    with suppress(BrokerUnavailable, TopicError, TimeoutError):
        async with asyncio.timeout(LOOK_S), open_reader(config) as reader:
            places = places_of(await partitions_of_topics(config), config.topics.series)
            since_s = now_s - SEEN_WITHIN_S
            begins = {tp: await first_offset(reader, tp, since_s) for tp in places}
            async for record in read_to_end(reader, places, begins):
                with suppress(WireError):
                    if record.timestamp >= since_s * 1000 and (record.key or b"").startswith(OF_SERVICE):
                        found.add(read_service_series(record.value).service)
    return frozenset(found)


def unseen_service(wanted: str, fits: Callable[[str], bool], seen: Collection[str], config: Config) -> str | None:
    """A warning where no known service fits; None where one does, or where none is known. wanted: as it was written.

    Known are the services of which workers told, and those that the section `services` names without a glob.
    """
    named = {rule.match for rule in config.services if not set(rule.match) & set("*?[")}
    if any(fits(name) for name in (*seen, *named)) or not (seen or named):
        return None
    hint = did_you_mean(wanted, sorted({*seen, *named}))
    reason = "`services` does not name it"
    if seen:
        reason = f"no worker told of it in the last {SEEN_WITHIN_S / 60:.0f} minutes"
    return f"service {wanted!r}: {reason}{hint}; it has its effect once there is such a service"


async def _known_silences(config: Config) -> dict[str, StoredSilence]:
    """The silences on the control topic that workers apply, by name."""
    await make_topic(config, security_of(config))
    return {each.silence.id: each for each in await read_silences(config)}


async def make_topic(config: Config, security: Security) -> None:
    """Create the control topic where it is missing. Raises `BrokerUnavailable` and `TopicError`."""
    spec = TopicSpec(config.topics.control, NEW_PARTITIONS, CONTROL_CONFIG, at_least=1)
    await ensure_topics(",".join(config.kafka.brokers), [spec], security=security)


async def send(config: Config, security: Security, message: Message) -> tuple[int, int]:
    """Write a control record; returns its partition and offset. Raises `BrokerUnavailable`."""
    brokers = ",".join(config.kafka.brokers)
    producer = AIOKafkaProducer(bootstrap_servers=config.kafka.brokers, acks="all", **security.options())
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await producer.start()
            stored = await producer.send_and_wait(
                config.topics.control, message.value, key=message.key, headers=list(message.headers),
            )
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(brokers, TIMEOUT_S, error or "no complete answer") from error
    finally:
        await producer.stop()
    return stored.partition, stored.offset
