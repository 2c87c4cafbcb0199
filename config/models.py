"""The models of the configuration. All defaults are in `default.yaml`, with their reasons.

A field that ends in `_s` holds seconds and is written without the suffix: `size_s` is `size: 1s` in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from actions.catalogue import CATALOGUE, ActionParams
from actions.limits import LimitParams
from actions.playbooks.playbook import Playbook
from actions.trust.roles import Role
from classifiers.accounting.slo_report import StageTargets
from classifiers.directive_fields import Vendor
from classifiers.incidents.triage import TriageParams
from classifiers.learning.prequential import LearningParams
from classifiers.model import Severity
from classifiers.silences import MaintenanceWindow
from config.audiences.sections import AudienceSection, with_readers
from config.channels.sections import Channels
from config.fields import (
    AutoDuration,
    ByName,
    Duration,
    FromYaml,
    Glob,
    Hidden,
    Host,
    Listed,
    Name,
    Network,
    Pattern,
    SigningSecret,
    Strict,
    Topic,
    matching,
)
from config.oncall.sections import PolicySection, ScheduleSection
from config.review import ReviewSection
from config.trust.sections import Person, SigningSection
from detectors.base import Statistic
from detectors.regex import matches
from detectors.suite import SuiteParams

DEFAULT_POLICY = "default"
"""The escalation policy of services that name none."""
DERIVED = frozenset({"window_s", "every_windows", "tail"})
"""Detector parameters that follow from the budget and the window, or that calibrate a detector's statistic."""

Broker = Annotated[str, matching(r"[^\s:/]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", "host:port")]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]


class Sasl(Strict):
    """The worker's credentials at the broker."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    username: Annotated[str, Field(min_length=1)]
    password: Hidden


class SecuritySection(Strict):
    """Security of the connection to the broker. cafile, certfile, keyfile: PEM files; None uses the system's."""

    tls: bool
    verify_hostname: bool
    cafile: str | None
    certfile: str | None
    keyfile: str | None
    key_password: Hidden | None
    sasl: Sasl | None


class KafkaSection(Strict):
    """The brokers, and how the worker joins its group. instance_id: for static membership, None without."""

    brokers: Annotated[tuple[Broker, ...], Listed, Field(min_length=1)]
    group: Name
    instance_id: Name | None
    session_timeout_s: Annotated[Duration, Field(ge=1.0, le=300.0)]
    security: SecuritySection


class Input(Strict):
    """One topic to read. count_requests: it has one record per request, so that a rate can be derived from it.

    The other settings are for formats of aggregated metrics. unknown_metrics: whether metrics without an alias are
    dropped or passed under their own names. labels: attributes that hold a label, tried before the usual ones.
    max_series: number of series whose last readings are kept, per shard.
    """

    topic: Topic
    format: Literal["native", "otlp_proto", "otlp_json", "prometheus_json"] = "native"
    count_requests: bool = False
    unknown_metrics: Literal["drop", "pass"] = "drop"
    labels: Mapping[Literal["service", "model", "version", "replica", "tenant"], tuple[str, ...]] = Field(
        default_factory=dict,
    )
    max_series: Annotated[int, Field(ge=1, le=10_000_000)] = 50_000

    @model_validator(mode="after")
    def _requests(self) -> Self:
        if self.count_requests and self.format != "native":
            raise ValueError("count_requests is True, expected false for metrics that arrive aggregated")
        return self


class TopicsSection(Strict):
    """The topics that Tocsin itself writes."""

    incidents: Topic
    actions: Topic
    outcomes: Topic
    audit: Topic
    dead_letters: Topic
    state: Topic
    ledger: Topic
    ticks: Topic
    control: Topic
    response: Topic
    series: Topic
    checkpoints: Topic


class BrakeSection(Strict):
    """The worker stops when more than `max_ratio` of the last `window` records (at least `min_volume`) are invalid."""

    max_ratio: Annotated[float, Field(gt=0.0, le=1.0)]
    window: Count
    min_volume: Count


