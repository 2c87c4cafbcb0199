"""OTLP metrics on the wire: the shapes of a request, and its two encodings, protobuf and JSON.

The shapes are declared once, as msgspec structs. Protobuf messages have the same attributes, so they are typed as
these. Optional fields differ between the two, so an `Encoding` reads them. JSON has 64-bit integers as strings or
numbers, names in lowerCamelCase and enumerations as numbers; trace ids are hexadecimal and not read. Unknown fields are
ignored. `google.protobuf.json_format` is not used: it costs 175 us a point where this costs a few.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import nan
from typing import Literal, Protocol, cast

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue as ProtoValue

from streams.intake.validation import Rejection, shortened

DELTA, CUMULATIVE = 1, 2
DataKind = Literal["gauge", "sum", "histogram", "exponential_histogram", "summary"]
Pairs = tuple[tuple[str, str], ...]
"""Attributes by name, as text; '' for a value that is no string, number or boolean."""


class _Shape(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Of OTLP/JSON."""


class AnyValue(_Shape, frozen=True):
    string_value: str = ""
    bool_value: bool | None = None
    int_value: int | None = None
    double_value: float | None = None


class KeyValue(_Shape, frozen=True):
    key: str = ""
    value: AnyValue = AnyValue()


class _Point(_Shape, frozen=True):
    """The fields of every point."""

    time_unix_nano: int = 0
    start_time_unix_nano: int = 0
    attributes: tuple[KeyValue, ...] = ()
    flags: int = 0


class _Summed(_Point, frozen=True):
    """A point of several observations."""

    count: int = 0
    sum: float = nan


class NumberPoint(_Point, frozen=True):
    as_double: float | None = None
    as_int: int | None = None


class HistogramPoint(_Summed, frozen=True):
    bucket_counts: tuple[int, ...] = ()
    explicit_bounds: tuple[float, ...] = ()


class BucketRun(_Shape, frozen=True):
    offset: int = 0
    bucket_counts: tuple[int, ...] = ()


class ExponentialPoint(_Summed, frozen=True):
    scale: int = 0
    zero_count: int = 0
    positive: BucketRun = BucketRun()
    negative: BucketRun = BucketRun()


class QuantileValue(_Shape, frozen=True):
    quantile: float = nan
    value: float = nan


class SummaryPoint(_Summed, frozen=True):
    quantile_values: tuple[QuantileValue, ...] = ()


Point = NumberPoint | HistogramPoint | ExponentialPoint | SummaryPoint


class Gauge(_Shape, frozen=True):
    data_points: tuple[NumberPoint, ...] = ()


class Sum(_Shape, frozen=True):
    data_points: tuple[NumberPoint, ...] = ()
    aggregation_temporality: int = 0
    is_monotonic: bool = False


class Histogram(_Shape, frozen=True):
    data_points: tuple[HistogramPoint, ...] = ()
    aggregation_temporality: int = 0


class ExponentialHistogram(_Shape, frozen=True):
    data_points: tuple[ExponentialPoint, ...] = ()
    aggregation_temporality: int = 0


class Summary(_Shape, frozen=True):
    data_points: tuple[SummaryPoint, ...] = ()


class Metric(_Shape, frozen=True):
    name: str = ""
    unit: str = ""
    gauge: Gauge = Gauge()
    sum: Sum = Sum()
    histogram: Histogram = Histogram()
    exponential_histogram: ExponentialHistogram = ExponentialHistogram()
    summary: Summary = Summary()


class Scope(_Shape, frozen=True):
    name: str = ""


class ScopeMetrics(_Shape, frozen=True):
    scope: Scope = Scope()
    metrics: tuple[Metric, ...] = ()


class Resource(_Shape, frozen=True):
    attributes: tuple[KeyValue, ...] = ()


class ResourceMetrics(_Shape, frozen=True):
    resource: Resource = Resource()
    scope_metrics: tuple[ScopeMetrics, ...] = ()


