"""Prometheus samples as prometheus-kafka-adapter writes them, one JSON record each, put together to scrapes again.

`{"timestamp": "2026-11-23T17:00:15Z", "value": "42", "name": "...", "labels": {...}}`: the timestamp is cut to whole
seconds, the value is a string. A scrape of one exporter (job and instance) is all its samples of one second; it is held
back for `SETTLE_S` of event time, as long as Prometheus may hold back a part of what it sends, or until the source is
idle. Then histograms and summaries are put together from their `_bucket`, `_sum` and `_count`, and read as cumulative
ones. What comes later still is a scrape of its own, in which a histogram of parts is left out: no loss, as the next
scrape adds up from the last whole one.

State: scrapes held back are in snapshots as they came. Cost: see `benchmarks/inputs.py`.
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
from streams.intake.aggregated.fold import Fold
from streams.intake.aggregated.histograms import Buckets
from streams.intake.aggregated.intake import InputOptions, Intake
from streams.intake.aggregated.series import CACHED, Series
from streams.intake.codec import Decoded, Record
from streams.intake.columns import Samples
from streams.intake.scopes import ScopeTable
from streams.intake.validation import Fault, Rules, shortened

SETTLE_S = 5
"""`batch_send_deadline` of Prometheus' remote write, as shipped."""
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
    """What a name with these labels is of its series. edge: the bound of a bucket, or the share of a quantile."""

    series: Series
    alias: Alias
    role: Role
    edge: float
    exporter: tuple[str, str]
    name: str
    labels: str


class _Unwatched:
    """In place of a part: this name is left out."""


@dataclass(slots=True)
class _Scrape:
    """Samples of one exporter and second. offset: of the last record among them."""

    offset: int = 0
    samples: list[tuple[_Part, float]] = field(default_factory=list)


@dataclass(slots=True)
class _Whole:
    """A histogram or summary in the making."""

    series: Series
    buckets: dict[float, float] = field(default_factory=dict)
    quantiles: dict[float, float] = field(default_factory=dict)
    total: float = nan
    count: float | None = None


