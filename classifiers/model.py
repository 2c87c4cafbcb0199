"""The nouns of triage: scopes, anomalies, incidents. Plain frozen values; `to_json` gives the contract on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Category = Literal[
    "model_degradation", "performance_degradation", "context_pipeline", "resource_exhaustion", "data_quality",
    "availability", "security",
]
Severity = Literal["P0", "P1", "P2", "P3", "P4"]
State = Literal["open", "flapping", "resolved"]
Relation = Literal["reopens", "caused_by", "causes"]
StageStatus = Literal["recorded", "pending", "not_applicable", "invalid"]
Direction = Literal["up", "down", "none"]
TELLS = frozenset({"notify"})
"""Kinds of action that tell and change nothing."""


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """Where a series was measured: a service and model, and at most one of version, replica, tenant (a marginal)."""

    service: str
    model: str | None = None
    version: str | None = None
    replica: str | None = None
    tenant: str | None = None


SeriesKey = tuple[str, Scope]
"""Metric and scope."""


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Records of one topic's partition: first offset contained, and the first one after."""

    topic: str
    partition: int | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One window of one series as judged: an alarm when `level` reaches 1.0, else a quiet reading beside one.

    value, expected: in the metric's unit, None when unknown. level: calibrated, 1.0 is the false-alarm budget, None
    while the detectors warm up. count: samples behind the window. onset_s: when the change is estimated to have begun,
    nine times in ten within onset_error_s of it; None where nothing says how sure that is. records: where the records
    behind the window are to be read again; empty where unknown.
    """

    scope: Scope
    metric: str
    detector: str
    start_s: float
    end_s: float
    value: float | None
    expected: float | None
    level: float | None
    direction: Direction
    count: int
    onset_s: float
    onset_error_s: float | None = None
    records: tuple[OffsetRange, ...] = ()

    @property
    def alarming(self) -> bool:
        """True when the level is known and at or beyond the false-alarm budget."""
        return self.level is not None and self.level >= 1.0


@dataclass(frozen=True, slots=True)
class Factor:
    """One reason behind a verdict: what was looked at, what was seen, how much it weighed."""

    name: str
    value: float | str | None
    weight: float
    text: str


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """An action as the incident tells it."""

    key: str
    kind: str
    target: str
    mode: str
    status: str
    decided_at_s: float
    done_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """Another incident and what it is to this one: it is reopened by this one, its cause, or its effect."""

    id: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class StageTime:
    """Seconds from the estimated onset to a stage of an incident's life.

    recorded: took value_s. pending: may still come. not_applicable: will not come, since nothing asked for it or the
    incident ended without. invalid: the times contradict each other. value_s is None but for recorded.
    """

    value_s: float | None
    status: StageStatus


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody works on it, until the time given; from then on it counts as not acknowledged."""

    by: str
    at_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """When it is expected to be over, in seconds from the onset, by `count` incidents like it that ended.

    With `confidence` (0 to 1) between low_s and high_s.
    """

    low_s: float
    median_s: float
    high_s: float
    confidence: float
    count: int


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident as published (design, section 7). A scope field is None unless that one is hit alone.

    silenced_by: id of the silence, or name of the maintenance window, that keeps it from being told and acted on.
    opened_severity: that of the first verdict, None where an older version did not note it. expected_resolve: None
    where nothing can be said; a factor says why.
    """

    id: str
    state: State
    opened_at_s: float
    onset_at_s: float
    resolved_at_s: float | None
    category: Category
    severity: Severity
    peak_severity: Severity
    service: str
    model: str | None
    version: str | None
    replica: str | None
    tenant: str | None
    title: str
    factors: tuple[Factor, ...] = ()
    evidence: tuple[Anomaly, ...] = ()
    related: tuple[Related, ...] = ()
    actions: tuple[ActionRecord, ...] = ()
    stage_times: dict[str, StageTime] = field(default_factory=dict)
    config_hash: str = ""
    onset_error_s: float | None = None
    acknowledged: Acknowledgement | None = None
    silenced_by: str | None = None
    opened_severity: Severity | None = None
    expected_resolve: Forecast | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that happened to a subject (an incident, an intent, a control record), and why.

    subject: its id. event: what happened to it; before, after: its state then, None where it has none. actor: who asked
    for it, None when nobody did.
    """

    at_s: float
    subject: str
    event: str
    before: str | None
    after: str | None
    reason: str
    actor: str | None = None
