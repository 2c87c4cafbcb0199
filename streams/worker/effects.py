"""What the parts of a worker have in common: who they write as, what they write to, and the clocks they read."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from config.identity import config_hash
from config.models import Config
from detectors.suite import Suite
from streams.contracts.envelopes import source_of
from streams.kafka.producer import Publisher
from streams.kafka.settings import KafkaSettings
from streams.kafka.sight import boot_s
from streams.telemetry.metrics import Labels, Telemetry
from streams.telemetry.traces import Tracing
from streams.trust.authenticity import Authenticity
from streams.trust.setup import authenticity_of
from streams.worker.audit import Audit
from streams.worker.dead_letter_writer import DeadLetterWriter
from streams.worker.wall_clock import WallClock


@dataclass(frozen=True, slots=True)
class Identity:
    """Who writes: the `source` of the events, the consumer `group`, and the name of this worker."""

    source: str
    group: str
    worker: str


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of a worker, each a function that returns seconds.

    now_s: the clock of decisions, since the epoch. wall_s: the wall clock, since the epoch; in a demo the clock of
    decisions runs faster. steady_s: never steps, counts suspended time, and runs as fast as the clock of decisions.
    mono_s: monotonic, for intervals only.
    """

    now_s: Callable[[], float]
    wall_s: Callable[[], float]
    steady_s: Callable[[], float]
    mono_s: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Effects:
    """Everything through which a part of a worker reaches the outside."""

    identity: Identity
    clocks: Clocks
    publisher: Publisher
    audit: Audit
    dead_letters: DeadLetterWriter
    telemetry: Telemetry
    tracing: Tracing
    authenticity: Authenticity


def worker_name(config: Config) -> str:
    """The name under which this process writes."""
    return f"tocsin/{config.kafka.instance_id or f'{socket.gethostname()}-{os.getpid()}'}"


def effects_of(config: Config, settings: KafkaSettings, clock: WallClock, name: str) -> Effects:
    """The effects of a process as configured. clock: of decisions; intervals are measured on the monotonic one."""
    release = version("tocsin")
    telemetry = Telemetry(
        Labels(
            topics=tuple(sorted(settings.batched)), detectors=(*Suite.names, "absence"),
            action_kinds=tuple(config.actions),
        ),
        version=release,
    )
    telemetry.process.started(config_hash(config), time.time())
    tracing = Tracing.to_endpoint(config.telemetry.traces.endpoint, version=release, instance=name)
    publisher = Publisher({"bootstrap_servers": settings.brokers.split(","), **settings.security.options()})
    identity = Identity(source_of(config.kafka.group), config.kafka.group, name)
    return Effects(
        identity=identity,
        clocks=Clocks(
            now_s=clock.now, wall_s=time.time, steady_s=lambda: boot_s() * clock.speed, mono_s=time.monotonic,
        ),
        publisher=publisher,
        audit=Audit(config.topics.audit, identity.source, tracing),
        dead_letters=DeadLetterWriter(config.topics.dead_letters, telemetry),
        telemetry=telemetry,
        tracing=tracing,
        authenticity=authenticity_of(config, identity.source),
    )
