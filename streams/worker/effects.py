"""What the parts of a worker have in common: who they write as, what they write to, and the clocks they read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streams.kafka.producer import Publisher
from streams.telemetry.metrics import Telemetry
from streams.telemetry.traces import Tracing
from streams.trust.authenticity import Authenticity
from streams.worker.audit import Audit
from streams.worker.dead_letter_writer import DeadLetterWriter


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
