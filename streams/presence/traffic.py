"""The traffic of services, and of the replicas that share it.

Which replica serves how much is a matter of the balancer: what one does not serve, the others do. So a replica's rate
is never judged by its own past. When it serves no more, `judge` says whether its requests are lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import ceil, inf

import numpy as np
from numpy.typing import NDArray

from classifiers.model import Scope
from detectors.banks.table import Column, Table
from detectors.base import Block, BoolArray, FloatArray, IntArray, State
from streams.presence.request_counts import RequestCounts
from streams.presence.share_test import ShareTest, judge_share
from streams.presence.traffic_rows import LATENCY, ServiceRows, TrafficRows
from streams.presence.variation import Variation, enough

COARSE_BUCKET_S = 5.0
"""Buckets of aggregated metrics: exporters report every 5 to 60 s."""
COARSE_LAG = 16
"""Buckets that exporters, which report in turns, have not filled yet."""
AFTER_MAX, RECENT_MAX = 96, 16
"""Buckets after a replica fell silent that are tested, and in which its siblings must serve its requests for it to have
left after all."""
SETTLE_S, SETTLE_LATENCIES, SETTLE_MIN_S = 1.0, 2.0, 2.0
"""Requests in flight are lost with a replica that left, and those sent elsewhere have not come back yet. So the time
after it fell silent does not count: so long and so many mean latencies of the service, at least the minimum."""
LATENCY_NOW_S = 5.0
"""The mean latency of so long is that of now."""
GROWTH_WEIGHT = 1.5
"""Requests that have come back are faster than those that have not: a growth of the latency counts so much more."""
PATIENCE_SPANS = 8.0
"""So many windows of an exporter show whether its siblings serve more."""
FRESH_SPANS, ALIVE_SPANS = 1.6, 3.0
"""The rate of an exporter counts in a sum, and its report is waited for, for so many of its windows."""
_NO, _RATE, _SUM, _LATENCY, _OTHER = range(5)
"""What a row holds: nothing of the traffic, a request rate, a token rate, a latency, or what only its last value says.
"""


class Traffic:
    """size_s: base window. rate_metrics: the metrics that count requests.

    Rows are those of the series table: `admit` each new one, `forget` each evicted one.
    """

    def __init__(self, size_s: float, rate_metrics: frozenset[str]) -> None:
        self.rows = TrafficRows(rate_metrics)
        self._fine = RequestCounts(size_s)
        self._coarse = RequestCounts(max(size_s, COARSE_BUCKET_S))
        self._kind = Table({
            "kind": Column(np.int8, _NO), "aggregated": Column(np.bool_, 0.0), "whole": Column(np.bool_, 0.0),
        }, 0)
        self._state = Table({
            "value": Column(np.float64, np.nan), "earlier": Column(np.float64, np.nan),
            "active_s": Column(np.float64, -inf), "end_s": Column(np.float64, -inf), "span_s": Column(np.float64, 0.0),
            "above_zero_s": Column(np.float64, inf),
        }, 0)
        self._variation = Variation()

    def admit(self, row: int, metric: str, scope: Scope, service: int, aggregated: bool) -> None:
        """Set up a new row. service: number of its service and model."""
        self._grow(row + 1)
        if not self.rows.admit(row, metric, scope, service, aggregated):
            return
        kind = _LATENCY if metric == LATENCY else _OTHER
        if self.rows.is_extensive(metric):
            kind = _RATE if self.rows.counts_requests(metric) else _SUM
        self._kind["kind"][row], self._kind["aggregated"][row] = kind, aggregated
        self._kind["whole"][row] = row == self.rows.of(service).whole

    def forget(self, rows: IntArray) -> None:
        """Rows that were evicted."""
        self._grow(int(rows.max(initial=-1)) + 1)
        self.rows.forget(rows)
        for counts in (self._fine, self._coarse):
            counts.forget(np.concatenate([rows, ~rows]))
        for table in (self._kind, self._state, self._variation):
            table.forget(rows)

    def with_totals(self, block: Block) -> Block:
        """The block, in which the request and token rates of whole services are sums over their exporters.

        Exporters report in turns. So what a window holds of the whole is what one of them reported. Each counts with
        the mean of its last two rates, since one report stays in several sums. To be called before `observe` of the
        same block.
        """
        kind = self._kind["kind"][block.rows]
        rates = ((kind == _RATE) | (kind == _SUM)) & self._kind["aggregated"][block.rows]
        if not rates.any():
            return block
        value = block.value.copy()
        place = {row: at for at, row in zip(np.flatnonzero(rates).tolist(), block.rows[rates].tolist(), strict=True)}
        now_s = float(block.end_s.max())
        for row, at in place.items():
            parts = self.rows.service_of(row).summed().get(row)
            if parts is not None:
                value[at] = self._sum(parts, place, block, now_s)
        summed = value != block.value
        low, high = (np.where(summed, value, known) for known in (block.minimum, block.maximum))
        return replace(block, value=value, minimum=low, maximum=high) if summed.any() else block

    def _sum(self, parts: IntArray, place: Mapping[int, int], block: Block, now_s: float) -> float:
        """The sum of the last values of these rows, of those that are fresh; the block's values are the newest."""
        state = self._state
        fresh = now_s - state["end_s"][parts] < FRESH_SPANS * state["span_s"][parts]
        total = 0.0
        for row, is_fresh in zip(parts.tolist(), fresh.tolist(), strict=True):
            if row in place:
                total += _mean(float(block.value[place[row]]), float(state["value"][row]))
            elif is_fresh:
                total += _mean(float(state["value"][row]), float(state["earlier"][row]))
        return total

    def observe(self, block: Block, last_s: FloatArray) -> None:
        """Add the windows of a block. last_s: (n,) event time of the last record of each window."""
        kind = self._kind["kind"][block.rows]
        chosen = kind != _NO
        if not chosen.any():
            return
        part, last_s, kind = block.select(chosen), last_s[chosen], kind[chosen]
        rows, span_s, state = part.rows, part.end_s - part.start_s, self._state
        aggregated = self._kind["aggregated"][rows]
        requests = part.value * span_s
        for counts, mine in self._rings(kind == _RATE, aggregated):
            counts.add(rows[mine], part.start_s[mine], part.end_s[mine], requests[mine])
        for counts, mine in self._rings(kind == _LATENCY, aggregated):
            # The sum of the latencies, and under the complement of the row their number.
            seconds = part.value[mine] / 1000.0 * part.count[mine]
            counts.add(rows[mine], part.start_s[mine], part.end_s[mine], seconds)
            counts.add(~rows[mine], part.start_s[mine], part.end_s[mine], part.count[mine])
        state["earlier"][rows] = state["value"][rows]
        state["value"][rows], state["end_s"][rows], state["span_s"][rows] = part.value, part.end_s, span_s
        state["above_zero_s"][rows] = np.where(
            part.value > 0.0, np.minimum(state["above_zero_s"][rows], part.end_s), inf,
        )
        active = requests > 0.0
        state["active_s"][rows[active]] = np.where(aggregated, part.end_s, last_s)[active]
        for counts, mine in self._rings(self._kind["whole"][rows], aggregated):
            lag = COARSE_LAG if counts is self._coarse else 0
            for row in self._variation.due(rows[mine], counts, lag).tolist():
                self._variation.learn(row, self._parts_of_whole(self.rows.service_of(row), row), counts, lag)

    def _rings(self, chosen: BoolArray, aggregated: BoolArray) -> Iterator[tuple[RequestCounts, BoolArray]]:
        """The counts of the chosen windows, and which of them have theirs there."""
        for counts, mine in ((self._fine, chosen & ~aggregated), (self._coarse, chosen & aggregated)):
            if mine.any():
                yield counts, mine

    def judge(self, service: int, replica: str, now_s: float) -> ShareTest:
        """Whether the requests of a replica that serves no more are lost, by what its siblings serve since then."""
        rows = self.rows.of(service)
        row = rows.replicas.get(replica)
        served_s = self.served_s(service, replica)
        if row is None or served_s is None:
            return ShareTest("unknown")
        counts, own = self._counts(row), np.array([row])
        whole = self._parts_of_whole(rows, row)
        last = counts.bucket(served_s)
        begin = self._known_from(counts, whole, own, last, 0)
        complete_s = self._complete_s(whole, row, now_s)
        usual_s = self.latency_s(service, begin * counts.bucket_s, last * counts.bucket_s) or 0.0
        growth_s = max((self.latency_s(service, complete_s - LATENCY_NOW_S, complete_s) or 0.0) - usual_s, 0.0)
        settle_s = max(SETTLE_MIN_S, SETTLE_S + SETTLE_LATENCIES * (usual_s + growth_s))
        if self._kind["aggregated"][row]:
            settle_s += float(self._state["span_s"][row])
        end = counts.bucket(complete_s)
        first = max(ceil((served_s + settle_s) / counts.bucket_s - 1e-3), end - AFTER_MAX)
        after = max(end - first, 0)
        begin = self._known_from(counts, whole, own, last, after)
        return judge_share(
            counts.between(whole, begin, last), counts.between(own, begin, last),
            counts.between(whole, first, end) - counts.between(own, first, end),
            self._variation.of(rows.whole, after), GROWTH_WEIGHT * growth_s / counts.bucket_s,
        )

    def served_s(self, service: int, replica: str) -> float | None:
        """When a replica served last, as far as its windows have closed; None where it is unknown."""
        row = self.rows.of(service).replicas.get(replica)
        served_s = -inf if row is None else float(self._state["active_s"][row])
        return None if served_s == -inf else served_s

    def patience_s(self, service: int, replica: str) -> float:
        """For how long more may become known of a replica of an exporter; 0 for requests."""
        row = self.rows.of(service).replicas.get(replica)
        if row is None or not self._kind["aggregated"][row]:
            return 0.0
        return PATIENCE_SPANS * float(self._state["span_s"][row])

    def serving_share(self, service: int, replica: str, test: ShareTest, now_s: float) -> float | None:
        """The requests that the siblings of a silent replica serve now, as a share of all before it fell silent."""
        rows, served_s = self.rows.of(service), self.served_s(service, replica)
        row = rows.replicas.get(replica)
        if row is None or served_s is None or not test.requests:
            return None
        counts, whole = self._counts(row), self._parts_of_whole(rows, row)
        end = counts.bucket(self._complete_s(whole, row, now_s))
        begin = max(end - RECENT_MAX, counts.bucket(served_s + SETTLE_MIN_S) + 1)
        recent = counts.between(whole, begin, end)
        return float(recent.mean()) / test.requests if len(recent) else None

    def are_idle(self, rows: IntArray) -> BoolArray:
        """(n,) whether each is the request rate of an exporter that has served before, reports, and serves nothing."""
        active_s = self._state["active_s"][rows]
        exporters = self._kind["aggregated"][rows] & (self._kind["kind"][rows] == _RATE)
        idle: BoolArray = exporters & (-inf < active_s) & (active_s < self._state["end_s"][rows])
        return idle

    def held_since_s(self, service: int, replica: str) -> float | None:
        """Since when each report of a replica showed requests that wait or run in it; None where the last showed none.
        """
        rows = self.rows.of(service).in_flight.get(replica, [])
        since_s = float(self._state["above_zero_s"][rows].min(initial=inf))
        return None if since_s == inf else since_s

    def latency_s(self, service: int, begin_s: float, end_s: float) -> float | None:
        """The mean latency of a service between two instants, None where it is unknown."""
        row = self.rows.of(service).latency
        if row is None:
            return None
        counts = self._counts(row)
        begin, end = counts.bucket(begin_s), counts.bucket(end_s)
        total, number = (float(counts.between(np.array([at]), begin, end).sum()) for at in (row, ~row))
        return total / number if number > 0.0 else None

    def _counts(self, row: int) -> RequestCounts:
        return self._coarse if self._kind["aggregated"][row] else self._fine

    def _parts_of_whole(self, rows: ServiceRows, row: int) -> IntArray:
        """The rows whose sum is the traffic of a service: that of the whole; of exporters those of all replicas."""
        if rows.replicas and (self._kind["aggregated"][row] or rows.whole is None):
            return np.array(sorted(rows.replicas.values()), np.intp)
        return np.array([row if rows.whole is None else rows.whole], np.intp)

    @staticmethod
    def _known_from(counts: RequestCounts, whole: IntArray, own: IntArray, end: int, after: int) -> int:
        """The first bucket of those that show the rate before `end`, in which a replica served. after: how many buckets
        after it are compared with them.
        """
        requests = counts.between(own, end - enough(counts, whole, end, after), end)
        served = np.flatnonzero(requests > 0.0)
        return end if not len(served) else end - len(requests) + int(served[0])

    def _complete_s(self, whole: IntArray, row: int, now_s: float) -> float:
        """Event time up to which the requests of all who still report are known."""
        rows = whole[whole != row]
        end_s, span_s = self._state["end_s"][rows], self._state["span_s"][rows]
        alive = now_s - end_s < ALIVE_SPANS * np.maximum(span_s, 1.0)
        return float(end_s[alive].min()) if alive.any() else now_s

    def snapshot(self, rows: IntArray) -> State:
        """The state of these rows, first axis aligned with `rows`, and the counts."""
        self._grow(int(rows.max(initial=-1)) + 1)
        parts = {
            "state": self._state.snapshot(rows), "variation": self._variation.snapshot(rows),
            "fine": self._fine.snapshot(), "coarse": self._coarse.snapshot(),
        }
        return {f"{part}.{name}": cells for part, state in parts.items() for name, cells in state.items()}

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on from a snapshot, after `admit` of its rows; raises `ValueError` or `KeyError` when it is not one."""
        self._grow(int(rows.max(initial=-1)) + 1)
        parts: dict[str, State] = {"state": {}, "variation": {}, "fine": {}, "coarse": {}}
        for name, cells in state.items():
            part, _, column = name.partition(".")
            parts[part][column] = cells
        # Snapshots of before do not say since when; it begins with the next report.
        parts["state"].setdefault("above_zero_s", np.full(len(rows), inf))
        self._state.restore(rows, parts["state"])
        self._variation.restore(rows, parts["variation"])
        self._fine.restore(parts["fine"])
        self._coarse.restore(parts["coarse"])

    def _grow(self, size: int) -> None:
        if size > self._kind.capacity:
            size = max(size, 2 * self._kind.capacity, 256)
            for table in (self._kind, self._state, self._variation):
                table.grow(size)


def _mean(rate: float, earlier: float) -> float:
    """The mean of two rates; the first where there is no earlier one."""
    return rate if earlier != earlier else 0.5 * (rate + earlier)
