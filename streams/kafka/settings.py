"""The Kafka settings of a worker and of its clients: security, defaults and bounds, read from the configuration."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from config.models import Config, SecuritySection
from streams.kafka.worker_process import WorkerProcess

MAX_METADATA_AGE_S = 30.0
"""Partitions that were added have no reader for so long."""


class UnusableCredentials(ValueError):  # noqa: N818
    """A certificate or key file of the configuration cannot be used. The command line shows `exit_message`."""

    def __init__(self, message: str) -> None:
        self.exit_message = message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Security:
    """How to authenticate. Without `ssl_context` everything, a password included, travels unencrypted."""

    ssl_context: ssl.SSLContext | None = None
    sasl_mechanism: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def options(self) -> dict[str, object]:
        """Keyword arguments that every aiokafka client understands."""
        protocol = "SSL" if self.ssl_context else "PLAINTEXT"
        if self.sasl_mechanism is None:
            return {"security_protocol": protocol, "ssl_context": self.ssl_context}
        return {
            "security_protocol": f"SASL_{protocol}",
            "ssl_context": self.ssl_context,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Addresses, consumer group, topics and time limits of one worker. Raises `ValueError` for a broken bound.

    brokers: `host:port,host:port`. batched: topics that arrive as record batches. client: the client id; it is the text
    of a `WorkerProcess` where there is an instance.
    instance: the name of a static member. It must survive a restart, and no other worker of the group may have it. A
    static member that restarts within `session_timeout_s` gets its partitions back at once. Without a name, a worker
    that stops leaves the group at once, and the group notices the death of a killed one after `session_timeout_s`.
    from_start: where a batched partition begins that has neither state nor a committed offset: at the start of the log
    or at its end. Other topics begin at the start. buffered_batches: how many batches may wait for an agent before
    fetching pauses.
    fetch_min_bytes: a fetch waits for so many bytes. At 5,000 records/s this needs a seventh of the fetches and a
    quarter of the CPU time. fetch_wait_ms: the longest wait of a fetch. It bounds also how long an idle partition can
    delay a busy one on the same broker.
    metadata_max_age_s: how often the client asks for partitions that were added; at most `MAX_METADATA_AGE_S`.
    web_port: None runs no web server.
    """

    brokers: str
    group: str
    batched: frozenset[str] = frozenset()
    client: str = "tocsin"
    instance: str | None = None
    session_timeout_s: float = 6.0
    heartbeat_s: float = 1.5
    rebalance_timeout_s: float = 20.0
    commit_interval_s: float = 1.0
    hand_over_timeout_s: float = 5.0
    stop_timeout_s: float = 15.0
    buffered_batches: int = 8
    fetch_max_bytes: int = 4 << 20
    fetch_wait_ms: int = 100
    fetch_min_bytes: int = 64 << 10
    metadata_max_age_s: float = MAX_METADATA_AGE_S
    from_start: bool = True
    security: Security = field(default_factory=Security)
    web_host: str = "127.0.0.1"
    web_port: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.heartbeat_s < self.session_timeout_s:
            raise ValueError(f"heartbeat_s {self.heartbeat_s}: expected between 0 and session_timeout_s "
                             f"{self.session_timeout_s}")
        if not 0 < self.hand_over_timeout_s < min(self.rebalance_timeout_s, self.stop_timeout_s):
            raise ValueError(f"hand_over_timeout_s {self.hand_over_timeout_s}: expected less than rebalance_timeout_s "
                             f"{self.rebalance_timeout_s} and stop_timeout_s {self.stop_timeout_s}")
        if not 0 < self.metadata_max_age_s <= MAX_METADATA_AGE_S:
            raise ValueError(f"metadata_max_age_s {self.metadata_max_age_s}: expected between 0 and "
                             f"{MAX_METADATA_AGE_S}")
        if self.buffered_batches < 2:
            raise ValueError(f"buffered_batches {self.buffered_batches}: expected at least 2")


def settings_of(config: Config) -> KafkaSettings:
    """The settings that a configuration asks for. Raises `ValueError` naming a bound that is broken."""
    kafka = config.kafka
    return KafkaSettings(
        brokers=",".join(kafka.brokers),
        group=kafka.group,
        batched=frozenset(
            {source.topic for source in config.inputs} | {config.topics.outcomes, config.topics.actions}
        ),
        client="tocsin" if kafka.instance_id is None else str(WorkerProcess.current(kafka.instance_id)),
        instance=kafka.instance_id,
        session_timeout_s=kafka.session_timeout_s,
        heartbeat_s=kafka.session_timeout_s / 4.0,
        security=security_of(config),
    )


def security_of(config: Config) -> Security:
    """TLS and SASL as configured. Raises `UnusableCredentials` naming the PEM file that cannot be used."""
    configured = config.kafka.security
    context = _tls(configured) if configured.tls else None
    if configured.sasl is None:
        return Security(context)
    sasl = configured.sasl
    return Security(context, sasl.mechanism, sasl.username, sasl.password.reveal())


def _tls(configured: SecuritySection) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=configured.cafile)
    except OSError as error:
        raise UnusableCredentials(f"kafka.security.cafile: {configured.cafile}: {_reason(error)}") from error
    context.check_hostname = configured.verify_hostname
    if configured.certfile is not None:
        # An empty password, and not None: with None OpenSSL would ask for one at the terminal.
        password = configured.key_password.reveal() if configured.key_password is not None else ""
        try:
            context.load_cert_chain(configured.certfile, configured.keyfile, password)
        except OSError as error:
            files = " with ".join(file for file in (configured.certfile, configured.keyfile) if file is not None)
            raise UnusableCredentials(f"kafka.security.certfile: {files}: {_reason(error)}") from error
    return context


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"{error.reason or error}, expected a certificate and key in PEM that belong together"
    return f"{error.strerror}, expected a readable PEM file"