class PrometheusCodec:
    """One topic of Prometheus samples within a shard: a `Codec`."""

    def __init__(self, scopes: ScopeTable, rules: Rules, options: InputOptions) -> None:
        self._intake = Intake(scopes, rules, options)
        self.points = self._intake.points
        self._parts: dict[tuple[str, bytes], _Part | _Unwatched | Fault] = {}
        self._instants: dict[str, int | Fault] = {}
        self._highest_ns = 0
        self._held: dict[tuple[int, tuple[str, str]], _Scrape] = {}

    def decode(self, records: Sequence[Record], now_s: float) -> Decoded:
        """See `Codec`."""
        self._intake.begin(now_s)
        self._instants.clear()
        for place, record in enumerate(records):
            value = self._intake.parsable(record.value, place, _EXPECTED)
            if value is None:
                continue
            try:
                sample = _decode(value)
            except msgspec.ValidationError as error:
                self._intake.blame(place, Fault("invalid", f"value: {error}, expected {_EXPECTED}"))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                self._intake.blame(place, Fault("not_json", f"value: {shortened(value)}: {error}, expected JSON"))
            else:
                fault = self._take(sample, record.offset)
                if fault is not None:
                    self._intake.blame(place, fault, shortened(sample.name))
        return self._intake.finish(records)

    def flush(self) -> Samples | None:
        """See `Codec`."""
        if not self._held:
            return None
        self._intake.begin(0.0)
        self._settle(inf)
        return self._intake.taken()

    def _take(self, sample: _Sample, offset: int) -> Fault | None:
        """Hold a sample back; answers what is wrong with it."""
        identity = (sample.name, bytes(sample.labels))
        part = self._parts.get(identity)
        if part is None:
            part = self._meet(*identity)
        if isinstance(part, _Unwatched):
            self.points["unknown"] += 1
            return None
        if isinstance(part, Fault):
            return part
        ts_ns = self._instants.get(sample.timestamp)
        if ts_ns is None:
            ts_ns = self._instants[sample.timestamp] = self._instant(sample.timestamp)
        if isinstance(ts_ns, Fault):
            return ts_ns
        try:
            number = float(sample.value)
        except ValueError:
            return Fault("metric_type", f"value: {shortened(sample.value)}, expected a number")
        if not isfinite(number):
            self.points["no_value"] += 1
            return None
        if ts_ns > self._highest_ns:
            self._highest_ns = ts_ns
            self._settle(ts_ns - SETTLE_S * NS)
        scrape = self._held.setdefault((ts_ns, part.exporter), _Scrape())
        scrape.offset = offset
        scrape.samples.append((part, number))
        return None

    def _instant(self, text: str) -> int | Fault:
        try:
            told = datetime.fromisoformat(text)
        except ValueError:
            return Fault("ts_type", f"timestamp: {shortened(text)}, expected a time as in RFC 3339")
        if told.tzinfo is None:
            return Fault("ts_type", f"timestamp: {shortened(text)}, expected one with its time zone")
        ts_ns = round(told.timestamp() * 1e6) * 1000
        return self._intake.ts_fault(ts_ns) or ts_ns

    def _meet(self, name: str, raw: bytes) -> _Part | _Unwatched | Fault:
        if len(self._parts) >= CACHED:
            self._parts.clear()
        try:
            labels = _decode_labels(raw)
        except msgspec.MsgspecError as error:
            # Not remembered: what a faulty producer sends need not repeat itself.
            return Fault("label_type", f"labels: {error}, expected names and texts")
        found = self._parts[name, raw] = self._part(name, labels, raw.decode())
        return found

    def _part(self, name: str, labels: dict[str, str], raw: str) -> _Part | _Unwatched | Fault:
        base, role, alias = self._role(name, labels)
        if alias is None:
            return _Unwatched()
        told = labels.get("le" if role == "bucket" else "quantile", "nan") if role in ("bucket", "quantile") else "nan"
        try:
            edge = float(told)
        except ValueError:
            return Fault("histogram", f"labels: {shortened(told)}, expected the bound or share as a number")
        named = {key: value for key, value in labels.items() if key not in ("le", "quantile", "__name__")}
        identity = (base, *sorted(named.items()))
        series = self._intake.known(identity) or self._intake.meet(identity, alias, named, "", digest(identity))
        if isinstance(series, Fault):
            return series
        exporter = (labels.get("job", ""), labels.get("instance", ""))
        return _Part(series, alias, role, edge, exporter, name, raw)

    def _role(self, name: str, labels: Mapping[str, str]) -> tuple[str, Role, Alias | None]:
        """The name of the whole, what this is of it, and its alias."""
        aliases = self._intake.aliases
        alias = aliases.known(name)
        if alias is not None and alias.kind in ("gauge", "counter"):
            return name, "value", alias
        if alias is not None:
            return name, "quantile", alias if "quantile" in labels else None
        for suffix, role in _SUFFIXES:
            base = name.removesuffix(suffix)
            if base != name and (role != "bucket" or "le" in labels):
                alias = aliases.known(base)
                if alias is None or alias.kind in ("gauge", "counter"):
                    alias = aliases.other(base, "histogram", "")
                return base, role, alias
        if name.endswith("_created"):  # when the exporter began to count, written beside each counter and histogram
            return name, "value", None
        if "quantile" in labels:
            return name, "quantile", aliases.other(name, "summary", "")
        return name, "value", aliases.other(name, "counter" if name.endswith("_total") else "gauge", "")

    def _settle(self, until_ns: float) -> None:
        """Read the scrapes up to this instant, in the order of their times."""
        for key in sorted(key for key in self._held if key[0] <= until_ns):
            self._read(key[0], self._held.pop(key))

    def _read(self, ts_ns: int, scrape: _Scrape) -> None:
        intake, fold = self._intake, Fold()
        wholes: dict[bytes, _Whole] = {}
        for part, number in scrape.samples:
            series = part.series
            if part.role == "value" and part.alias.kind == "gauge":
                intake.gauge(fold.heap(series.labels), series, ts_ns, number)
            elif part.role == "value":
                intake.counter(fold.heap(series.labels), series, ts_ns, 0, number, None)
            else:
                whole = wholes.setdefault(series.key, _Whole(series))
                if part.role == "bucket":
                    whole.buckets[part.edge] = number
                elif part.role == "quantile":
                    whole.quantiles[part.edge] = number
                elif part.role == "sum":
                    whole.total = number
                else:
                    whole.count = number
        for whole in wholes.values():
            heap = fold.heap(whole.series.labels)
            intake.summary(heap, whole.series, whole.quantiles)
            reading = _reading(whole)
            if reading is None:
                self.points["incomplete"] += 1
            else:
                intake.histogram(heap, whole.series, ts_ns, 0, reading, None)
        intake.emit(fold, ts_ns, scrape.offset)

    def snapshot(self) -> tuple[State, dict[str, Any]]:
        """See `Codec`."""
        held = [
            [ts_ns, scrape.offset, [[part.name, part.labels, number] for part, number in scrape.samples]]
            for (ts_ns, _), scrape in self._held.items()
        ]
        return self._intake.states.snapshot(), {"highest_ns": self._highest_ns, "held": held}

    def restore(self, state: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        """See `Codec`."""
        self._intake.states.restore(state)
        self._highest_ns = int(meta["highest_ns"])
        self._held.clear()
        for ts_ns, offset, samples in meta["held"]:
            for name, labels, number in samples:
                part = self._meet(name, labels.encode())
                if isinstance(part, _Part):
                    scrape = self._held.setdefault((int(ts_ns), part.exporter), _Scrape(int(offset)))
                    scrape.samples.append((part, float(number)))


def _reading(whole: _Whole) -> Buckets | None:
    """The histogram; None where a part is missing without which nothing can be told."""
    count = whole.buckets.get(inf, whole.count)
    if count is None:
        return None
    bounds = tuple(sorted(edge for edge in whole.buckets if edge != inf))
    below = [*(whole.buckets[bound] for bound in bounds), count]
    counts = tuple(later - earlier for earlier, later in zip([0.0, *below], below, strict=False))
    return None if min(counts) < 0.0 else Buckets(count, whole.total, bounds, counts)
