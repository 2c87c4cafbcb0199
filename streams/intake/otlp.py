"""OTLP metrics, in either encoding: a request of many points to samples, aggregated by label set and instant.

All points of a request with the same time are aggregated together, so a request of an exporter should not be split. A
request that cannot be parsed is a dead letter. A request with malformed points is one too, but its other points count.
Cost: see `benchmarks/inputs.py`; most of it is reading attributes, so a metric that is not watched is skipped before.

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
from streams.intake.aggregated.histograms import Buckets, Exponential
from streams.intake.aggregated.instant import Accumulator, InstantAggregate
from streams.intake.aggregated.point_reader import InputOptions, PointReader
from streams.intake.aggregated.series import Series
from streams.intake.codec import Decoded
from streams.intake.kafka_record import KafkaRecord
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
from streams.intake.validation import Rejection, ValidationLimits, shortened

NO_RECORDED_VALUE = 1
"""Flag of a point without a value: its series ended, or missed a scrape."""
RESOURCES = 10_000
"""The most resources whose digest is cached."""
KINDS: Mapping[DataKind, Kind] = {
    "gauge": "gauge", "sum": "counter", "histogram": "histogram", "exponential_histogram": "histogram",
    "summary": "summary",
}
P = TypeVar("P", bound=Point)


class OtlpCodec:
    """One topic of OTLP metrics within a shard: a `Codec`."""

    def __init__(self, encoding: Encoding, scopes: ScopeTable, limits: ValidationLimits, options: InputOptions) -> None:
        self._encoding = encoding
        self._reader = PointReader(scopes, limits, options)
        self.skipped, self.names = self._reader.skipped, self._reader.names
        self._keys: dict[Pairs, bytes] = {}

    def decode(self, records: Sequence[KafkaRecord], now_s: float) -> Decoded:
        """See `Codec`."""
        reader = self._reader
        reader.start_batch(now_s)
        for place, record in enumerate(records):
            value = reader.check_value(record.value, place, "an OTLP metrics request")
            if value is None:
                continue
            request = self._encoding.parse(value)
            if isinstance(request, Rejection):
                reader.reject(place, request)
            elif not request.resource_metrics:
                reader.reject(place, Rejection("no_metrics", "resourceMetrics: none, expected at least one"))
            else:
                self._process(request, place, record.offset)
        return reader.finish_batch(records)

    def flush(self) -> None:
        """Nothing is held back: each request is complete."""

    def snapshot(self) -> tuple[State, dict[str, Any]]:
        """See `Codec`."""
        return self._reader.states.snapshot(), {}

    def restore(self, state: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:  # noqa: ARG002
        """See `Codec`."""
        self._reader.states.restore(state)

    def _process(self, request: Request, place: int, offset: int) -> None:
        instants: dict[int, InstantAggregate | None] = {}
        for number, each in enumerate(request.resource_metrics):
            resource = self._encoding.pairs(each.resource.attributes)
            key = self._key(resource)
            resource_reader = _ResourceReader(self._reader, self._encoding, place, number, resource, key, instants)
            for scope_metrics in each.scope_metrics:
                for metric in scope_metrics.metrics:
                    resource_reader.read(metric, scope_metrics.scope.name)
            if resource_reader.newest_ns:
                self._reader.states.advance(key, resource_reader.newest_ns)
        for ts_ns in sorted(instants):
            if (instant := instants[ts_ns]) is not None:
                self._reader.emit(instant, ts_ns, offset)

    def _key(self, resource: Pairs) -> bytes:
        if resource not in self._keys:
            if len(self._keys) >= RESOURCES:
                self._keys.clear()
            self._keys[resource] = digest(resource)
        return self._keys[resource]


@dataclass(slots=True)
class _ReadyPoint:
    """What is known of a valid point: its series, its accumulator, and its number in the metric."""

    series: Series
    accumulator: Accumulator
    at: int


class _ResourceReader:
    """Reads the metrics of one resource in one request.

    place: of the record in the batch. number: of the resource in the request. instants: of the whole request, by time;
    None for a time that is not valid.
    """

    def __init__(
        self, reader: PointReader, encoding: Encoding, place: int, number: int, resource: Pairs, key: bytes,
        instants: dict[int, InstantAggregate | None],
    ) -> None:
        self._reader, self._encoding = reader, encoding
        self._place, self._number = place, number
        self._resource, self._key = resource, key
        self._instants = instants
        self._since_ns = reader.states.first_seen_ns(key)
        self.newest_ns = 0

    def read(self, metric: Metric, scope: str) -> None:
        """All points of a metric."""
        data = self._encoding.kind(metric)
        if data is None:
            return
        kind = KINDS[data]
        if data == "sum" and not metric.sum.is_monotonic:
            kind = "gauge"
        points = len(getattr(metric, data).data_points)
        alias = self._reader.alias_of(metric.name, kind, metric.unit)
        if alias is None:
            self._reader.drop(metric.name, points)
            return
        self._reader.names.watched += points
        if data == "gauge":
            self._gauge(metric, scope, alias, metric.gauge)
        elif data == "sum":
            self._sum(metric, scope, alias, metric.sum)
        elif alias.kind not in ("histogram", "summary"):
            self._reader.drop_kind(points)
        elif data == "histogram":
            self._histogram(metric, scope, alias, metric.histogram)
        elif data == "exponential_histogram":
            self._exponential(metric, scope, alias, metric.exponential_histogram)
        else:
            self._summary(metric, scope, alias, metric.summary)

    def _gauge(self, metric: Metric, scope: str, alias: Alias, data: Gauge) -> None:
        """A scrape without types turns counters into gauges, so the kind of the alias decides."""
        for ready, point in self._ready_points(metric, scope, alias, data.data_points):
            value = self._encoding.number(point)
            if alias.kind == "gauge":
                self._reader.add_gauge(ready.accumulator, ready.series, point.time_unix_nano, value)
            elif alias.kind == "counter":
                self._reader.add_counter(ready.accumulator, ready.series, point.time_unix_nano, 0, value, None)
            else:
                self._reader.drop_kind(1)

    def _sum(self, metric: Metric, scope: str, alias: Alias, data: Sum) -> None:
        for ready, point in self._ready_points(metric, scope, alias, data.data_points):
            value, ts_ns, start_ns = self._encoding.number(point), point.time_unix_nano, point.start_time_unix_nano
            delta = data.aggregation_temporality == DELTA
            if alias.kind == "gauge" and not delta:
                self._reader.add_gauge(ready.accumulator, ready.series, ts_ns, value)
            elif alias.kind == "counter" and delta:
                self._reader.add_delta_counter(ready.accumulator, ready.series, ts_ns, start_ns, value)
            elif alias.kind == "counter":
                self._reader.add_counter(ready.accumulator, ready.series, ts_ns, start_ns, value, self._since_ns)
            else:
                self._reader.drop_kind(1)

    def _histogram(self, metric: Metric, scope: str, alias: Alias, data: Histogram) -> None:
        for ready, point in self._ready_points(metric, scope, alias, data.data_points):
            bounds, counts = tuple(point.explicit_bounds), tuple(map(float, point.bucket_counts))
            if not counts and not bounds:
                counts = (float(point.count),)
            if len(counts) != len(bounds) + 1 or any(map(float.__ge__, bounds, bounds[1:])):
                found = f"{len(counts)} bucketCounts for explicitBounds {shortened(bounds)}"
                rejection = Rejection("histogram", f"{found}, expected one more, and bounds that rise")
                self._reject(metric, ready.at, rejection)
                continue
            reading = Buckets(float(point.count), self._encoding.total(point), bounds, counts)
            self._add_reading(ready, point, reading, data.aggregation_temporality)

    def _exponential(self, metric: Metric, scope: str, alias: Alias, data: ExponentialHistogram) -> None:
        for ready, point in self._ready_points(metric, scope, alias, data.data_points):
            if not -10 <= point.scale <= 20:
                rejection = Rejection("histogram", f"scale: {point.scale}, expected -10 to 20")
                self._reject(metric, ready.at, rejection)
                continue
            positive = point.positive
            counts = tuple(
                (index, float(count)) for index, count in enumerate(positive.bucket_counts, positive.offset) if count
            )
            zero = float(point.zero_count + sum(point.negative.bucket_counts))
            reading = Exponential(float(point.count), self._encoding.total(point), point.scale, zero, counts)
            self._add_reading(ready, point, reading, data.aggregation_temporality)

    def _add_reading(
        self, ready: _ReadyPoint, point: HistogramPoint | ExponentialPoint, reading: Buckets | Exponential,
        temporality: int,
    ) -> None:
        ts_ns, start_ns = point.time_unix_nano, point.start_time_unix_nano
        if temporality == DELTA:
            self._reader.add_delta_histogram(ready.accumulator, ready.series, ts_ns, start_ns, reading)
        else:
            self._reader.add_histogram(ready.accumulator, ready.series, ts_ns, start_ns, reading, self._since_ns)

    def _summary(self, metric: Metric, scope: str, alias: Alias, data: Summary) -> None:
        for ready, point in self._ready_points(metric, scope, alias, data.data_points):
            quantiles = {each.quantile: each.value for each in point.quantile_values}
            self._reader.add_summary(ready.accumulator, ready.series, quantiles)
            count = float(point.count)
            reading = Buckets(count, point.sum, (), (count,))
            ts_ns, start_ns = point.time_unix_nano, point.start_time_unix_nano
            self._reader.add_histogram(ready.accumulator, ready.series, ts_ns, start_ns, reading, self._since_ns)

    def _ready_points(
        self, metric: Metric, scope: str, alias: Alias, points: Sequence[P],
    ) -> Iterator[tuple[_ReadyPoint, P]]:
        """The points whose series and time are valid; the others are rejected, or counted as skipped."""
        for at, point in enumerate(points):
            if point.flags & NO_RECORDED_VALUE:
                self._reader.skipped["no_value"] += 1
                continue
            instant = self._instant(metric, at, point.time_unix_nano)
            if instant is None:
                continue
            attributes = self._encoding.pairs(point.attributes)
            identity = (self._key, scope, metric.name, attributes)
            series = self._reader.cached_series(identity)
            if series is None:
                named = dict((*self._resource, *attributes))
                series = self._reader.resolve_series(identity, alias, named, metric.unit, digest(identity))
            if isinstance(series, Rejection):
                self._reject(metric, at, series)
                continue
            yield _ReadyPoint(series, instant.accumulator(series.labels), at), point

    def _instant(self, metric: Metric, at: int, ts_ns: int) -> InstantAggregate | None:
        """The aggregate of a time; a time that is not valid is rejected once a request."""
        if ts_ns not in self._instants:
            rejection = self._reader.check_timestamp(ts_ns)
            self._instants[ts_ns] = InstantAggregate() if rejection is None else None
            if rejection is not None:
                self._reject(metric, at, rejection)
        self.newest_ns = max(self.newest_ns, ts_ns if self._instants[ts_ns] is not None else 0)
        return self._instants[ts_ns]

    def _reject(self, metric: Metric, at: int, rejection: Rejection) -> None:
        where = f"resourceMetrics[{self._number}]: {shortened(metric.name)}: dataPoints[{at}]"
        self._reader.reject(self._place, rejection, where)
