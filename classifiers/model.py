"""The values of triage: scopes, anomalies, incidents. Frozen and plain; `streams/contracts` writes them as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ServiceCategory = Literal[
    "model_degradation", "performance_degradation", "context_pipeline", "resource_exhaustion", "data_quality",
    "availability", "security",
]
"""What can be wrong with a service, as triage finds it."""
Category = Literal[ServiceCategory, "telemetry"]
"""telemetry: not a service, but its monitoring is in trouble."""
Severity = Literal["P0", "P1", "P2", "P3", "P4"]
Resolution = Literal["lost", "expected", "manual"]
"""lost: the state that knew the incident was lost; nobody can say whether its cause is over. expected: a human called
it a planned change."""
State = Literal["open", "flapping", "resolved"]
Relation = Literal["reopens", "repeats", "caused_by", "causes"]
StageStatus = Literal["recorded", "pending", "not_applicable", "invalid"]
Direction = Literal["up", "down", "none"]
UndoWhen = Literal["when_over", "when_failed", "never"]
FeedbackKind = Literal["fault", "false_alarm", "planned_change"]
BreakerState = Literal["closed", "open", "half_open", "forced_open", "disabled"]
RemedyState = Literal["applied", "verifying", "recovered", "not_recovered", "inconclusive", "undone", "kept"]
"""applied: it ran. verifying: its scope gives readings after it settled. inconclusive: twice too few samples. undone,
kept: after it did not help."""
UNJUDGED: frozenset[RemedyState] = frozenset({"applied", "verifying"})
"""Before there is a verdict."""
MAY_HAVE_RUN = frozenset({"executed", "interrupted"})
"""Statuses of an action that may have changed its target; with any other it did nothing there."""
NOTIFICATIONS = frozenset({"notify"})
"""Kinds of action that notify people and change nothing."""


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """The scope of a series: a service and model, and at most one of version, replica, tenant (a marginal)."""

    service: str
    model: str | None = None
    version: str | None = None
    replica: str | None = None
    tenant: str | None = None


SeriesKey = tuple[str, Scope]
"""Metric and scope."""


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Records of one partition of a topic. start: the first offset. end: one after the last offset."""

    topic: str
    partition: int | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Anomaly:
    """The verdict on one window of one series: an alarm when `level` reaches 1.0, else a quiet reading.

    value, expected: in the metric's unit, None when unknown. level: calibrated, 1.0 is the false-alarm budget, None
    while the detectors warm up. count: samples behind the window. trials: what the value is a share of, None where it
    is not judged as a share. onset_s: when the change is estimated to have begun,
    nine times in ten within onset_error_s, which is None where the error is unknown. records: the offsets of the
    records behind the window, empty where unknown.
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
    trials: float | None = None

    @property
    def samples(self) -> int:
        """The number of requests or values behind the window, as far as it is known."""
        return self.count if self.trials is None else max(self.count, round(self.trials))

    @property
    def alarming(self) -> bool:
        """True when the level is known and at or beyond the false-alarm budget."""
        return self.level is not None and self.level >= 1.0


@dataclass(frozen=True, slots=True)
class Factor:
    """One reason of a verdict: its name, the observed value, and the points that it adds."""

    name: str
    value: float | str | None
    weight: float
    text: str


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """An action as published with its incident. step_id: of its playbook's step, or the event that it notifies of; None
    in incidents of older releases. undo_when: when its effect is taken back, None where nothing stays in force.
    breaker: the circuit breaker of the target as last reported, None where none was. digest: of the terms that it was
    decided by, None where it has none. approved_by: empty where nobody was asked, and in incidents of older
    releases. detail: why it was refused, None where it was not."""

    key: str
    kind: str
    target: str
    mode: str
    status: str
    decided_at_s: float
    done_at_s: float | None = None
    step_id: str | None = None
    attempt: int = 1
    undo: bool = False
    playbook: str | None = None
    undo_when: UndoWhen | None = None
    breaker: BreakerState | None = None
    digest: str | None = None
    approved_by: tuple[str, ...] = ()
    detail: str | None = None


def may_have_acted(action: ActionRecord) -> bool:
    """Whether an action may have changed its target; a notification changes none."""
    return action.kind not in NOTIFICATIONS and action.status in MAY_HAVE_RUN


@dataclass(frozen=True, slots=True)
class RemedyRecord:
    """What became of a remedy, as the detectors judge it. key: of the action. since_s: of the state. samples: requests
    of the scope without an alarm that it was judged by."""

    key: str
    step_id: str
    kind: str
    target: str
    state: RemedyState
    since_s: float
    detail: str
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Related:
    """Another incident and its relation to this one: reopened by this one, the one before it in a habit, its cause, or
    its effect."""

    id: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class StageTime:
    """Seconds from the estimated onset to a stage of an incident's life.

    recorded: it took value_s. pending: it may still come. not_applicable: it will not come, since no action was decided
    or the incident ended before it. invalid: the times contradict each other. value_s is None except for recorded.
    """

    value_s: float | None
    status: StageStatus


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody works on the incident, until until_s. From then on it counts as not acknowledged."""

    by: str
    at_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class IncidentNote:
    """What a person said about the incident while it went on."""

    by: str
    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """Forecast of the time to resolve, in seconds from the onset, from `count` similar incidents.

    The interval from low_s to high_s holds with probability `confidence`.
    """

    low_s: float
    median_s: float
    high_s: float
    confidence: float
    count: int


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident as published. A scope field is None unless that part alone is hit.

    silenced_by: id of the silence, or name of the maintenance window, that suppresses its notifications and actions.
    opened_severity: of the first verdict, None where an older version did not record it. expected_resolve: None where
    there is no forecast; a factor gives the reason. resolution: why a resolved incident is over, None where it ended by
    itself. assigned_to: who is responsible for it, the last of owners. commander: who leads the response. scribe: who
    writes down what happens. notes: the last ones of people, in order. alarmed_at_s: of its last alarm when it was
    published, in event time; None in incidents of older releases.
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
    resolution: Resolution | None = None
    assigned_to: str | None = None
    notes: tuple[IncidentNote, ...] = ()
    remedies: tuple[RemedyRecord, ...] = ()
    commander: str | None = None
    scribe: str | None = None
    owners: tuple[str, ...] = ()
    alarmed_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One event of a subject (an incident, an intent, a control record), with its reason.

    subject: its id. before, after: its state, None where it has none. actor: who requested the event, None when nobody
    did. feedback: what a person said that the incident was, None for every other event.
    """

    at_s: float
    subject: str
    event: str
    before: str | None
    after: str | None
    reason: str
    actor: str | None = None
    feedback: FeedbackKind | None = None