class Request(_Shape, frozen=True):
    """An ExportMetricsServiceRequest, and a MetricsData, which is the same on the wire."""

    resource_metrics: tuple[ResourceMetrics, ...] = ()


class Encoding(Protocol):
    """Parses one encoding, and reads its optional fields."""

    def parse(self, value: bytes) -> Request | Rejection:
        """The request, or what is wrong with the bytes."""

    def kind(self, metric: Metric) -> DataKind | None:
        """The kind of data of a metric; None for a metric without data."""

    def number(self, point: NumberPoint) -> float:
        """Its value, NaN for none."""

    def total(self, point: HistogramPoint | ExponentialPoint) -> float:
        """The sum of its observations, NaN where the source gives none."""

    def pairs(self, attributes: Iterable[KeyValue]) -> Pairs:
        """Attributes as text, sorted."""


class Protobuf:
    """OTLP in protobuf."""

    def parse(self, value: bytes) -> Request | Rejection:
        """See `Encoding`."""
        try:
            return cast("Request", ExportMetricsServiceRequest.FromString(value))
        except DecodeError as error:
            expected = "an ExportMetricsServiceRequest in protobuf"
            return Rejection("not_protobuf", f"value: {shortened(value)}: {error}, expected {expected}")

    def kind(self, metric: Metric) -> DataKind | None:
        """See `Encoding`."""
        return cast("DataKind | None", metric.WhichOneof("data"))  # type: ignore[attr-defined]

    def number(self, point: NumberPoint) -> float:
        """See `Encoding`."""
        which = point.WhichOneof("value")  # type: ignore[attr-defined]
        return nan if which is None else float(getattr(point, which))

    def total(self, point: HistogramPoint | ExponentialPoint) -> float:
        """See `Encoding`."""
        return point.sum if point.HasField("sum") else nan  # type: ignore[union-attr]

    def pairs(self, attributes: Iterable[KeyValue]) -> Pairs:
        """See `Encoding`."""
        return tuple(sorted([(each.key, each.value.string_value or _proto_text(each.value)) for each in attributes]))


def _proto_text(value: object) -> str:
    kind = cast("ProtoValue", value).WhichOneof("value")
    return _text(getattr(value, kind)) if kind in ("bool_value", "int_value", "double_value") else ""


class Json:
    """OTLP in JSON."""

    _decode = staticmethod(msgspec.json.Decoder(Request, strict=False).decode)

    def parse(self, value: bytes) -> Request | Rejection:
        """See `Encoding`."""
        try:
            return self._decode(value)
        except msgspec.ValidationError as error:
            return Rejection("invalid", f"value: {error}, as OTLP/JSON has it")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return Rejection("not_json", f"value: {shortened(value)}: {error}, expected JSON")

    def kind(self, metric: Metric) -> DataKind | None:
        """See `Encoding`."""
        if metric.histogram.data_points:
            return "histogram"
        if metric.sum.data_points:
            return "sum"
        if metric.gauge.data_points:
            return "gauge"
        if metric.exponential_histogram.data_points:
            return "exponential_histogram"
        return "summary" if metric.summary.data_points else None

    def number(self, point: NumberPoint) -> float:
        """See `Encoding`."""
        if point.as_double is not None:
            return point.as_double
        return nan if point.as_int is None else float(point.as_int)

    def total(self, point: HistogramPoint | ExponentialPoint) -> float:
        """See `Encoding`."""
        return point.sum

    def pairs(self, attributes: Iterable[KeyValue]) -> Pairs:
        """See `Encoding`."""
        return tuple(sorted([(each.key, each.value.string_value or _json_text(each.value)) for each in attributes]))


def _json_text(value: AnyValue) -> str:
    values = (value.bool_value, value.int_value, value.double_value)
    return next((_text(each) for each in values if each is not None), "")


def _text(value: bool | float) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