class CodecSection(Strict):
    """Limits of a valid record; any other becomes a dead letter. max_age_s: None accepts records of any age."""

    max_future_s: Annotated[Duration, Field(ge=0.0)]
    max_age_s: Annotated[Duration, Field(gt=0.0)] | None
    max_label_length: Annotated[int, Field(ge=1, le=1000)]
    max_metrics: Annotated[int, Field(ge=1, le=10_000)]
    max_bytes: Annotated[int, Field(ge=1_000, le=100_000_000)]
    brake: BrakeSection


class StatisticRule(Strict):
    """The monitored statistic of the metrics whose whole name a regular expression matches."""

    metrics: Pattern
    statistic: Statistic


class WindowsSection(Strict):
    """How records become windows of event time; see the comments in `default.yaml`."""

    size_s: Annotated[Duration, Field(ge=0.25, le=60.0)]
    lateness_s: AutoDuration
    max_lateness_s: Annotated[Duration, Field(gt=0.0, le=3600.0)]
    min_count: Count
    max_wait_s: Annotated[Duration, Field(ge=0.0)]
    idle_after_s: AutoDuration
    max_idle_after_s: Annotated[Duration, Field(ge=1.0, le=3600.0)]
    rate_metric: Annotated[str, Field(min_length=1)]
    statistics: tuple[StatisticRule, ...]

    def statistic_of(self, metric: str) -> Statistic:
        """The monitored statistic of a metric: that of the first rule that matches, `mean` without one."""
        return next((rule.statistic for rule in self.statistics if matches(rule.metrics, metric)), "mean")


class ScopesSection(Strict):
    """Which marginals have their own series, and the limits of one shard. min_idle_s: only a series without records for
    so long may be evicted for a new one."""

    marginals: tuple[Literal["version", "replica", "tenant"], ...]
    max_scopes: Annotated[int, Field(ge=1, le=10_000_000)]
    max_values_per_label: Count
    max_series: Annotated[int, Field(ge=1, le=10_000_000)]
    max_metrics: Annotated[int, Field(ge=1, le=10_000)]
    min_idle_s: Annotated[Duration, Field(gt=0.0)]


class LabelsSection(Strict):
    """How labels are published. hashed: those of `scopes.marginals` that go out as a hash by the secret, None while
    there are none."""

    hashed: tuple[Literal["version", "replica", "tenant"], ...]
    secret: SigningSecret | None


class Service(Strict):
    """The tier of a service, and its owners; tier 1 is the most important.

    owners: the people whose roles count for the service; without any, the roles of everybody count. escalation: the
    policies by which people are paged; the first that is for an incident's category and severity counts.
    """

    name: Name | None = None
    match: Glob
    tier: Annotated[int, Field(ge=1, le=3)]
    owners: tuple[Name, ...] = ()
    escalation: Annotated[tuple[Name, ...], Listed] = ()


class ExecutorSection(Strict):
    """Whether intents are executed. dry_run: actions are rehearsed and reported, and change nothing; what is in force
    already still ends by its terms, or by hand.

    allow_file: the executor's own list of what it may do, None where every configured kind is allowed.
    http_ok_hosts: that may be asked for the prerequisite `http_ok`, unless the allow-file names some; None for those of
    the configured actions.
    """

    enabled: bool
    dry_run: bool
    allow_file: str | None
    http_ok_hosts: tuple[Host, ...] | None


class JwtSection(Strict):
    """The JWTs of the proxy in front that are accepted. jwks_url: of the issuer's keys."""

    issuer: Annotated[str, Field(min_length=1)]
    audience: Annotated[str, Field(min_length=1)]
    jwks_url: Annotated[str, matching(r"https?://\S+", "a URL of http or https")]


class RespondSection(Strict):
    """The role respond. key_file: the private key of the person who uses the command line, None to name it there.

    listen: address and port of the HTTP interface, None for none. jwt: None where only bearer tokens are accepted.
    channel_hosts: the only hosts that channels may call, None for those that the section `channels` names.
    read_without_login: whether the page shows everything to whoever reaches `listen`; to act always wants a person.
    vendor_roles: the roles of accounts at a vendor that belong to nobody under `people`.
    comparisons: folder of recordings and configurations that the page may compare, None for none.
    trusted_proxies: networks of the reverse proxies in front of `listen`, whose X-Forwarded-For counts.
    """

    key_file: str | None
    listen: Broker | None
    jwt: JwtSection | None
    channel_hosts: tuple[Host, ...] | None
    read_without_login: bool
    vendor_roles: Mapping[Vendor, Annotated[tuple[Role, ...], Listed]]
    comparisons: str | None
    trusted_proxies: Annotated[tuple[Network, ...], Listed]


