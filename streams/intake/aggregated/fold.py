"""What one exporter told of one instant, folded into values of our metrics, for each scope that it speaks of.

Within a scope gauges are averaged, histograms and counters added up; then shares and rates are made of the sums. So a
version's p95 is that of all its requests, not a mean of its replicas' p95. A histogram gives several
metrics: `ttft_ms` is the mean, `ttft_ms_p50`, `ttft_ms_p95` and `ttft_ms_p99` are quantiles.
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

SHARES: tuple[tuple[str, str, str, float], ...] = (
    ("error", "failed", "requests", 1.0),
    ("corrupted_share", "corrupted", "requests", 1.0),
    ("repetition_share", "repeated", "requests", 1.0),
    ("prefix_cache_reuse", "cache_hits", "cache_queries", 1.0),
    ("draft_acceptance", "accepted", "drafted", 1.0),
    ("latency_ms", "latency_ms", "served", float("inf")),
    ("queue_ms", "queue_ms", "served", float("inf")),
    ("prompt_tokens", "prompt_tokens", "served", float("inf")),
    ("completion_tokens", "completion_tokens", "served", float("inf")),
)
"""metric, tally above the line, tally below it, the most that it can be; not made where the metric is there already."""

RATES: tuple[tuple[str, str], ...] = (("requests_per_s", "requests"), ("tokens_per_s", "completion_tokens"))
"""metric, tally."""

STEADY = frozenset({
    "requests_per_s", "tokens_per_s", "preemptions_per_s", "queue_depth", "batch_active", "kv_cache_usage",
    "gpu_utilization",
})
"""What an exporter tells whether or not there was traffic: only its silence is news."""


class Value(NamedTuple):
    """Values of one scope at one instant. labels: the widest has neither version, replica nor tenant."""

    labels: Labels
    whole: bool
    span_s: float
    metrics: dict[str, float]


@dataclass(slots=True)
class Accumulator:
    """What came of one label set. gauges: sum and number by metric. tallies, flows: increase, and increase per second,
    by tally. rates: increase per second by metric. span_s: the longest time that anything in it reaches back."""

    gauges: dict[str, tuple[float, int]] = field(default_factory=dict)
    tallies: dict[str, float] = field(default_factory=dict)
    flows: dict[str, float] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    observed: dict[str, Observed] = field(default_factory=dict)
    span_s: float = 0.0

    def gauge(self, metric: str, value: float, span_s: float) -> None:
        """A value of now."""
        total, number = self.gauges.get(metric, (0.0, 0))
        self.gauges[metric] = total + value, number + 1
        self.span_s = max(self.span_s, span_s)

    def count(self, target: Target, increase: float, span_s: float) -> None:
        """The increase of a counter."""
        if target.metric is not None and span_s > 0.0:
            self.rates[target.metric] = self.rates.get(target.metric, 0.0) + increase * target.factor / span_s
        self._tally(target, increase * target.factor, span_s)

    def observe(self, target: Target, observed: Observed, span_s: float) -> None:
        """What a histogram, already in our units, took in."""
        self._tally(target, observed.count, span_s)
        if target.metric is None:
            return
        known = self.observed.get(target.metric)
        if known is None:
            self.observed[target.metric] = observed
        else:
            known.add(observed)

    def _tally(self, target: Target, amount: float, span_s: float) -> None:
        self.span_s = max(self.span_s, span_s)
        for tally in target.zero:
            self.tallies.setdefault(tally, 0.0)
        for tally in target.tallies:
            self.tallies[tally] = self.tallies.get(tally, 0.0) + amount
            if span_s > 0.0:
                self.flows[tally] = self.flows.get(tally, 0.0) + amount / span_s

    def merge(self, other: Accumulator) -> None:
        """Take another label set of the same scope in."""
        for metric, (total, number) in other.gauges.items():
            mine = self.gauges.get(metric, (0.0, 0))
            self.gauges[metric] = mine[0] + total, mine[1] + number
        sums = ((self.tallies, other.tallies), (self.flows, other.flows), (self.rates, other.rates))
        for into, theirs in sums:
            for name, amount in theirs.items():
                into[name] = into.get(name, 0.0) + amount
        for metric, observed in other.observed.items():
            if metric in self.observed:
                self.observed[metric].add(observed)
            else:
                self.observed[metric] = Observed(observed.count, observed.total, list(observed.parts))
        self.span_s = max(self.span_s, other.span_s)

    def metrics(self) -> dict[str, float]:
        """The values of our metrics; what cannot be told is left out, never 0."""
        found: dict[str, float] = {}
        for metric, observed in self.observed.items():
            _put(found, metric, observed.mean)
            for suffix, share in QUANTILES.items():
                _put(found, metric + suffix, observed.quantile(share))
        for metric, (total, number) in self.gauges.items():
            _put(found, metric, total / number)
        for metric, above, below, most in SHARES:
            parts = self.tallies.get(below, 0.0)
            if metric not in found and above in self.tallies and parts > 0.0:
                _put(found, metric, min(self.tallies[above] / parts, most))
        for metric, tally in RATES:
            _put(found, metric, self.flows.get(tally))
        for metric, rate in self.rates.items():
            _put(found, metric, rate)
        return found


def _put(found: dict[str, float], metric: str, value: float | None) -> None:
    if value is not None and isfinite(value):
        found[metric] = value


class Fold:
    """Heaps by label set of one instant."""

    def __init__(self) -> None:
        self._heaps: dict[Labels, Accumulator] = {}

    def heap(self, labels: Labels) -> Accumulator:
        """The heap of a label set."""
        known = self._heaps.get(labels)
        if known is None:
            known = self._heaps[labels] = Accumulator()
        return known

    def values(self) -> Iterator[Value]:
        """The values by service and model, then by scope: one for all scopes of a label set that stands alone, else one
        for each version, replica and tenant with what all its label sets add up to."""
        groups: dict[tuple[str, str | None], list[tuple[Labels, Accumulator]]] = {}
        for labels, heap in self._heaps.items():
            groups.setdefault((labels.service, labels.model), []).append((labels, heap))
        for (service, model), members in groups.items():
            if len(members) == 1:
                labels, heap = members[0]
                yield Value(labels, True, heap.span_s, heap.metrics())
                continue
            marginals: dict[Labels, Accumulator] = {}
            whole = Labels(service, model)
            for labels, heap in members:
                for scope in (whole, *_marginals(labels)):
                    marginals.setdefault(scope, Accumulator()).merge(heap)
            for scope, heap in marginals.items():
                yield Value(scope, scope == whole, heap.span_s, heap.metrics())


def _marginals(labels: Labels) -> Iterator[Labels]:
    for name in ("version", "replica", "tenant"):
        if value := getattr(labels, name):
            yield Labels(labels.service, labels.model, **{name: value})
