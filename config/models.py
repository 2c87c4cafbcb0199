"""The configuration as the worker reads it. Values only: every default is written, with its reason, in `default.yaml`.

A field that ends in `_s` holds seconds and is written without the suffix: `size_s` is `size: 1s` in the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from actions.catalogue import CATALOGUE, ActionParams
from actions.limits import LimitParams
from actions.playbook import Playbook
from classifiers.accounting.slo_report import Target
from classifiers.incidents.triage import TriageParams
from classifiers.learning.prequential import LearningParams
from classifiers.model import Severity
from classifiers.silences import MaintenanceWindow
from config.fields import (
    ByName,
    Duration,
    FromYaml,
    Glob,
    Hidden,
    Listed,
    Pattern,
    SigningSecret,
    Strict,
    Topic,
    matching,
)
from detectors.base import Statistic
from detectors.suite import SuiteParams

DERIVED = frozenset({"window_s", "every_windows", "tail"})
"""Detector parameters that follow from the budget and the window, or that calibrate a detector's own statistic."""

Name = Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "a name of letters, digits, dots and dashes")]
Broker = Annotated[str, matching(r"[^\s:/]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", "host:port")]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]


class Sasl(Strict):
    """Who the worker is to the broker."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    username: Annotated[str, Field(min_length=1)]
    password: Hidden


class Security(Strict):
    """How the connection to the broker is protected. cafile, certfile, keyfile: PEM files; None takes the system's."""

    tls: bool
    verify_hostname: bool
    cafile: str | None
    certfile: str | None
    keyfile: str | None
    key_password: Hidden | None
    sasl: Sasl | None


class Kafka(Strict):
    """Where the broker is and how this worker joins its group. instance_id: static membership, None for none."""

    brokers: Annotated[tuple[Broker, ...], Listed, Field(min_length=1)]
    group: Name
    instance_id: Name | None
    session_timeout_s: Annotated[Duration, Field(ge=1.0, le=300.0)]
    security: Security


class Input(Strict):
    """One topic to read. count_requests: its records count the requests, so that a rate can be derived from them.

    The rest is for formats of aggregated metrics. unknown_metrics: whether names that no alias knows are left out or
    passed under their own. labels: attributes that name a label, tried before the usual ones. max_series: whose last
    readings are kept, in one shard.
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


class Topics(Strict):
    """The topics that Tocsin itself writes."""

    incidents: Topic
    actions: Topic
    outcomes: Topic
    audit: Topic
    dead_letters: Topic
    state: Topic
    ledger: Topic
    control: Topic


class Brake(Strict):
    """The worker stops when more than `max_ratio` of the last `window` records (at least `min_volume`) are bad."""

    max_ratio: Annotated[float, Field(gt=0.0, le=1.0)]
    window: Count
    min_volume: Count


class Codec(Strict):
    """What a record may be; anything else becomes a dead letter. max_age_s: None accepts any past."""

    max_future_s: Annotated[Duration, Field(ge=0.0)]
    max_age_s: Annotated[Duration, Field(gt=0.0)] | None
    max_label_length: Annotated[int, Field(ge=1, le=1000)]
    max_metrics: Annotated[int, Field(ge=1, le=10_000)]
    max_bytes: Annotated[int, Field(ge=1_000, le=100_000_000)]
    brake: Brake


class StatisticRule(Strict):
    """The value under watch of the metrics that a regular expression fits as a whole."""

    metrics: Pattern
    statistic: Statistic


class Windows(Strict):
    """How requests become windows of event time; see the comments in `default.yaml`."""

    size_s: Annotated[Duration, Field(ge=0.25, le=60.0)]
    lateness_s: Annotated[Duration, Field(ge=0.0, le=3600.0)]
    min_count: Count
    max_wait_s: Annotated[Duration, Field(ge=0.0)]
    idle_after_s: Annotated[Duration, Field(gt=0.0)]
    rate_metric: Annotated[str, Field(min_length=1)]
    statistics: tuple[StatisticRule, ...]

    def statistic_of(self, metric: str) -> Statistic:
        """The value under watch of a metric: the first rule that fits, `mean` where none does."""
        return next((rule.statistic for rule in self.statistics if re.fullmatch(rule.metrics, metric)), "mean")


class Scopes(Strict):
    """Which marginals get series of their own, and the bounds of one shard. min_idle_s: only a series silent for so
    long makes room for a new one."""

    marginals: tuple[Literal["version", "replica", "tenant"], ...]
    max_scopes: Annotated[int, Field(ge=1, le=10_000_000)]
    max_values_per_label: Count
    max_series: Annotated[int, Field(ge=1, le=10_000_000)]
    max_metrics: Annotated[int, Field(ge=1, le=10_000)]
    min_idle_s: Annotated[Duration, Field(gt=0.0)]


class Service(Strict):
    """How much a service matters: tier 1 is the most important."""

    match: Glob
    tier: Annotated[int, Field(ge=1, le=3)]


class Executor(Strict):
    """Whether intents are carried out at all. dry_run: everything is decided, claimed and told, nothing is touched."""

    enabled: bool
    dry_run: bool


class Traces(Strict):
    """Where spans go, by OTLP over HTTP; None keeps tracing off."""

    endpoint: str | None


class Telemetry(Strict):
    """Where `/metrics`, `/healthz` and `/readyz` are served. Port 0 takes a free one."""

    host: str
    port: Port
    traces: Traces


class Snapshot(Strict):
    """How often a partition's state is stored, by wall clock and by records, whichever comes first."""

    every_s: Annotated[Duration, Field(gt=0.0)]
    every_records: Count


DirectiveName = Literal["silence", "expire", "acknowledge", "feedback", "deployment"]


class ControlKey(Strict):
    """A key that signs control records, and the kinds of record it may sign."""

    secret: SigningSecret
    may: tuple[DirectiveName, ...] = get_args(DirectiveName)


class Control(Strict):
    """Which control records are believed; see the comments in `default.yaml`. Without keys, none is."""

    keys: Mapping[Name, ControlKey]
    max_skew_s: Annotated[Duration, Field(gt=0.0)]
    max_ack_s: Annotated[Duration, Field(gt=0.0)]
    remember_s: Annotated[Duration, Field(ge=3600.0)]


class Config(Strict):
    """Everything an operator can say. Built by `config.load`, which also names file and line of what is wrong."""

    version: Literal[1]
    kafka: Kafka
    inputs: Annotated[tuple[Input, ...], Field(min_length=1)]
    topics: Topics
    codec: Codec
    windows: Windows
    scopes: Scopes
    detection: Annotated[SuiteParams, FromYaml(DERIVED)]
    triage: Annotated[TriageParams, FromYaml()]
    learning: Annotated[LearningParams, FromYaml()]
    targets: Mapping[Severity, Annotated[Target, FromYaml()]]
    services: tuple[Service, ...]
    playbooks: tuple[Annotated[Playbook, FromYaml()], ...]
    limits: Annotated[LimitParams, FromYaml()]
    actions: Annotated[Mapping[str, ActionParams], ByName(CATALOGUE)]
    executor: Executor
    maintenance: tuple[Annotated[MaintenanceWindow, FromYaml()], ...]
    control: Control
    telemetry: Telemetry
    snapshot: Snapshot

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        """Detection has the window's length as a parameter of its own; it is set here so that the two cannot differ."""
        self.__dict__["detection"] = replace(self.detection, window_s=self.windows.size_s)
        return self

    def tier_of(self, service: str) -> int:
        """A service's tier: that of the first pattern that fits, 2 where none does."""
        return next((rule.tier for rule in self.services if fnmatchcase(service, rule.match)), 2)