class TracesSection(Strict):
    """The endpoint of spans, OTLP over HTTP; None disables tracing."""

    endpoint: str | None


class TelemetrySection(Strict):
    """The address of `/metrics`, `/healthz` and `/readyz`. Port 0 uses a free one."""

    host: str
    port: Port
    traces: TracesSection


class SnapshotSection(Strict):
    """How often a partition's state is stored, by wall clock and by records, whichever comes first."""

    every_s: Annotated[Duration, Field(gt=0.0)]
    every_records: Count


DirectiveName = Literal["silence", "expire", "acknowledge", "feedback", "deployment"]


class ControlKey(Strict):
    """A key of control records, and the kinds of record that it may sign."""

    secret: SigningSecret
    may: tuple[DirectiveName, ...] = get_args(DirectiveName)


class ControlSection(Strict):
    """Which control records are accepted; see the comments in `default.yaml`. Without keys none is."""

    keys: Mapping[Name, ControlKey]
    max_skew_s: Annotated[Duration, Field(gt=0.0)]
    max_ack_s: Annotated[Duration, Field(gt=0.0)]
    remember_s: Annotated[Duration, Field(ge=3600.0)]


class Config(Strict):
    """The whole configuration. It is built by `config.load`, which reports problems with file and line."""

    version: Literal[1]
    kafka: KafkaSection
    inputs: Annotated[tuple[Input, ...], Field(min_length=1)]
    topics: TopicsSection
    codec: CodecSection
    windows: WindowsSection
    scopes: ScopesSection
    labels: LabelsSection
    detection: Annotated[SuiteParams, FromYaml(DERIVED)]
    triage: Annotated[TriageParams, FromYaml()]
    learning: Annotated[LearningParams, FromYaml()]
    targets: Mapping[Severity, Annotated[StageTargets, FromYaml()]]
    services: tuple[Service, ...]
    playbooks: tuple[Annotated[Playbook, FromYaml()], ...]
    limits: Annotated[LimitParams, FromYaml()]
    actions: Annotated[Mapping[str, ActionParams], ByName(CATALOGUE)]
    executor: ExecutorSection
    maintenance: tuple[Annotated[MaintenanceWindow, FromYaml()], ...]
    control: ControlSection
    people: Mapping[Name, Person]
    schedules: Mapping[Name, ScheduleSection]
    escalation: Mapping[Name, PolicySection]
    signing: SigningSection
    channels: Channels
    audiences: Annotated[Mapping[Name, AudienceSection], AfterValidator(with_readers)]
    review: ReviewSection
    respond: RespondSection
    telemetry: TelemetrySection
    snapshot: SnapshotSection

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        """Set the window length of detection, a parameter of its own, so that the two cannot differ."""
        self.__dict__["detection"] = replace(self.detection, window_s=self.windows.size_s)
        return self

    def tier_of(self, service: str) -> int:
        """A service's tier: that of the first pattern that matches, 2 without one."""
        return next((rule.tier for rule in self.services if fnmatchcase(service, rule.match)), 2)

    def owners_of(self, service: str) -> tuple[str, ...]:
        """A service's owners: those of the first pattern that matches; empty where everybody's roles count."""
        return next((rule.owners for rule in self.services if fnmatchcase(service, rule.match)), ())

    def policies_of(self, service: str) -> tuple[str, ...]:
        """The escalation policies of a service by name: of the first pattern that matches and names some, else the
        policy `default`, if there is one."""
        named = (rule.escalation for rule in self.services if fnmatchcase(service, rule.match) and rule.escalation)
        return next(named, (DEFAULT_POLICY,) if DEFAULT_POLICY in self.escalation else ())
