"""Prometheus samples as prometheus-kafka-adapter writes them, one JSON record each, grouped into scrapes again.

`{"timestamp": "2026-11-23T17:00:15Z", "value": "42", "name": "...", "labels": {...}}`: the timestamp is truncated to
seconds, the value is a string. A scrape is all samples of one exporter (job and instance) of one second. It is held
back for `SCRAPE_GRACE_S` of event time, since Prometheus may send a part of it so much later, or until the source is
idle. Then histograms and summaries are assembled from their `_bucket`, `_sum` and `_count`, and read as cumulative
ones. Samples that come still later are a scrape of their own, in which an incomplete histogram is skipped. Nothing is
lost by that: the delta of the next scrape reaches back to the last complete one.

State: snapshots contain the scrapes that are held back. Cost: see `benchmarks/inputs.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf, isfinite, nan
from typing import Any, Literal, NamedTuple

import msgspec
from numpy.typing import NDArray

from detectors.base import State
from streams.intake.aggregated.aliases import Alias
from streams.intake.aggregated.cumulative import NS, digest
from streams.intake.aggregated.histograms import Buckets
from streams.intake.aggregated.instant import InstantAggregate
from streams.intake.aggregated.point_reader import InputOptions, PointReader
from streams.intake.aggregated.series import CACHED, Series
from streams.intake.codec import Decoded
from streams.intake.columns import Samples
from streams.intake.kafka_record import KafkaRecord
from streams.intake.scopes import ScopeTable
from streams.intake.validation import Rejection, ValidationLimits, shortened

SCRAPE_GRACE_S = 5
"""The default of `batch_send_deadline` of Prometheus' remote write."""
Role = Literal["value", "bucket", "sum", "count", "quantile"]
_SUFFIXES: tuple[tuple[str, Role], ...] = (("_bucket", "bucket"), ("_sum", "sum"), ("_count", "count"))
_EXPECTED = "a sample with timestamp, value, name and labels"


class _Sample(msgspec.Struct, gc=False):
    name: str
    timestamp: str
    value: str | float
    labels: msgspec.Raw


_decode = msgspec.json.Decoder(_Sample).decode
_decode_labels = msgspec.json.Decoder(dict[str, str]).decode


class _Part(NamedTuple):
    """One source name with its labels, as a part of a series. edge: upper bound of a bucket, or share of a quantile."""

    series: Series
    alias: Alias
    role: Role
    edge: float
    exporter: tuple[str, str]
    name: str
    labels: str


@dataclass(frozen=True, slots=True)
class _Ignored:
    """In place of a part: samples of this metric are dropped."""

    metric: str


@dataclass(slots=True)
class _Scrape:
    """The samples of one exporter in one second. offset: of the last record among them."""

    offset: int = 0
    samples: list[tuple[_Part, float]] = field(default_factory=list)


@dataclass(slots=True)
class _Distribution:
    """A histogram or summary that is being assembled."""

    series: Series
    buckets: dict[float, float] = field(default_factory=dict)
    quantiles: dict[float, float] = field(default_factory=dict)
    total: float = nan
    count: float | None = None


