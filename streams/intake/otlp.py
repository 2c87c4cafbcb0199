"""OTLP metrics, in either encoding: a request of many points to samples, folded by label set and instant.

What one request tells of one instant is folded together, so an exporter's request should not be cut in two. A request
that cannot be parsed is a dead letter; so is one with malformed points, whose other points count all the same. Cost:
see `benchmarks/inputs.py`; most of it is reading attributes, so a metric that is not watched is left before that.

Source: OTLP specification 1.x, `opentelemetry/proto/metrics/v1/metrics.proto`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from numpy.typing import NDArray

from detectors.base import State
from streams.intake.aggregated.aliases import Alias, Kind
from streams.intake.aggregated.cumulative import digest
from streams.intake.aggregated.fold import Accumulator, Fold
from streams.intake.aggregated.histograms import Buckets, Exponential
from streams.intake.aggregated.intake import InputOptions, Intake
from streams.intake.aggregated.series import Series
from streams.intake.codec import Decoded, Record
from streams.intake.otlp_wire import (
    DELTA,
    DataKind,
    Encoding,
    ExponentialHistogram,
    ExponentialPoint,
    Gauge,
    Histogram,
    HistogramPoint,
    Metric,
    Pairs,
    Point,
    Request,
    Sum,
    Summary,
)
from streams.intake.scopes import ScopeTable
from streams.intake.validation import Fault, Rules, shortened

NO_RECORDED_VALUE = 1
"""Flag of a point that says that its series ended or missed a scrape."""
RESOURCES = 10_000
"""Resources whose digest is remembered; a cache only."""
KINDS: Mapping[DataKind, Kind] = {
    "gauge": "gauge", "sum": "counter", "histogram": "histogram", "exponential_histogram": "histogram",
    "summary": "summary",
}
P = TypeVar("P", bound=Point)


class OtlpCodec:
    """One topic of OTLP metrics within a shard: a `Codec`."""

    def __init__(self, encoding: Encoding, scopes: ScopeTable, rules: Rules, options: InputOptions) -> None:
        self._encoding = encoding
        self._intake = Intake(scopes, rules, options)
        self.points = self._intake.points
        self._keys: dict[Pairs, bytes] = {}

    def decode(self, records: Sequence[Record], now_s: float) -> Decoded:
        """See `Codec`."""
        intake = self._intake
        intake.begin(now_s)
        for place, record in enumerate(records):
            value = intake.parsable(record.value, place, "an OTLP metrics request")
            if value is None:
                continue
            request = self._encoding.parse(value)
            if isinstance(request, Fault):
                intake.blame(place, request)
            elif not request.resource_metrics:
                intake.blame(place, Fault("no_metrics", "resourceMetrics: none, expected at least one"))
            else:
                self._take(request, place, record.offset)
        return intake.finish(records)

    def flush(self) -> None:
        """Nothing is held back: a request stands for itself."""

    def snapshot(self) -> tuple[State, dict[str, Any]]:
        """See `Codec`."""
        return self._intake.states.snapshot(), {}

    def restore(self, state: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:  # noqa: ARG002
        """See `Codec`."""
        self._intake.states.restore(state)

    def _take(self, request: Request, place: int, offset: int) -> None:
        folds: dict[int, Fold | None] = {}
        for number, each in enumerate(request.resource_metrics):
            resource = self._encoding.pairs(each.resource.attributes)
            key = self._key(resource)
            reader = _Reader(self._intake, self._encoding, place, number, resource, key, folds)
            for scope_metrics in each.scope_metrics:
                for metric in scope_metrics.metrics:
                    reader.read(metric, scope_metrics.scope.name)
            if reader.newest_ns:
                self._intake.states.seen(key, reader.newest_ns)
        for ts_ns in sorted(folds):
            if (fold := folds[ts_ns]) is not None:
                self._intake.emit(fold, ts_ns, offset)

    def _key(self, resource: Pairs) -> bytes:
        if resource not in self._keys:
            if len(self._keys) >= RESOURCES:
                self._keys.clear()
            self._keys[resource] = digest(resource)
        return self._keys[resource]


@dataclass(slots=True)
class _Usable:
    """A point that is to be read: its series, and where its value goes."""

    series: Series
    heap: Accumulator
    at: int


class _Reader:
    """Reads the metrics of one resource in one request. folds: of the whole request, by instant; None for an instant
    that the rules do not allow."""

    def __init__(
        self, intake: Intake, encoding: Encoding, place: int, number: int, resource: Pairs, key: bytes,
        folds: dict[int, Fold | None],
    ) -> None:
        self._intake, self._encoding = intake, encoding
        self._place, self._number = place, number
        self._resource, self._key = resource, key
        self._folds = folds
        self._since_ns = intake.states.since_ns(key)
        self.newest_ns = 0

    def read(self, metric: Metric, scope: str) -> None:
        """All points of a metric."""
        data = self._encoding.kind(metric)
        if data is None:
            return
        kind = KINDS[data]
        if data == "sum" and not metric.sum.is_monotonic:
            kind = "gauge"
        alias = self._intake.alias(metric.name, kind, metric.unit)
        if alias is None:
            self._intake.points["unknown"] += 1
        elif data == "gauge":
            self._gauge(metric, scope, alias, metric.gauge)
        elif data == "sum":
            self._sum(metric, scope, alias, metric.sum)
        elif alias.kind not in ("histogram", "summary"):
            self._intake.points["wrong_kind"] += 1
        elif data == "histogram":
            self._histogram(metric, scope, alias, metric.histogram)
        elif data == "exponential_histogram":
            self._exponential(metric, scope, alias, metric.exponential_histogram)
        else:
            self._summary(metric, scope, alias, metric.summary)

    def _gauge(self, metric: Metric, scope: str, alias: Alias, data: Gauge) -> None:
        """A scrape that told no type makes a gauge of a counter: the table knows better."""
        for usable, point in self._usable(metric, scope, alias, data.data_points):
            value = self._encoding.number(point)
            if alias.kind == "gauge":
                self._intake.gauge(usable.heap, usable.series, point.time_unix_nano, value)
            elif alias.kind == "counter":
                self._intake.counter(usable.heap, usable.series, point.time_unix_nano, 0, value, None)
            else:
                self._intake.points["wrong_kind"] += 1

    def _sum(self, metric: Metric, scope: str, alias: Alias, data: Sum) -> None:
        for usable, point in self._usable(metric, scope, alias, data.data_points):
            value, ts_ns, start_ns = self._encoding.number(point), point.time_unix_nano, point.start_time_unix_nano
            delta = data.aggregation_temporality == DELTA
            if alias.kind == "gauge" and not delta:
                self._intake.gauge(usable.heap, usable.series, ts_ns, value)
            elif alias.kind == "counter" and delta:
                self._intake.increase(usable.heap, usable.series, ts_ns, start_ns, value)
            elif alias.kind == "counter":
                self._intake.counter(usable.heap, usable.series, ts_ns, start_ns, value, self._since_ns)
            else:
                self._intake.points["wrong_kind"] += 1

    def _histogram(self, metric: Metric, scope: str, alias: Alias, data: Histogram) -> None:
        for usable, point in self._usable(metric, scope, alias, data.data_points):
            bounds, counts = tuple(point.explicit_bounds), tuple(map(float, point.bucket_counts))
            if not counts and not bounds:
                counts = (float(point.count),)
            if len(counts) != len(bounds) + 1 or any(map(float.__ge__, bounds, bounds[1:])):
                found = f"{len(counts)} bucketCounts for explicitBounds {shortened(bounds)}"
                self._blame(metric, usable.at, Fault("histogram", f"{found}, expected one more, and bounds that rise"))
                continue
            reading = Buckets(float(point.count), self._encoding.total(point), bounds, counts)
            self._observed(usable, point, reading, data.aggregation_temporality)

    def _exponential(self, metric: Metric, scope: str, alias: Alias, data: ExponentialHistogram) -> None:
        for usable, point in self._usable(metric, scope, alias, data.data_points):
            if not -10 <= point.scale <= 20:
                fault = Fault("histogram", f"scale: {point.scale}, expected -10 to 20")
                self._blame(metric, usable.at, fault)
                continue
            positive = point.positive
            counts = tuple(
                (index, float(count)) for index, count in enumerate(positive.bucket_counts, positive.offset) if count
            )
            zero = float(point.zero_count + sum(point.negative.bucket_counts))
            reading = Exponential(float(point.count), self._encoding.total(point), point.scale, zero, counts)
            self._observed(usable, point, reading, data.aggregation_temporality)

    def _observed(
        self, usable: _Usable, point: HistogramPoint | ExponentialPoint, reading: Buckets | Exponential,
        temporality: int,
    ) -> None:
        ts_ns, start_ns = point.time_unix_nano, point.start_time_unix_nano
        if temporality == DELTA:
            self._intake.observations(usable.heap, usable.series, ts_ns, start_ns, reading)
        else:
            self._intake.histogram(usable.heap, usable.series, ts_ns, start_ns, reading, self._since_ns)

    def _summary(self, metric: Metric, scope: str, alias: Alias, data: Summary) -> None:
        for usable, point in self._usable(metric, scope, alias, data.data_points):
            quantiles = {each.quantile: each.value for each in point.quantile_values}
            self._intake.summary(usable.heap, usable.series, quantiles)
            count = float(point.count)
            reading = Buckets(count, point.sum, (), (count,))
            ts_ns, start_ns = point.time_unix_nano, point.start_time_unix_nano
            self._intake.histogram(usable.heap, usable.series, ts_ns, start_ns, reading, self._since_ns)

    def _usable(
        self, metric: Metric, scope: str, alias: Alias, points: Sequence[P],
    ) -> Iterator[tuple[_Usable, P]]:
        """The points whose series and instant are good; the others are blamed, or counted."""
        for at, point in enumerate(points):
            if point.flags & NO_RECORDED_VALUE:
                self._intake.points["no_value"] += 1
                continue
            fold = self._fold(metric, at, point.time_unix_nano)
            if fold is None:
                continue
            attributes = self._encoding.pairs(point.attributes)
            identity = (self._key, scope, metric.name, attributes)
            series = self._intake.known(identity)
            if series is None:
                named = dict((*self._resource, *attributes))
                series = self._intake.meet(identity, alias, named, metric.unit, digest(identity))
            if isinstance(series, Fault):
                self._blame(metric, at, series)
                continue
            yield _Usable(series, fold.heap(series.labels), at), point

    def _fold(self, metric: Metric, at: int, ts_ns: int) -> Fold | None:
        """The fold of an instant; one that is malformed is blamed once a request."""
        if ts_ns not in self._folds:
            fault = self._intake.ts_fault(ts_ns)
            self._folds[ts_ns] = Fold() if fault is None else None
            if fault is not None:
                self._blame(metric, at, fault)
        self.newest_ns = max(self.newest_ns, ts_ns if self._folds[ts_ns] is not None else 0)
        return self._folds[ts_ns]

    def _blame(self, metric: Metric, at: int, fault: Fault) -> None:
        where = f"resourceMetrics[{self._number}]: {shortened(metric.name)}: dataPoints[{at}]"
        self._intake.blame(self._place, fault, where)
