"""From the operator's configuration to the settings of Kafka: addresses, credentials, and the topics there must be."""

from __future__ import annotations

import ssl

from config.models import Config
from config.models import Security as Asked
from streams.contracts.channels import CHANNELS
from streams.kafka.topics import Security, TopicError, TopicSpec, ensure_topics
from streams.kafka.transport import KafkaSettings

NEW_PARTITIONS = 4
"""Of an input topic that nobody made; every topic of ours follows the inputs."""


class UnusableCredentials(ValueError):  # noqa: N818
    """Files of the operator's that do not let us in. The command line shows `exit_message`."""

    def __init__(self, message: str) -> None:
        self.exit_message = message
        super().__init__(message)


def security_of(config: Config) -> Security:
    """TLS and SASL as configured. Raises `UnusableCredentials` naming the PEM file that cannot be used."""
    asked = config.kafka.security
    context = _tls(asked) if asked.tls else None
    if asked.sasl is None:
        return Security(context)
    return Security(context, asked.sasl.mechanism, asked.sasl.username, asked.sasl.password.reveal())


def _tls(asked: Asked) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=asked.cafile)
    except OSError as error:
        raise UnusableCredentials(f"kafka.security.cafile: {asked.cafile}: {_why(error)}") from error
    context.check_hostname = asked.verify_hostname
    if asked.certfile is not None:
        # An empty password, and not none: OpenSSL would ask for one at the terminal.
        password = asked.key_password.reveal() if asked.key_password is not None else ""
        try:
            context.load_cert_chain(asked.certfile, asked.keyfile, password)
        except OSError as error:
            files = " with ".join(file for file in (asked.certfile, asked.keyfile) if file is not None)
            raise UnusableCredentials(f"kafka.security.certfile: {files}: {_why(error)}") from error
    return context


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"{error.reason or error}, expected a certificate and key in PEM that belong together"
    return f"{error.strerror}, expected a readable PEM file"


def settings_of(config: Config) -> KafkaSettings:
    """How the worker meets Kafka. Raises `ValueError` naming a bound that is broken."""
    kafka = config.kafka
    return KafkaSettings(
        brokers=",".join(kafka.brokers),
        group=kafka.group,
        batched=frozenset({source.topic for source in config.inputs} | {config.topics.outcomes}),
        instance=kafka.instance_id,
        session_timeout_s=kafka.session_timeout_s,
        heartbeat_s=kafka.session_timeout_s / 4.0,
        security=security_of(config),
    )


async def prepare_topics(config: Config, security: Security) -> int:
    """Make what is missing and return the number of shards.

    Raises `BrokerUnavailable`, and `TopicError` when the inputs differ in partitions: shard k is partition k of them
    all, and a service's records would not meet.
    """
    brokers = ",".join(config.kafka.brokers)
    inputs = [TopicSpec(source.topic, NEW_PARTITIONS, at_least=1) for source in config.inputs]
    counts = await ensure_topics(brokers, inputs, security=security)
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{topic} has {count}" for topic, count in sorted(counts.items()))
        raise TopicError(f"inputs: {found} partitions, expected the same number in every input topic")
    shards = next(iter(counts.values()))
    topics = config.topics
    ours = [
        TopicSpec(getattr(topics, one.setting), shards, one.config, at_least=one.at_least) for one in CHANNELS
    ]
    counts = await ensure_topics(brokers, ours, security=security)
    if counts[topics.actions] != counts[topics.ledger]:
        # Partition k of the ledger settles what partition k of the actions was doing when its owner died.
        found = f"{topics.actions} has {counts[topics.actions]}, {topics.ledger} has {counts[topics.ledger]}"
        raise TopicError(f"topics: {found} partitions, expected the same number in both")
    return shards