class PrometheusCodec:
    """One topic of Prometheus samples within a shard: a `Codec`."""

    def __init__(self, scopes: ScopeTable, limits: ValidationLimits, options: InputOptions) -> None:
        self._reader = PointReader(scopes, limits, options)
        self.skipped, self.names = self._reader.skipped, self._reader.names
        self._parts: dict[tuple[str, bytes], _Part | _Ignored | Rejection] = {}
        self._timestamps: dict[str, int | Rejection] = {}
        self._highest_ns = 0
        self._held: dict[tuple[int, tuple[str, str]], _Scrape] = {}

    def decode(self, records: Sequence[KafkaRecord], now_s: float) -> Decoded:
        """See `Codec`."""
        self._reader.start_batch(now_s)
        self._timestamps.clear()
        for place, record in enumerate(records):
            value = self._reader.check_value(record.value, place, _EXPECTED)
            if value is None:
                continue
            try:
                sample = _decode(value)
            except msgspec.ValidationError as error:
                self._reader.reject(place, Rejection("invalid", f"value: {error}, expected {_EXPECTED}"))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                self._reader.reject(place, Rejection("not_json", f"value: {shortened(value)}: {error}, expected JSON"))
            else:
                rejection = self._process(sample, record.offset)
                if rejection is not None:
                    self._reader.reject(place, rejection, shortened(sample.name))
        return self._reader.finish_batch(records)

    def flush(self) -> Samples | None:
        """See `Codec`."""
        if not self._held:
            return None
        self._reader.start_batch(0.0)
        self._emit_until(inf)
        return self._reader.samples()

    def _process(self, sample: _Sample, offset: int) -> Rejection | None:
        """Hold a sample back; returns what is wrong with it, None when nothing is."""
        identity = (sample.name, bytes(sample.labels))
        part = self._parts.get(identity)
        if part is None:
            part = self._resolve_part(*identity)
        if isinstance(part, _Ignored):
            self._reader.drop(part.metric, 1)
            return None
        self.names.watched += 1
        if isinstance(part, Rejection):
            return part
        ts_ns = self._timestamps.get(sample.timestamp)
        if ts_ns is None:
            ts_ns = self._timestamps[sample.timestamp] = self._timestamp_ns(sample.timestamp)
        if isinstance(ts_ns, Rejection):
            return ts_ns
        try:
            number = float(sample.value)
        except ValueError:
            return Rejection("metric_type", f"value: {shortened(sample.value)}, expected a number")
        if not isfinite(number):
            self.skipped["no_value"] += 1
            return None
        if ts_ns > self._highest_ns:
            self._highest_ns = ts_ns
            self._emit_until(ts_ns - SCRAPE_GRACE_S * NS)
        scrape = self._held.setdefault((ts_ns, part.exporter), _Scrape())
        scrape.offset = offset
        scrape.samples.append((part, number))
        return None

    def _timestamp_ns(self, text: str) -> int | Rejection:
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            return Rejection("ts_type", f"timestamp: {shortened(text)}, expected a time as in RFC 3339")
        if parsed.tzinfo is None:
            return Rejection("ts_type", f"timestamp: {shortened(text)}, expected one with its time zone")
        ts_ns = round(parsed.timestamp() * 1e6) * 1000
        return self._reader.check_timestamp(ts_ns) or ts_ns

    def _resolve_part(self, name: str, raw: bytes) -> _Part | _Ignored | Rejection:
        if len(self._parts) >= CACHED:
            self._parts.clear()
        try:
            labels = _decode_labels(raw)
        except msgspec.MsgspecError as error:
            # Not cached: malformed labels need not repeat themselves.
            return Rejection("label_type", f"labels: {error}, expected names and texts")
        found = self._parts[name, raw] = self._new_part(name, labels, raw.decode())
        return found

    def _new_part(self, name: str, labels: dict[str, str], raw: str) -> _Part | _Ignored | Rejection:
        base, role, alias = self._role(name, labels)
        if alias is None:
            return _Ignored(base)
        edge_text = {"bucket": labels.get("le", "nan"), "quantile": labels.get("quantile", "nan")}.get(role, "nan")
        try:
            edge = float(edge_text)
        except ValueError:
            return Rejection("histogram", f"labels: {shortened(edge_text)}, expected the bound or share as a number")
        named = {key: value for key, value in labels.items() if key not in ("le", "quantile", "__name__")}
        identity = (base, *sorted(self._reader.identifying(alias, named).items()))
        reader = self._reader
        series = reader.cached_series(identity) or reader.resolve_series(identity, alias, named, "", digest(identity))
        if isinstance(series, Rejection):
            return series
        exporter = (labels.get("job", ""), labels.get("instance", ""))
        return _Part(series, alias, role, edge, exporter, name, raw)

    def _role(self, name: str, labels: Mapping[str, str]) -> tuple[str, Role, Alias | None]:
        """The name of the whole metric, the role of this name in it, and the alias of the whole."""
        aliases = self._reader.aliases
        alias = aliases.find(name)
        if alias is not None and alias.kind in ("gauge", "counter"):
            return name, "value", alias
        if alias is not None:
            return name, "quantile", alias if "quantile" in labels else None
        for suffix, role in _SUFFIXES:
            base = name.removesuffix(suffix)
            if base != name and (role != "bucket" or "le" in labels):
                alias = aliases.find(base)
                if alias is None or alias.kind in ("gauge", "counter"):
                    alias = aliases.fallback(base, "histogram", "")
                return base, role, alias
        if name.endswith("_created"):  # the start time of another metric
            return name, "value", None
        if "quantile" in labels:
            return name, "quantile", aliases.fallback(name, "summary", "")
        return name, "value", aliases.fallback(name, "counter" if name.endswith("_total") else "gauge", "")

    def _emit_until(self, until_ns: float) -> None:
        """Emit the scrapes up to this instant, in order of time."""
        for key in sorted(key for key in self._held if key[0] <= until_ns):
            self._emit(key[0], self._held.pop(key))

    def _emit(self, ts_ns: int, scrape: _Scrape) -> None:
        reader, instant = self._reader, InstantAggregate()
        distributions: dict[bytes, _Distribution] = {}
        for part, number in scrape.samples:
            series = part.series
            if part.role == "value" and part.alias.kind == "gauge":
                reader.add_gauge(instant.accumulator(series.labels), series, ts_ns, number)
            elif part.role == "value":
                reader.add_counter(instant.accumulator(series.labels), series, ts_ns, 0, number, None)
            else:
                distribution = distributions.setdefault(series.key, _Distribution(series))
                if part.role == "bucket":
                    distribution.buckets[part.edge] = number
                elif part.role == "quantile":
                    distribution.quantiles[part.edge] = number
                elif part.role == "sum":
                    distribution.total = number
                else:
                    distribution.count = number
        for distribution in distributions.values():
            accumulator = instant.accumulator(distribution.series.labels)
            reader.add_summary(accumulator, distribution.series, distribution.quantiles)
            reading = _reading(distribution)
            if reading is None:
                self.skipped["incomplete"] += 1
            else:
                reader.add_histogram(accumulator, distribution.series, ts_ns, 0, reading, None)
        reader.emit(instant, ts_ns, scrape.offset)

    def snapshot(self) -> tuple[State, dict[str, Any]]:
        """See `Codec`."""
        held = [
            [ts_ns, scrape.offset, [[part.name, part.labels, number] for part, number in scrape.samples]]
            for (ts_ns, _), scrape in self._held.items()
        ]
        return self._reader.states.snapshot(), {"highest_ns": self._highest_ns, "held": held}

    def restore(self, state: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        """See `Codec`."""
        self._reader.states.restore(state)
        self._highest_ns = int(meta["highest_ns"])
        self._held.clear()
        for ts_ns, offset, samples in meta["held"]:
            for name, labels, number in samples:
                part = self._resolve_part(name, labels.encode())
                if isinstance(part, _Part):
                    scrape = self._held.setdefault((int(ts_ns), part.exporter), _Scrape(int(offset)))
                    scrape.samples.append((part, float(number)))


def _reading(distribution: _Distribution) -> Buckets | None:
    """The histogram; None where a necessary part is missing."""
    count = distribution.buckets.get(inf, distribution.count)
    if count is None:
        return None
    bounds = tuple(sorted(edge for edge in distribution.buckets if edge != inf))
    below = [*(distribution.buckets[bound] for bound in bounds), count]
    counts = tuple(later - earlier for earlier, later in zip([0.0, *below], below, strict=False))
    return None if min(counts) < 0.0 else Buckets(count, distribution.total, bounds, counts)
