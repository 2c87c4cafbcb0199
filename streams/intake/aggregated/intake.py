"""What every format of aggregated metrics does with a point once it is known which series it is of and what it told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

from streams.intake.aggregated.alias_table import NOT_WATCHED, TABLE
from streams.intake.aggregated.aliases import Alias, Aliases, Kind
from streams.intake.aggregated.cumulative import NS, Cumulative
from streams.intake.aggregated.fold import QUANTILES, Accumulator, Fold
from streams.intake.aggregated.gather import Gather
from streams.intake.aggregated.histograms import Buckets, Exponential, Plain
from streams.intake.aggregated.labels import Own
from streams.intake.aggregated.series import CACHED, Naming, Series
from streams.intake.codec import Counts, Decoded, Record, Skip, dead_letters
from streams.intake.columns import Samples
from streams.intake.scopes import ScopeTable
from streams.intake.validation import Fault, Rules, ts_fault


@dataclass(frozen=True, slots=True)
class InputOptions:
    """unknown: what becomes of metrics that the alias table does not have: dropped, or passed under their own names.
    labels: attributes that are looked at first, by label. max_series: states kept, of one topic in one shard."""

    unknown: Literal["drop", "pass"] = "drop"
    labels: Own = field(default_factory=dict)
    max_series: int = 50_000


class Intake:
    """State of one topic within a shard, and the batch under way: faults by place of the record, and what it gave."""

    def __init__(self, scopes: ScopeTable, rules: Rules, options: InputOptions) -> None:
        self.points: Counter[Skip] = Counter()
        self.states = Cumulative(options.max_series, self.points)
        self.rules = rules
        self.aliases = Aliases(TABLE, options.unknown, NOT_WATCHED)
        self._naming = Naming(rules, options.labels)
        self._found: dict[tuple[str, Kind, str], Alias | None] = {}
        self._series: dict[object, Series | Fault] = {}
        self._scopes = scopes
        self._now_s = 0.0
        self.faults: dict[int, list[Fault]] = {}
        self.gathered = Gather(scopes)

    def begin(self, now_s: float) -> None:
        """A batch begins. now_s: only for timestamps too far ahead (or too old)."""
        self._now_s = now_s
        self.faults = {}
        self.gathered = Gather(self._scopes)

    def finish(self, records: Sequence[Record]) -> Decoded:
        """What the batch gave."""
        samples = self.gathered.samples()
        values = sum(len(column.values) for column in samples.columns)
        rejected = sum(len(faults) for faults in self.faults.values())
        counts = Counts(len(records), len(samples), values, rejected)
        return Decoded(samples, dead_letters(records, self.faults), counts)

    def taken(self) -> Samples:
        """What was gathered since `begin`."""
        return self.gathered.samples()

    def blame(self, place: int, fault: Fault, where: str = "") -> None:
        """Something of the record at this place of the batch is malformed."""
        detail = f"{where}: {fault.detail}" if where else fault.detail
        self.faults.setdefault(place, []).append(Fault(fault.reason, detail))

    def parsable(self, value: bytes | None, place: int, expected: str) -> bytes | None:
        """The value if it is worth parsing; else it is blamed."""
        if not value:
            self.blame(place, Fault("empty", f"value: none, expected {expected}"))
            return None
        if len(value) > self.rules.max_bytes:
            found = f"value: {len(value)} bytes, expected at most {self.rules.max_bytes}"
            self.blame(place, Fault("too_large", found))
            return None
        return value

    def ts_fault(self, ts_ns: int) -> Fault | None:
        """What is wrong with a timestamp."""
        if ts_ns <= 0:
            return Fault("missing_ts", "timeUnixNano: none, expected nanoseconds since the epoch")
        return ts_fault(ts_ns / NS, self.rules, self._now_s)

    def alias(self, name: str, kind: Kind, unit: str) -> Alias | None:
        """What is to be made of a metric of this name; None when it is left out."""
        asked = (name, kind, unit)
        if asked not in self._found:
            if len(self._found) >= CACHED:
                self._found.clear()
            self._found[asked] = self.aliases.known(name) or self.aliases.other(name, kind, unit)
        return self._found[asked]

    def known(self, identity: object) -> Series | Fault | None:
        """A series met before."""
        return self._series.get(identity)

    def meet(
        self, identity: object, alias: Alias, attributes: Mapping[str, str], unit: str, key: bytes,
    ) -> Series | Fault:
        """A series not met before (or forgotten)."""
        if len(self._series) >= CACHED:
            self._series.clear()
        series = self._series[identity] = self._naming.series(alias, attributes, unit, key)
        return series

    def gauge(self, heap: Accumulator, series: Series, ts_ns: int, value: float) -> None:
        """A value of now."""
        if not isfinite(value) or series.target.metric is None:
            self.points["no_value"] += 1
            return
        span_s = self.states.seen(series.key, ts_ns)
        if span_s is None:
            self.points["stale"] += 1
            return
        heap.gauge(series.target.metric, value * series.target.factor, span_s)

    def counter(
        self, heap: Accumulator, series: Series, ts_ns: int, start_ns: int, value: float, since_ns: int | None,
    ) -> None:
        """A cumulative count."""
        if not isfinite(value) or value < 0.0:
            self.points["no_value"] += 1
            return
        step = self.states.added(series.key, ts_ns, start_ns, Plain(value), since_ns)
        if step is not None:
            heap.count(series.target, step[0].value, step[1])

    def increase(self, heap: Accumulator, series: Series, ts_ns: int, start_ns: int, value: float) -> None:
        """A count since the point before."""
        if not isfinite(value) or value < 0.0:
            self.points["no_value"] += 1
            return
        span_s = self._span_s(series, ts_ns, start_ns)
        if span_s is not None:
            heap.count(series.target, value, span_s)

    def histogram(
        self, heap: Accumulator, series: Series, ts_ns: int, start_ns: int, reading: Buckets | Exponential,
        since_ns: int | None,
    ) -> None:
        """A cumulative histogram."""
        step = self.states.added(series.key, ts_ns, start_ns, reading, since_ns)
        if step is not None:
            heap.observe(series.target, step[0].observed(series.target.factor), step[1])

    def observations(
        self, heap: Accumulator, series: Series, ts_ns: int, start_ns: int, reading: Buckets | Exponential,
    ) -> None:
        """A histogram of what came since the point before."""
        span_s = self._span_s(series, ts_ns, start_ns)
        if span_s is not None:
            heap.observe(series.target, reading.observed(series.target.factor), span_s)

    def summary(self, heap: Accumulator, series: Series, quantiles: Mapping[float, float]) -> None:
        """The quantiles of a summary, as its source tells them; its sum and count are a histogram without bounds."""
        for suffix, share in QUANTILES.items():
            value = quantiles.get(share)
            if value is not None and isfinite(value) and series.target.metric is not None:
                heap.gauge(series.target.metric + suffix, value * series.target.factor, 0.0)

    def _span_s(self, series: Series, ts_ns: int, start_ns: int) -> float | None:
        since_last_s = self.states.seen(series.key, ts_ns)
        if since_last_s is None:
            self.points["stale"] += 1
            return None
        return (ts_ns - start_ns) / NS if 0 < start_ns < ts_ns else since_last_s

    def emit(self, fold: Fold, ts_ns: int, offset: int) -> None:
        """Everything that was told of one instant has been folded."""
        for value in fold.values():
            self.gathered.add(value, ts_ns / NS, offset)
