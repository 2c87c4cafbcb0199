"""Samples to windows: event-time windows of many series at once, closed in time order as blocks for the detectors.

A base window is `size_s` of event time. The values of a source are summed in it by scope (`accumulators.py`). Windows
close when the owner says so, up to an event time. Then the sums of the sources are merged in the order of their names,
and each series with enough samples yields one window. A sparse series is carried into the next base windows until it
has `min_count` samples or `max_wait_s` have passed since its window began; then it closes as it is. The result depends
on the records, on their order within a source, and on which of them came before which closing. It does not depend on
how they were cut into batches or how sources interleave.

Values that were aggregated elsewhere (`Samples.span_s`) do not wait. They are a window of one, or the mean of the few
that came in a base window; that window reaches back as far as they do. Exporters report every few seconds and each
value counts, so a value that is late by up to `ALLOWED_LATENESS_S` goes to the first window that is still open.

Lost on a crash and rebuilt from the last snapshot, to the bit. Duplicates count twice: the owner skips them by offset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import ceil, inf

import numpy as np
from numpy.typing import NDArray

from detectors.base import Block, BoolArray, FloatArray, IntArray, State, Statistic
from streams.intake.columns import Samples
from streams.windows.accumulators import (
    ROWS,
    Members,
    PartialWindows,
    SourceWindow,
    Sums,
    merge,
    partial_windows,
    quantiles,
)
from streams.windows.series import SeriesTable
from streams.windows.shares import are_fractional, trials_of, weighted_mean
from streams.windows.window_snapshot import Meta, pack, unpack

ALLOWED_LATENESS_S = 60.0
"""How late an aggregated value may be: exporters seldom report less often than once a minute."""
QUANTILES: dict[str, float] = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class WindowParams:
    """How windows are cut; raises ValueError for parameters that do not fit together.

    size_s: 0.25 to 60. min_count, max_wait_s: when a sparse series closes; max_wait_s is rounded up to whole windows.
    rate_metric: the derived series, a reserved name.
    """

    size_s: float = 1.0
    min_count: int = 5
    max_wait_s: float = 5.0
    rate_metric: str = "requests_per_s"

    def __post_init__(self) -> None:
        if not 0.25 <= self.size_s <= 60.0:
            raise ValueError(f"windows: size_s {self.size_s}, expected 0.25 to 60")
        if self.max_wait_s < 0.0 or self.min_count < 1:
            found = f"max_wait_s {self.max_wait_s}, min_count {self.min_count}"
            raise ValueError(f"windows: {found}; expected a wait of at least 0, a count of at least 1")


@dataclass(frozen=True, slots=True)
class Watermark:
    """A rule for late samples beside the closed windows, for who reads records without knowing when they arrived.

    highest_s: the highest timestamp of the source before the batch. lateness_s: how far a sample may lie behind the
    highest timestamp before it.
    """

    highest_s: float
    lateness_s: float


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Event time of a batch. disorder_s: the farthest that a sample lies behind an earlier one. ts_s: of each sample.
    """

    oldest_s: float
    newest_s: float
    disorder_s: float
    ts_s: FloatArray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class AddResult:
    """Samples added to windows, samples too late for theirs, metric values dropped (too many metrics, or the reserved
    name of the derived rate). times: None without samples."""

    accepted: int
    late: int
    dropped_values: int
    times: TimeRange | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """The records of one source behind a base window, by their offsets, both ends included; metrics they gave."""

    source: str
    first_offset: int
    last_offset: int
    metrics: frozenset[str]


@dataclass(frozen=True, slots=True)
class Closed:
    """One base window's end. block: empty when all its series are carried on. evicted: rows that the detectors must
    forget before they see the block. origins: by source; carried samples have theirs in the windows they came in."""

    end_s: float
    block: Block
    evicted: IntArray
    origins: tuple[Origin, ...]


