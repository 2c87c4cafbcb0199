"""The rules that an SRE would write for the same services, evaluated as Prometheus does: an expression every 15 s that
must hold for some time. Each is written for a service, but for those about a pod.

The limits of latency are static: twice what was usual in the first half hour, as one reads it from a dashboard. The
error budget is that of an objective of 99.5 %, with the burn rates of the SRE workbook. All of these page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.ordinary.generator.arrivals import FloatArray
from benchmarks.ordinary.generator.day import Day
from benchmarks.ordinary.generator.draws import BoolArray
from benchmarks.ordinary.generator.scrapes import LONG, SHORT
from benchmarks.ordinary.generator.simulate import Requests

STEP_S = 15.0
OBJECTIVE = 0.995
LEARNED_S = 1800.0


@dataclass(frozen=True, slots=True)
class Alert:
    """One firing of a rule, in seconds of the run. part: the pod, None for the service as a whole."""

    rule: str
    service: str
    part: str | None
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Signals:
    """Counters by step of evaluation: (steps,) finished and failed requests, (steps, buckets) latencies, all
    cumulative; requests that wait, and that are in flight."""

    at_s: FloatArray
    requests: FloatArray
    failures: FloatArray
    latency: FloatArray
    ttft: FloatArray
    waiting: FloatArray

    @classmethod
    def of(cls, served: Requests, chosen: BoolArray, length_s: float) -> Signals:
        """The signals of some of the requests."""
        at_s = np.arange(STEP_S, length_s + STEP_S / 2, STEP_S)
        done = chosen & ~served.lost & (served.done_s < length_s)
        place = np.searchsorted(at_s, served.done_s[done])
        well = ~served.failed[done]

        def total(weights: BoolArray | None = None) -> FloatArray:
            found: FloatArray = np.cumsum(np.bincount(place, weights, len(at_s) + 1)[: len(at_s)]).astype(np.float64)
            return found

        def buckets(values: FloatArray, bounds: tuple[float, ...]) -> FloatArray:
            width = len(bounds) + 1
            key = place[well] * width + np.searchsorted(bounds, values[done][well])
            flat = np.bincount(key, minlength=(len(at_s) + 1) * width)
            found: FloatArray = np.cumsum(flat.reshape(-1, width)[: len(at_s)], axis=0).astype(np.float64)
            return found

        came, begun = np.sort(served.arrival_s[chosen]), np.sort(np.where(served.lost, np.inf, served.begun_s)[chosen])
        gone = np.sort(served.done_s[chosen & served.lost])
        waiting = np.searchsorted(came, at_s) - np.searchsorted(begun, at_s) - np.searchsorted(gone, at_s)
        return cls(at_s, total(), total(~well), buckets(served.latency_s, LONG), buckets(served.ttft_s, SHORT),
                   waiting.astype(np.float64))


def increase(series: FloatArray, window_s: float, offset_s: float = 0.0) -> FloatArray:
    """The increase of a counter over a window; NaN before the window is full."""
    steps, back = round(window_s / STEP_S), round(offset_s / STEP_S)
    found = np.full(series.shape, np.nan)
    if steps + back < len(series):
        end = len(series) - back
        found[steps + back :] = series[steps:end] - series[: end - steps]
    return found


def quantile(q: float, counts: FloatArray, bounds: tuple[float, ...]) -> FloatArray:
    """(steps,) the quantile of counts by bucket, as `histogram_quantile` interpolates it."""
    below = np.cumsum(counts, axis=1)
    rank = q * below[:, -1]
    bucket = np.minimum((below < rank[:, None]).sum(axis=1), len(bounds) - 1)
    rows = np.arange(len(counts))
    low = np.where(bucket > 0, np.asarray(bounds)[np.maximum(bucket - 1, 0)], 0.0)
    high = np.asarray(bounds)[bucket]
    before = np.where(bucket > 0, below[rows, np.maximum(bucket - 1, 0)], 0.0)
    inside = np.maximum(below[rows, bucket] - before, 1e-9)
    found: FloatArray = np.where(below[:, -1] > 0, low + (high - low) * np.clip((rank - before) / inside, 0, 1), np.nan)
    return found


def _errors(signals: Signals, window_s: float) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = increase(signals.failures, window_s) / increase(signals.requests, window_s)
    return found


def _burns(long_s: float, short_s: float, rate: float) -> Callable[[Signals], BoolArray]:
    limit = rate * (1.0 - OBJECTIVE)

    def holds(signals: Signals) -> BoolArray:
        # In the first hours a range covers what there is, as it does for a counter that is as young.
        span_s = min(long_s, max(len(signals.at_s) * STEP_S / 4, short_s))
        found: BoolArray = (_errors(signals, span_s) > limit) & (_errors(signals, short_s) > limit)
        return found

    return holds


def _slow(of: Callable[[Signals], FloatArray], bounds: tuple[float, ...], q: float) -> Callable[[Signals], BoolArray]:
    def holds(signals: Signals) -> BoolArray:
        value = quantile(q, np.nan_to_num(increase(of(signals), 300.0)), bounds)
        usual = value[: round(LEARNED_S / STEP_S)]
        limit = 2.0 * np.nanmedian(usual) if np.isfinite(usual).any() else np.inf
        found: BoolArray = value > limit
        return found

    return holds


def _absent(signals: Signals) -> BoolArray:
    found: BoolArray = (increase(signals.requests, 60.0) == 0) & (signals.requests > 0)
    return found


def _dropped(signals: Signals) -> BoolArray:
    now, before = increase(signals.requests, 300.0) / 300.0, increase(signals.requests, 3600.0, 300.0) / 3600.0
    found: BoolArray = (now < 0.5 * before) & (before > 0.1)
    return found


@dataclass(frozen=True, slots=True)
class Rule:
    """holds: by step, whether the expression gives something. for_s: how long it must do so."""

    name: str
    holds: Callable[[Signals], BoolArray]
    for_s: float


RULES = (
    Rule("HighErrorRate", lambda signals: _errors(signals, 300.0) > 0.05, 120.0),
    Rule("ErrorBudgetBurnFast", _burns(3600.0, 300.0, 14.4), 120.0),
    Rule("ErrorBudgetBurnSlow", _burns(21_600.0, 1800.0, 6.0), 900.0),
    Rule("HighLatencyP99", _slow(lambda signals: signals.latency, LONG, 0.99), 300.0),
    Rule("SlowFirstTokenP95", _slow(lambda signals: signals.ttft, SHORT, 0.95), 300.0),
    Rule("RequestsAbsent", _absent, 120.0),
    Rule("TrafficDropped", _dropped, 600.0),
    Rule("RequestsQueue", lambda signals: signals.waiting > 10, 300.0),
)


def alerts(day: Day, served: tuple[Requests, ...]) -> list[Alert]:
    """All alerts of a day, firing or fired."""
    return [alert for requests in served for alert in _alerts(day, requests)]


def _alerts(day: Day, requests: Requests) -> Iterator[Alert]:
    name = requests.service.name
    whole = Signals.of(requests, requests.replica >= 0, day.ends_s)
    for rule in RULES:
        for start_s, end_s in firing(rule.holds(whole), rule.for_s, whole.at_s):
            yield Alert(rule.name, name, None, start_s, end_s)
    for number, replica in enumerate(requests.service.replicas):
        own = Signals.of(requests, requests.replica == number, day.ends_s)
        is_there = (own.at_s >= replica.started_s) & (own.at_s < replica.exports_until_s)
        stalled = (increase(own.requests, 300.0) == 0) & (own.requests > 0) & is_there
        for start_s, end_s in firing(stalled, 300.0, own.at_s):
            yield Alert("ReplicaStalled", name, replica.name, start_s, end_s)
        if day.form != "native":
            down = np.zeros(len(own.at_s), np.bool_)
            for gap in day.gaps:
                # A collector that is away evaluates nothing; an exporter that is away is `up == 0`.
                if gap.replica == replica.name and name in gap.services:
                    down |= (own.at_s >= gap.start_s) & (own.at_s < gap.end_s)
            for start_s, end_s in firing(down & is_there, 120.0, own.at_s):
                yield Alert("TargetDown", name, replica.name, start_s, end_s)


def firing(holds: BoolArray, for_s: float, at_s: FloatArray) -> Iterator[tuple[float, float]]:
    """When an alert fires: from the end of `for` until the expression gives nothing any more."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], holds, [False])).astype(np.int8)))
    for first, last in zip(edges[0::2].tolist(), edges[1::2].tolist(), strict=True):
        start_s, end_s = float(at_s[first]) + for_s, float(at_s[last - 1])
        if start_s <= end_s:
            yield start_s, end_s
