"""The points of one exporter at one instant, aggregated to values of our metrics for each scope.

Within a scope gauges are averaged, and histograms and counters are added up. Ratios and rates are computed from these
sums. So the p95 of a version is the p95 of all its requests, and not a mean over its replicas. A histogram gives
several metrics: `ttft_ms` is the mean, and `ttft_ms_p50`, `ttft_ms_p95` and `ttft_ms_p99` are quantiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import NamedTuple

from streams.intake.aggregated.aliases import Target
from streams.intake.aggregated.histograms import Observed
from streams.intake.columns import Labels

QUANTILES: Mapping[str, float] = {"_p50": 0.50, "_p95": 0.95, "_p99": 0.99}

RATIOS: tuple[tuple[str, str, str, float], ...] = (
    ("error", "failed", "requests", 1.0),
    ("error", "failed_calls", "calls", 1.0),
    ("corrupted_share", "corrupted", "requests", 1.0),
    ("repetition_share", "repeated", "requests", 1.0),
    ("prefix_cache_reuse", "cache_hits", "cache_queries", 1.0),
    ("draft_acceptance", "accepted", "drafted", 1.0),
    ("latency_ms", "latency_ms", "served", float("inf")),
    ("queue_ms", "queue_ms", "served", float("inf")),
    ("tpot_ms", "decode_ms", "completion_tokens", float("inf")),
    ("prompt_tokens", "prompt_tokens", "served", float("inf")),
    ("completion_tokens", "completion_tokens", "served", float("inf")),
)
"""metric, total in the numerator, total in the denominator, upper limit. A metric that has a value already keeps it."""

REQUEST_RATE = "requests_per_s"
RATES: tuple[tuple[str, str], ...] = (
    (REQUEST_RATE, "requests"), (REQUEST_RATE, "calls"), ("tokens_per_s", "completion_tokens"),
)
"""metric, total. A metric that has a value already keeps it. The calls behind a gateway stand for its requests where
these are not counted: a fallback hides a call that fails."""

REPORTED_WITHOUT_TRAFFIC = frozenset({
    "requests_per_s", "tokens_per_s", "preemptions_per_s", "queue_depth", "batch_active", "kv_cache_usage",
    "gpu_utilization",
})
"""Metrics that an exporter reports with or without traffic: their absence alone means that the exporter is gone."""


class ScopeValues(NamedTuple):
    """The values of one scope at one instant.

    whole: whether they cover all of the service and model, also where the labels name a version, replica or tenant.
    span_s: how far back they reach. trials: of the metrics that are shares of something counted, the denominator.
    resolutions: of the metrics that are quantiles of a histogram, the width of the interval that they lie in.
    numbers, variances: of the metrics that are means, of the observations behind them.
    """

    labels: Labels
    whole: bool
    span_s: float
    metrics: dict[str, float]
    trials: dict[str, float]
    resolutions: dict[str, float]
    numbers: dict[str, float]
    variances: dict[str, float]


class MetricValues(NamedTuple):
    """The values of our metrics in one scope; see `ScopeValues`."""

    metrics: dict[str, float]
    trials: dict[str, float]
    resolutions: dict[str, float]
    numbers: dict[str, float]
    variances: dict[str, float]


@dataclass(slots=True)
class Accumulator:
    """The points of one label set, or of several of the same scope.

    gauges: sum and number by metric. totals: increase by total. totals_per_s: increase per second by total. rates:
    increase per second by metric. observed: observations by metric. span_s: the longest interval of any point in it.
    """

    gauges: dict[str, tuple[float, int]] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)
    totals_per_s: dict[str, float] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    observed: dict[str, Observed] = field(default_factory=dict)
    span_s: float = 0.0

    def add_gauge(self, metric: str, value: float, span_s: float) -> None:
        """Add a current value."""
        total, number = self.gauges.get(metric, (0.0, 0))
        self.gauges[metric] = total + value, number + 1
        self.span_s = max(self.span_s, span_s)

    def add_count(self, target: Target, increase: float, span_s: float) -> None:
        """Add the increase of a counter."""
        if target.metric is not None and span_s > 0.0:
            self.rates[target.metric] = self.rates.get(target.metric, 0.0) + increase * target.factor / span_s
        self._add_to_totals(target, increase * target.factor, span_s)

    def add_observations(self, target: Target, observed: Observed, span_s: float) -> None:
        """Add the observations of a histogram, which are in our units already."""
        self._add_to_totals(target, observed.count, span_s)
        if target.metric is None:
            return
        known = self.observed.get(target.metric)
        if known is None:
            self.observed[target.metric] = observed
        else:
            known.add(observed)

    def _add_to_totals(self, target: Target, amount: float, span_s: float) -> None:
        self.span_s = max(self.span_s, span_s)
        for name in target.zero:
            self.totals.setdefault(name, 0.0)
        for name in target.totals:
            self.totals[name] = self.totals.get(name, 0.0) + amount
            if span_s > 0.0:
                self.totals_per_s[name] = self.totals_per_s.get(name, 0.0) + amount / span_s

    def merge(self, other: Accumulator) -> None:
        """Add another label set of the same scope."""
        for metric, (total, number) in other.gauges.items():
            mine = self.gauges.get(metric, (0.0, 0))
            self.gauges[metric] = mine[0] + total, mine[1] + number
        sums = ((self.totals, other.totals), (self.totals_per_s, other.totals_per_s), (self.rates, other.rates))
        for into, theirs in sums:
            for name, amount in theirs.items():
                into[name] = into.get(name, 0.0) + amount
        for metric, observed in other.observed.items():
            if metric in self.observed:
                self.observed[metric].add(observed)
            else:
                self.observed[metric] = Observed(observed.count, observed.total, list(observed.parts))
        self.span_s = max(self.span_s, other.span_s)

    def metrics(self) -> MetricValues:
        """The values of our metrics. What is unknown is left out, and never 0."""
        values = MetricValues({}, {}, {}, {}, {})
        found, trials, resolutions, numbers, variances = values
        for metric, observed in self.observed.items():
            _put(found, metric, observed.mean)
            if metric in found:
                numbers[metric], variances[metric] = observed.count, observed.variance
            for suffix, share in QUANTILES.items():
                value = observed.quantile(share)
                _put(found, metric + suffix, value)
                if value is not None:
                    _put(resolutions, metric + suffix, observed.quantile_width(share))
        counted = self._counted()
        for metric, (total, number) in self.gauges.items():
            if metric not in counted:  # a share of the interval says more than a gauge of its last moment
                _put(found, metric, total / number)
        for metric, (part, whole, limit) in counted.items():
            if metric not in found and whole > 0.0:
                _put(found, metric, min(part / whole, limit))
                if metric in found:
                    (trials if limit == 1.0 else numbers)[metric] = whole
        for metric, name in RATES:
            if metric not in found:
                _put(found, metric, self.totals_per_s.get(name))
        for metric, rate in self.rates.items():
            _put(found, metric, rate)
            for known in values[1:]:
                known.pop(metric, None)
        return values

    def _counted(self) -> dict[str, tuple[float, float, float]]:
        """Both totals of each ratio that has them, and its upper limit. Of several rows of a metric the first counts,
        also while its denominator is 0."""
        counted: dict[str, tuple[float, float, float]] = {}
        for metric, part, whole, limit in RATIOS:
            if metric not in counted and part in self.totals and whole in self.totals:
                counted[metric] = self.totals[part], self.totals[whole], limit
        return counted


def _put(found: dict[str, float], metric: str, value: float | None) -> None:
    if value is not None and isfinite(value):
        found[metric] = value


class InstantAggregate:
    """The accumulators of one instant, by label set."""

    def __init__(self) -> None:
        self._accumulators: dict[Labels, Accumulator] = {}

    def accumulator(self, labels: Labels) -> Accumulator:
        """The accumulator of a label set."""
        known = self._accumulators.get(labels)
        if known is None:
            known = self._accumulators[labels] = Accumulator()
        return known

    def values(self) -> Iterator[ScopeValues]:
        """The values by service and model, then by scope.

        The only label set of a service and model gives one entry, for all scopes of its labels. Several label sets give
        one entry for all of them together, and one for each version, replica and tenant among them.
        """
        groups: dict[tuple[str, str | None], list[tuple[Labels, Accumulator]]] = {}
        for labels, accumulator in self._accumulators.items():
            groups.setdefault((labels.service, labels.model), []).append((labels, accumulator))
        for (service, model), members in groups.items():
            if len(members) == 1:
                labels, accumulator = members[0]
                yield ScopeValues(labels, True, accumulator.span_s, *accumulator.metrics())
                continue
            marginals: dict[Labels, Accumulator] = {}
            whole = Labels(service, model)
            for labels, accumulator in members:
                for scope in (whole, *_marginals(labels)):
                    marginals.setdefault(scope, Accumulator()).merge(accumulator)
            for scope, accumulator in marginals.items():
                yield ScopeValues(scope, scope == whole, accumulator.span_s, *accumulator.metrics())


def _marginals(labels: Labels) -> Iterator[Labels]:
    for name in ("version", "replica", "tenant"):
        if value := getattr(labels, name):
            yield Labels(labels.service, labels.model, **{name: value})
