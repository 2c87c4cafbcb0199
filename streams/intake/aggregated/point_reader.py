"""Reads the points of aggregated metrics, of any format, into samples.

A codec parses its wire format, asks for the alias and the series of each point, and adds the point to the values of its
instant. What is cumulative becomes what was added since the point before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

from streams.intake.aggregated.alias_table import NOT_WATCHED, TABLE
from streams.intake.aggregated.aliases import Alias, Aliases, Kind
from streams.intake.aggregated.cumulative import NS, CumulativeStates
from streams.intake.aggregated.histograms import Buckets, Exponential, Scalar
from streams.intake.aggregated.instant import QUANTILES, Accumulator, InstantAggregate
from streams.intake.aggregated.labels import LabelOverrides, without_copies
from streams.intake.aggregated.sample_builder import SampleBuilder
from streams.intake.aggregated.series import CACHED, Series, SeriesResolver
from streams.intake.codec import BatchCounts, Decoded, SkipReason, dead_letters
from streams.intake.columns import Samples
from streams.intake.kafka_record import KafkaRecord
from streams.intake.point_names import PointNames
from streams.intake.scopes import ScopeTable
from streams.intake.validation import Rejection, ValidationLimits, check_timestamp


@dataclass(frozen=True, slots=True)
class InputOptions:
    """unknown: metrics that the alias table does not have are dropped, or passed under their own names. labels:
    attributes that are looked at first, by label. max_series: the most series with state, of one topic in one shard."""

    unknown: Literal["drop", "pass"] = "drop"
    labels: LabelOverrides = field(default_factory=dict)
    max_series: int = 50_000


class PointReader:
    """The state of one topic within a shard, and the batch being read.

    skipped: points without a value, by reason. names: points by whether their name is watched. states: of the
    cumulative series. rejections: of the batch, by the place of the record in it.
    """

    def __init__(self, scopes: ScopeTable, limits: ValidationLimits, options: InputOptions) -> None:
        self.skipped: Counter[SkipReason] = Counter()
        self.names = PointNames()
        self.states = CumulativeStates(options.max_series, self.skipped)
        self.limits = limits
        self.aliases = Aliases(TABLE, options.unknown, NOT_WATCHED)
        self.rejections: dict[int, list[Rejection]] = {}
        self._labels = options.labels
        self._resolver = SeriesResolver(limits, options.labels)
        self._alias_cache: dict[tuple[str, Kind, str], Alias | None] = {}
        self._left_out_cache: dict[str, bool] = {}
        self._series_cache: dict[object, Series | Rejection] = {}
        self._scopes = scopes
        self._now_s = 0.0
        self._builder = SampleBuilder(scopes)

    def start_batch(self, now_s: float) -> None:
        """Begin a batch. now_s: only for timestamps too far ahead (or too old)."""
        self._now_s = now_s
        self.rejections = {}
        self._builder = SampleBuilder(self._scopes)

    def finish_batch(self, records: Sequence[KafkaRecord]) -> Decoded:
        """The samples and the dead letters of the batch."""
        samples = self._builder.samples()
        values = sum(len(column.values) for column in samples.columns)
        rejected = sum(len(rejections) for rejections in self.rejections.values())
        counts = BatchCounts(len(records), len(samples), values, rejected)
        return Decoded(samples, dead_letters(records, self.rejections), counts)

    def samples(self) -> Samples:
        """The samples added since `start_batch`."""
        return self._builder.samples()

    def reject(self, place: int, rejection: Rejection, where: str = "") -> None:
        """Note that a part of the record at this place of the batch is malformed. where: the part, for the detail."""
        detail = f"{where}: {rejection.detail}" if where else rejection.detail
        self.rejections.setdefault(place, []).append(Rejection(rejection.reason, detail))

    def check_value(self, value: bytes | None, place: int, expected: str) -> bytes | None:
        """The value of a record; None, and a rejection, for one that is empty or too large to be parsed."""
        if not value:
            self.reject(place, Rejection("empty", f"value: none, expected {expected}"))
            return None
        if len(value) > self.limits.max_bytes:
            found = f"value: {len(value)} bytes, expected at most {self.limits.max_bytes}"
            self.reject(place, Rejection("too_large", found))
            return None
        return value

    def check_timestamp(self, ts_ns: int) -> Rejection | None:
        """What is wrong with a timestamp; None when nothing is."""
        if ts_ns <= 0:
            return Rejection("missing_ts", "timeUnixNano: none, expected nanoseconds since the epoch")
        return check_timestamp(ts_ns / NS, self.limits, self._now_s)

    def alias_of(self, name: str, kind: Kind, unit: str) -> Alias | None:
        """The alias of a metric; None for a metric that is left out."""
        asked = (name, kind, unit)
        if asked not in self._alias_cache:
            if len(self._alias_cache) >= CACHED:
                self._alias_cache.clear()
            self._alias_cache[asked] = self.aliases.find(name) or self.aliases.fallback(name, kind, unit)
        return self._alias_cache[asked]

    def is_left_out(self, name: str) -> bool:
        """Whether a name without an alias is left out on purpose; nobody knows it otherwise."""
        if name not in self._left_out_cache:
            if len(self._left_out_cache) >= CACHED:
                self._left_out_cache.clear()
            # `_created` is the start time, which an exporter writes beside each counter and histogram.
            self._left_out_cache[name] = name.endswith("_created") or self.aliases.is_left_out(name)
        return self._left_out_cache[name]

    def drop(self, name: str, points: int) -> None:
        """Count points of a name without an alias."""
        if self.is_left_out(name):
            self.skipped["not_watched"] += points
            self.names.left_out += points
        else:
            self.skipped["unknown"] += points
            self.names.drop(name, points)

    def drop_kind(self, points: int) -> None:
        """Count points of a watched name that are not of the kind that it stands for."""
        self.skipped["wrong_kind"] += points
        self.names.watched -= points
        self.names.wrong_kind += points

    def identifying(self, alias: Alias, attributes: Mapping[str, str]) -> dict[str, str]:
        """The attributes that tell a series of this alias from another."""
        return without_copies(attributes, self._labels, alias.stack)

    def cached_series(self, identity: object) -> Series | Rejection | None:
        """A series that was resolved before; None for one that was not, or is no longer cached."""
        return self._series_cache.get(identity)

    def resolve_series(
        self, identity: object, alias: Alias, attributes: Mapping[str, str], unit: str, key: bytes,
    ) -> Series | Rejection:
        """Resolve a series that is not cached, and cache it."""
        if len(self._series_cache) >= CACHED:
            self._series_cache.clear()
        series = self._series_cache[identity] = self._resolver.resolve(alias, attributes, unit, key)
        return series

    def add_gauge(self, accumulator: Accumulator, series: Series, ts_ns: int, value: float) -> None:
        """Add the current value of a gauge."""
        if not isfinite(value) or series.target.metric is None or value == series.target.none_at:
            self.skipped["no_value"] += 1
            return
        span_s = self.states.advance(series.key, ts_ns)
        if span_s is None:
            self.skipped["stale"] += 1
            return
        accumulator.add_gauge(series.target.metric, value * series.target.factor, span_s)

    def add_counter(
        self, accumulator: Accumulator, series: Series, ts_ns: int, start_ns: int, value: float, since_ns: int | None,
    ) -> None:
        """Add a cumulative counter. since_ns: see `CumulativeStates.delta`."""
        if not isfinite(value) or value < 0.0:
            self.skipped["no_value"] += 1
            return
        delta = self.states.delta(series.key, ts_ns, start_ns, Scalar(value), since_ns)
        if delta is not None:
            accumulator.add_count(series.target, delta[0].value, delta[1])

    def add_delta_counter(
        self, accumulator: Accumulator, series: Series, ts_ns: int, start_ns: int, value: float,
    ) -> None:
        """Add a counter of delta temporality: the increase since the point before."""
        if not isfinite(value) or value < 0.0:
            self.skipped["no_value"] += 1
            return
        span_s = self._span_s(series, ts_ns, start_ns)
        if span_s is not None:
            accumulator.add_count(series.target, value, span_s)

    def add_histogram(
        self, accumulator: Accumulator, series: Series, ts_ns: int, start_ns: int, reading: Buckets | Exponential,
        since_ns: int | None,
    ) -> None:
        """Add a cumulative histogram. since_ns: see `CumulativeStates.delta`."""
        delta = self.states.delta(series.key, ts_ns, start_ns, reading, since_ns)
        if delta is not None:
            accumulator.add_observations(series.target, delta[0].observed(series.target.factor), delta[1])

    def add_delta_histogram(
        self, accumulator: Accumulator, series: Series, ts_ns: int, start_ns: int, reading: Buckets | Exponential,
    ) -> None:
        """Add a histogram of delta temporality: the observations since the point before."""
        span_s = self._span_s(series, ts_ns, start_ns)
        if span_s is not None:
            accumulator.add_observations(series.target, reading.observed(series.target.factor), span_s)

    def add_summary(self, accumulator: Accumulator, series: Series, quantiles: Mapping[float, float]) -> None:
        """Add the quantiles of a summary. Its sum and count are added as a histogram without bounds."""
        for suffix, share in QUANTILES.items():
            value = quantiles.get(share)
            if value is not None and isfinite(value) and series.target.metric is not None:
                accumulator.add_gauge(series.target.metric + suffix, value * series.target.factor, 0.0)

    def emit(self, instant: InstantAggregate, ts_ns: int, offset: int) -> None:
        """Turn an instant whose points have all been added into samples. offset: of the last record of its points."""
        for values in instant.values():
            self._builder.add(values, ts_ns / NS, offset)

    def _span_s(self, series: Series, ts_ns: int, start_ns: int) -> float | None:
        """The interval of a point of delta temporality; None, and counted, for one that is not newer than the last."""
        since_last_s = self.states.advance(series.key, ts_ns)
        if since_last_s is None:
            self.skipped["stale"] += 1
            return None
        return (ts_ns - start_ns) / NS if 0 < start_ns < ts_ns else since_last_s