class Windower:
    """The open windows of a shard. statistics: which statistic of a metric is its value; called once per metric."""

    def __init__(self, params: WindowParams, series: SeriesTable, statistics: Callable[[str], Statistic]) -> None:
        if series.min_idle_s <= params.max_wait_s + params.size_s:
            raise ValueError(
                f"windows: series may be evicted after {series.min_idle_s} s, expected more than max_wait_s and size_s "
                f"({params.max_wait_s + params.size_s} s)",
            )
        self.params = params
        self.series = series
        self.closed_s = -inf
        """Every window that ends here or before is closed."""
        self._statistics = statistics
        self._statistic: list[Statistic] = []
        self.wait_windows = max(1, ceil(params.max_wait_s / params.size_s - 1e-9))
        self._open: dict[int, dict[str, SourceWindow]] = {}
        self._carried = PartialWindows.empty()
        self._carried_samples: tuple[IntArray, FloatArray] = (np.empty(0, np.intp), np.empty(0))

    def add(
        self, source: str, samples: Samples, count_requests: bool, watermark: Watermark | None = None,
    ) -> AddResult:
        """Add a batch of one source. count_requests: each record is one request of the rate series.

        A sample is late when its window is closed, or ends at or before the watermark as it stood before the sample.
        With the closing, about 0.5 us a record of five metrics in four scopes (0.9 at 12,000 series); a window
        costs about 0.3 ms of its own, which shows where records are rarer than windows.
        """
        if not len(samples):
            return AddResult(0, 0, 0)
        window = np.floor(samples.ts_s / self.params.size_s).astype(np.intp)
        if samples.span_s is not None:
            window = self._with_allowed_lateness(samples.ts_s, window, watermark)
        late = (window + 1) * self.params.size_s <= self._passed_s(samples.ts_s, watermark)
        lates = int(np.count_nonzero(late))
        dropped = 0
        if not lates and window.min() == window.max():
            dropped = self._fill(self._source_window(int(window[0]), source, count_requests), samples, None)
        else:
            for number in np.unique(window[~late]).tolist():
                chosen = np.flatnonzero((window == number) & ~late)
                dropped += self._fill(self._source_window(number, source, count_requests), samples, chosen)
        return AddResult(len(samples) - lates, lates, dropped, _times(samples.ts_s))

    def _passed_s(self, ts_s: FloatArray, watermark: Watermark | None) -> FloatArray:
        """(n,) event time that had passed when each sample came."""
        if watermark is None:
            return np.full(len(ts_s), self.closed_s)
        highest = np.maximum.accumulate(np.concatenate([[watermark.highest_s], ts_s[:-1]]))
        passed: FloatArray = np.maximum(highest - watermark.lateness_s, self.closed_s)
        return passed

    def _with_allowed_lateness(self, ts_s: FloatArray, window: IntArray, watermark: Watermark | None) -> IntArray:
        """The window of each sample; one that is late within `ALLOWED_LATENESS_S` moves to the first open window."""
        passed_s = self._passed_s(ts_s, watermark)
        late_s = passed_s - ts_s
        moved_s = np.where((late_s > 0.0) & (late_s <= ALLOWED_LATENESS_S), passed_s, ts_s)
        forgiven: IntArray = np.maximum(window, np.floor(moved_s / self.params.size_s).astype(np.intp))
        return forgiven

    def _source_window(self, window: int, source: str, counted: bool) -> SourceWindow:
        open_window = self._open.setdefault(window, {}).setdefault(source, SourceWindow())
        open_window.counted |= counted
        return open_window

    def _fill(self, open_window: SourceWindow, samples: Samples, chosen: IntArray | None) -> int:
        """Add the chosen samples (None: all) to an open window; returns the number of metric values dropped."""
        every = slice(None) if chosen is None else chosen
        members = Members(samples.scope[:, every], self._size())
        open_window.add_records(members.scopes, members.spread(samples.ts_s[every]), members.counts)
        open_window.add_offsets(samples.offset[every])
        if samples.span_s is not None:
            since_s = samples.ts_s[every] - samples.span_s[every]
            open_window.extend_back(members.scopes, members.spread(since_s), len(members.counts))
        inside = None
        dropped = 0
        for column in samples.columns:
            theirs = members
            if column.index is None:
                part = column.select(every)
            else:
                if chosen is not None and inside is None:
                    inside = np.zeros(len(samples), bool)
                    inside[chosen] = True
                part = column if inside is None else column.select(inside[column.index])
                theirs = Members(samples.scope[:, part.index], self._size())
            values = part.values
            if not len(values):
                continue
            metric = self._metric(column.metric)
            if metric is None or (column.metric == self.params.rate_metric and samples.span_s is None):
                dropped += len(values)
                continue
            known = (part.trials, part.resolution, part.number, part.variance)
            spread = [None if each is None else theirs.spread(each) for each in known]
            open_window.metrics.setdefault(metric, Sums()).add(
                theirs.scopes, theirs.spread(values), theirs.counts, *spread,
            )
            if self._statistic[metric] in QUANTILES:
                open_window.samples.setdefault(metric, []).append((theirs.scopes, theirs.spread(values)))
        return dropped

    def _size(self) -> int:
        """Room for all scopes, in steps, so that a new scope seldom means to grow the sums."""
        return -(-len(self.series.scopes.names) // 256) * 256

    def _metric(self, name: str) -> int | None:
        metric = self.series.metric_id(name)
        self._ask_statistics()
        return metric

    def _ask_statistics(self) -> None:
        while len(self._statistic) < len(self.series.metrics):
            self._statistic.append(self._statistics(self.series.metrics[len(self._statistic)]))

    def close(self, clock_s: float) -> Iterator[Closed]:
        """Close the windows that end at or before `clock_s`, one by one in time order.

        A generator: process each before the next, because the rows of evicted series are assigned to others. If it is
        not read to its end, the rest stays open. Call `add` and decode only between closings. Infinity closes all.
        """
        while (window := self._next_window()) is not None and (window + 1) * self.params.size_s <= clock_s:
            end_s = (window + 1) * self.params.size_s
            self.closed_s = max(self.closed_s, end_s)
            yield self._close(window, end_s)
            if self.series.scopes.is_full:
                self.series.sweep(end_s, self._scopes_in_use())
        self.closed_s = max(self.closed_s, clock_s)

    def _next_window(self) -> int | None:
        """The first base window at whose end something may close."""
        candidates = [min(self._open)] if self._open else []
        if len(self._carried):
            candidates.append(int(self._carried.first.min()) + self.wait_windows - 1)
        return min(candidates, default=None)

    def limit_s(self, clock_s: float, windows: int) -> float:
        """Up to when to close so that at most so many windows with records do; `clock_s` where no more are open."""
        size_s = self.params.size_s
        ends_s = sorted((window + 1) * size_s for window in self._open if (window + 1) * size_s <= clock_s)
        return ends_s[windows - 1] if len(ends_s) > windows else clock_s

    def open_until_s(self) -> FloatArray:
        """By scope: the end of the last open window that holds a record of it, minus infinity without one."""
        until_s = np.full(self._size(), -inf)
        for window, sources in sorted(self._open.items()):
            for open_window in sources.values():
                until_s[np.flatnonzero(open_window.requests[0])] = (window + 1) * self.params.size_s
        return until_s

    def _scopes_in_use(self) -> BoolArray:
        busy = np.zeros(self._size(), bool)
        for sources in self._open.values():
            for open_window in sources.values():
                busy[: open_window.requests.shape[1]] |= open_window.requests[0] > 0
        return busy

    def _close(self, window: int, end_s: float) -> Closed:
        sources = sorted(self._open.pop(window, {}).items())
        parts, samples = [self._carried], [self._carried_samples]
        for source, open_window in sources:
            self._collect(source, open_window, window, end_s, parts, samples)
        whole = merge(parts)
        ready = (whole.count >= self.params.min_count) | (whole.first <= window - self.wait_windows + 1)
        ready |= self.series.aggregated[whole.rows]
        self._carried = whole.take(~ready)
        rows, values = (np.concatenate(arrays) for arrays in zip(*samples, strict=True))
        block = self._block(whole.take(ready), end_s, rows, values)
        kept = np.isin(rows, self._carried.rows)
        self._carried_samples = rows[kept], values[kept]
        origins = tuple(
            Origin(source, each.first_offset, each.last_offset, self._metrics_of(each)) for source, each in sources
        )
        return Closed(end_s, block, self.series.take_evicted(), origins)

    def _metrics_of(self, open_window: SourceWindow) -> frozenset[str]:
        given = {self.series.metrics[metric] for metric in open_window.metrics}
        return frozenset(given | {self.params.rate_metric} if open_window.counted else given)

    def _collect(
        self, source: str, open_window: SourceWindow, window: int, end_s: float, parts: list[PartialWindows],
        samples: list[tuple[IntArray, FloatArray]],
    ) -> None:
        """Append the partial windows of a source by row, and its samples where the statistic is a quantile."""
        requests, last_s = open_window.requests
        scopes = np.flatnonzero(requests)
        self.series.note_last_seen(scopes, last_s[scopes])
        number = self.series.source_number(source)
        rate = self._metric(self.params.rate_metric) if open_window.counted else None
        if rate is not None:
            rows = self.series.assign_rows(rate, scopes, last_s[scopes], end_s)
            self.series.source_of[rows[rows >= 0]] = number
            sums = Sums()
            sums.table = np.zeros((ROWS, len(requests)))
            sums.table[0] = requests
            parts.append(partial_windows(sums, rows, scopes, window))
        # By name: which series gets which row must not depend on the order in which metrics came.
        for metric in sorted(open_window.metrics, key=self.series.metrics.__getitem__):
            sums = open_window.metrics[metric]
            scopes = np.flatnonzero(sums.table[0])
            rows = self.series.assign_rows(metric, scopes, last_s[scopes], end_s)
            parts.append(partial_windows(sums, rows, scopes, window))
            held = rows >= 0
            self.series.source_of[rows[held]] = number
            if open_window.since_s is not None:
                self.series.aggregated[rows[held]] = True
                since = np.floor(open_window.since_s[scopes[held]] / self.params.size_s).astype(np.intp)
                parts[-1] = replace(parts[-1], first=np.minimum(since, window))
            for members, values in open_window.samples.get(metric, ()):
                rows = self.series.find(metric, members)
                samples.append((rows[rows >= 0], values[rows >= 0]))

    def _block(self, parts: PartialWindows, end_s: float, rows: IntArray, values: FloatArray) -> Block:
        """The finished windows; rows, values: the samples of series whose value is a quantile."""
        start_s: FloatArray = parts.first.astype(np.float64) * self.params.size_s
        end = np.full(len(parts), end_s)
        spread: FloatArray = np.sqrt(parts.m2 / np.maximum(parts.count - 1.0, 1.0))
        metric, aggregated = self.series.metric_of[parts.rows], self.series.aggregated[parts.rows]
        averaged = np.array([statistic == "mean" for statistic in self._statistic], np.bool_)[metric]
        self.series.fractional[parts.rows] |= are_fractional(parts)
        trials = trials_of(parts, aggregated, self.series.fractional[parts.rows], averaged)
        value, low, high = weighted_mean(parts, trials), parts.low.copy(), parts.high.copy()
        columns = {"max": parts.high, "min": parts.low, "sum": parts.total, "count": parts.count}
        for number in np.unique(metric).tolist():
            mine, statistic = metric == number, self._statistic[number]
            if self.series.metrics[number] == self.params.rate_metric:
                mine &= ~aggregated
                value[mine] = low[mine] = high[mine] = parts.count[mine] / (end - start_s)[mine]
                trials[mine] = np.nan
            elif statistic in QUANTILES:
                share = np.full(int(mine.sum()), QUANTILES[statistic])
                value[mine] = quantiles(rows, values, parts.rows[mine], share)
            elif statistic in columns:
                value[mine] = columns[statistic][mine]
        return Block(parts.rows, start_s, end, value, parts.count, spread, low, high, trials, parts.resolution)

    def snapshot(self) -> tuple[State, Meta]:
        """Open windows and carried series; to be kept together with snapshots of the scope and series tables."""
        state, meta = pack(self._open, self._carried, self._carried_samples, self.series.metrics)
        meta["closed_s"] = self.closed_s if abs(self.closed_s) != inf else None
        meta["size_s"] = self.params.size_s
        return state, meta

    def restore(self, state: Mapping[str, NDArray[np.generic]], meta: Meta) -> None:
        """Go on from a snapshot, after the tables; raises ValueError when it is of another window size or malformed."""
        if meta["size_s"] != self.params.size_s:
            raise ValueError(f"windows: snapshot of size_s {meta['size_s']}, expected {self.params.size_s}")
        self._ask_statistics()
        self._open, self._carried, self._carried_samples = unpack(state, meta, self._known_metric)
        self.closed_s = -inf if meta["closed_s"] is None else meta["closed_s"]

    def _known_metric(self, name: str) -> int:
        metric = self._metric(name)
        if metric is None:
            raise ValueError(f"windows: snapshot holds metric {name!r}, expected it in the series table")
        return metric


def _times(ts_s: FloatArray) -> TimeRange:
    disorder_s = float((np.maximum.accumulate(ts_s) - ts_s).max())
    return TimeRange(float(ts_s.min()), float(ts_s.max()), disorder_s, ts_s)
