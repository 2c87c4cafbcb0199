"""The table of series: a series is one metric in one scope and has a row, the same row in every detector bank.

Rows are assigned when the first window of a series closes and taken back when it was idle for long and room is
needed. The owner of the banks calls `take_evicted` and makes them forget those rows before they get the next block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers.model import Scope
from detectors.base import BoolArray, FloatArray, IntArray, State
from streams.intake.scopes import ScopeTable


class SeriesTable:
    """Rows for at most `capacity` series of at most `max_metrics` metrics; about 30 bytes a series, beside its scope.

    min_idle_s: a row unseen for this long (event time) may be evicted, the longest unseen first; when there is none, a
    new series is refused. `evicted`, `refused` count rows and refusals (a refused series asks again at each window).
    """

    def __init__(
        self, capacity: int, scopes: ScopeTable, min_idle_s: float = 600.0, max_metrics: int = 256,
    ) -> None:
        if capacity < 1 or max_metrics < 1 or min_idle_s <= 0.0:
            limits = f"capacity {capacity}, max_metrics {max_metrics}, min_idle_s {min_idle_s}"
            raise ValueError(f"series: {limits}; expected all above 0")
        self.capacity = capacity
        self.scopes = scopes
        self.min_idle_s = min_idle_s
        self.max_metrics = max_metrics
        self.metrics: list[str] = []
        self.evicted = 0
        self.refused = 0
        self.metric_of = np.full(capacity, -1, np.intp)
        """(capacity,) the metric's number, -1 for a free row."""
        self.last_seen_s = np.full(capacity, np.nan)
        """(capacity,) event time of the scope's last record in the last closed window that held this series."""
        self.aggregated = np.zeros(capacity, np.bool_)
        """(capacity,) whether the values of the series arrive aggregated; set by the windower."""
        self.sources: list[str] = []
        self.source_of = np.full(capacity, -1, np.int16)
        """(capacity,) number in `sources` of the source that brought the series last; set by the windower."""
        self.fractional = np.zeros(capacity, np.bool_)
        """(capacity,) whether a request of the series ever had a value other than 0 and 1; set by the windower."""
        self._scope_of = np.full(capacity, -1, np.intp)
        self._scope_seen_s = np.full(0, -np.inf)
        self._metric_ids: dict[str, int] = {}
        self._rows: list[NDArray[np.int32]] = []
        self._free: list[int] = []
        self._used = 0
        self._evicted_rows: list[IntArray] = []
        self._retry_at_s = -np.inf

    def __len__(self) -> int:
        return self._used - len(self._free)

    def key(self, row: int) -> tuple[str, Scope]:
        """Metric and scope of a row; raises KeyError for a free one."""
        scope = self.scopes.names[self._scope_of[row]] if 0 <= row < self._used and self.metric_of[row] >= 0 else None
        if scope is None:
            raise KeyError(f"row {row}: free, expected a row of a series")
        return self.metrics[self.metric_of[row]], scope

    def scopes_of(self, rows: IntArray) -> IntArray:
        """(n,) the numbers of their scopes in `scopes`, -1 for a free row."""
        return self._scope_of[rows]

    def row(self, metric: str, scope: Scope) -> int | None:
        """The row of a series, None when it has none. Scans all scopes: for interactive use, not for a loop."""
        number = self._metric_ids.get(metric)
        if number is None or scope not in self.scopes.names:
            return None
        row = int(self.find(number, np.array([self.scopes.names.index(scope)]))[0])
        return row if row >= 0 else None

    def active(self) -> IntArray:
        """The rows in use, ascending."""
        return np.flatnonzero(self.metric_of[: self._used] >= 0)

    def metric_id(self, metric: str) -> int | None:
        """The number of a metric, new or known; None when there are too many."""
        number = self._metric_ids.get(metric)
        if number is None and len(self.metrics) < self.max_metrics:
            number = self._metric_ids[metric] = len(self.metrics)
            self.metrics.append(metric)
            self._rows.append(np.full(0, -1, np.int32))
        return number

    def find(self, metric: int, scopes: IntArray) -> IntArray:
        """(n,) the rows of one metric in these scopes, -1 where there is none."""
        rows = self._grown(metric)
        return rows[scopes].astype(np.intp)

    def assign_rows(self, metric: int, scopes: IntArray, seen_s: FloatArray, now_s: float) -> IntArray:
        """Like `find`, for series that have just been seen: missing rows are assigned while there is room."""
        table = self._grown(metric)
        missing = np.flatnonzero(table[scopes] < 0)
        if len(missing):
            fresh = self._take(len(missing), now_s)
            given = scopes[missing[: len(fresh)]]
            table[given] = fresh
            self.metric_of[fresh] = metric
            self._scope_of[fresh] = given
            self.refused += len(missing) - len(fresh)
        rows = table[scopes].astype(np.intp)
        held = rows >= 0
        self.last_seen_s[rows[held]] = seen_s[held]
        return rows

    def _grown(self, metric: int) -> NDArray[np.int32]:
        rows = self._rows[metric]
        size = len(self.scopes.names)
        if len(rows) < size:
            rows = np.concatenate([rows, np.full(size + 256 - len(rows), -1, np.int32)])
            self._rows[metric] = rows
        return rows

    def _take(self, count: int, now_s: float) -> IntArray:
        room = len(self._free) + self.capacity - self._used
        if room < count and now_s >= self._retry_at_s:
            self._evict_idle(count - room, now_s)
        recycled = [self._free.pop() for _ in range(min(count, len(self._free)))]
        fresh = np.arange(self._used, min(self.capacity, self._used + count - len(recycled)))
        self._used += len(fresh)
        return np.concatenate([np.array(recycled, np.intp), fresh])

    def _evict_idle(self, wanted: int, now_s: float) -> None:
        idle = np.flatnonzero(self.last_seen_s[: self._used] < now_s - self.min_idle_s)
        oldest = idle[np.argsort(self.last_seen_s[idle], kind="stable")][: max(wanted, self.capacity // 50)]
        self._evict(oldest)
        if len(oldest) < wanted:
            self._retry_at_s = now_s + self.min_idle_s / 20

    def _evict(self, rows: IntArray) -> None:
        if not len(rows):
            return
        for metric in np.unique(self.metric_of[rows]).tolist():
            mine = rows[self.metric_of[rows] == metric]
            self._rows[metric][self._scope_of[mine]] = -1
        self.metric_of[rows] = -1
        self._scope_of[rows] = -1
        self.last_seen_s[rows] = np.nan
        self.aggregated[rows] = self.fractional[rows] = False
        self.source_of[rows] = -1
        self._free.extend(rows[::-1].tolist())
        self._evicted_rows.append(rows)
        self.evicted += len(rows)

    def take_counts(self) -> tuple[int, int]:
        """Rows evicted, and requests for a row that were refused, since the last call."""
        counts = self.evicted, self.refused
        self.evicted = self.refused = 0
        return counts

    def take_evicted(self) -> IntArray:
        """The rows evicted since the last call; each is cold or already another series by now."""
        gone = np.unique(np.concatenate(self._evicted_rows)) if self._evicted_rows else np.empty(0, np.intp)
        self._evicted_rows.clear()
        return gone

    def note_last_seen(self, scopes: IntArray, seen_s: FloatArray) -> None:
        """Note the event time of the last record of these scopes."""
        if len(self._scope_seen_s) < len(self.scopes.names):
            more = np.full(len(self.scopes.names) + 256 - len(self._scope_seen_s), -np.inf)
            self._scope_seen_s = np.concatenate([self._scope_seen_s, more])
        self._scope_seen_s[scopes] = np.maximum(self._scope_seen_s[scopes], seen_s)

    def source_number(self, source: str) -> int:
        """The number of a source in `sources`, new or known."""
        if source not in self.sources:
            self.sources.append(source)
        return self.sources.index(source)

    def sweep(self, now_s: float, busy: BoolArray) -> None:
        """Release the scopes, and evict the rows, of what was idle for `min_idle_s`; `busy` scopes stay."""
        seen = self._scope_seen_s[: len(self.scopes.names)]
        known = np.array([scope is not None for scope in self.scopes.names], bool)
        idle = np.flatnonzero(known[: len(seen)] & (seen < now_s - self.min_idle_s) & ~busy[: len(seen)])
        for rows in self._rows:
            mine = rows[idle[idle < len(rows)]]
            self._evict(mine[mine >= 0].astype(np.intp))
        self.scopes.release(idle.tolist())
        self._scope_seen_s[idle] = -np.inf

    def snapshot(self) -> tuple[State, dict[str, list[str]]]:
        """Arrays by row and the metric names; the scope table is its own part of a snapshot."""
        used = slice(0, self._used)
        arrays: State = {
            "metric_of": self.metric_of[used].copy(), "scope_of": self._scope_of[used].copy(),
            "last_seen_s": self.last_seen_s[used].copy(), "aggregated": self.aggregated[used].copy(),
            "source_of": self.source_of[used].copy(),
            "fractional": self.fractional[used].copy(),
            "scope_seen_s": self._scope_seen_s.copy(),
            "free": np.array(self._free, np.intp), "gone": np.concatenate([np.empty(0, np.intp), *self._evicted_rows]),
            "retry_at_s": np.array([self._retry_at_s]),
        }
        return arrays, {"metrics": list(self.metrics), "sources": list(self.sources)}

    def restore(self, state: Mapping[str, NDArray[np.generic]], meta: Mapping[str, Sequence[str]]) -> None:
        """Put a snapshot into an empty table, its scopes already there; raises ValueError when it does not fit."""
        metrics = meta["metrics"]
        metric_of, scope_of = state["metric_of"].astype(np.intp), state["scope_of"].astype(np.intp)
        fits = len(metric_of) == len(scope_of) == len(state["last_seen_s"]) <= self.capacity
        known = bool(np.all(metric_of < len(metrics)) and np.all(scope_of < len(self.scopes.names)))
        if not (fits and known and len(metrics) <= self.max_metrics):
            found = f"{len(metric_of)} rows of {len(metrics)} metrics in {len(self.scopes.names)} scopes"
            expected = f"at most {self.capacity} rows, each with its metric and scope"
            raise ValueError(f"series table: {found}, expected {expected}")
        for name in metrics:
            self.metric_id(name)
        self._used = len(metric_of)
        self.metric_of[: self._used] = metric_of
        self._scope_of[: self._used] = scope_of
        self.last_seen_s[: self._used] = state["last_seen_s"].astype(np.float64)
        self.aggregated[: self._used] = state["aggregated"].astype(np.bool_)
        self.sources = list(meta["sources"])
        self.source_of[: self._used] = state["source_of"].astype(np.int16)
        self.fractional[: self._used] = state["fractional"].astype(np.bool_)
        self._scope_seen_s = state["scope_seen_s"].astype(np.float64)
        self._free = state["free"].astype(np.intp).tolist()
        self._evicted_rows = [state["gone"].astype(np.intp)]
        self._retry_at_s = float(state["retry_at_s"].astype(np.float64)[0])
        for row in self.active().tolist():
            self._grown(metric_of[row])[scope_of[row]] = row
