"""What exporters of vLLM replicas say: cumulative counters and histograms since the start of their process, and gauges.

Each exporter is scraped at its own phase of the interval. A scrape is of one process, with its own start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from types import MappingProxyType
from zlib import crc32

import numpy as np

from benchmarks.ordinary.generator.arrivals import FloatArray
from benchmarks.ordinary.generator.day import Day, Gap
from benchmarks.ordinary.generator.draws import BoolArray, IntArray
from benchmarks.ordinary.generator.scrape_formats import WRITERS, Scrape
from benchmarks.ordinary.generator.simulate import Requests

SHORT = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0,
    640.0, 2560.0,
)
TOKEN = (
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
)
LONG = (
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0,
    1920.0, 7680.0,
)
SIZES = (
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0, 20_000.0, 50_000.0,
    100_000.0,
)
BOUNDS: Mapping[str, tuple[float, ...]] = MappingProxyType({
    "vllm:time_to_first_token_seconds": SHORT, "vllm:inter_token_latency_seconds": TOKEN,
    "vllm:request_time_per_output_token_seconds": TOKEN, "vllm:e2e_request_latency_seconds": LONG,
    "vllm:request_queue_time_seconds": LONG, "vllm:request_prompt_tokens": SIZES,
    "vllm:request_generation_tokens": SIZES,
})
"""The bounds of vLLM (`vllm/v1/metrics/loggers.py`), for a model of 131,072 tokens."""
REASONS = ("stop", "length", "abort", "error")
PACE = (0.75, 0.88, 0.97, 1.08, 1.32)
"""Times between the tokens of one request vary about their mean: five quantiles."""
RAN_BEFORE_S = 7200.0
"""Processes that run when the day begins have counted for so long."""


@dataclass(frozen=True, slots=True)
class _Process:
    """The finished requests of one process by scrape. at_s: (scrapes,) times; place: (requests,) the first scrape that
    counts each."""

    at_s: FloatArray
    place: IntArray

    def repeated(self, times: int) -> _Process:
        """With so many values for each request, all first values first."""
        return _Process(self.at_s, np.tile(self.place, times))

    def summed(self, values: FloatArray | BoolArray) -> FloatArray:
        """(scrapes,) the cumulative sum."""
        found: FloatArray = np.cumsum(np.bincount(self.place, values, len(self.at_s) + 1)[:-1])
        return found

    def buckets(self, values: FloatArray, bounds: tuple[float, ...], weights: FloatArray | None = None) -> IntArray:
        """(scrapes, bounds + 1) cumulative over time, not over bounds."""
        width = len(bounds) + 1
        key = self.place * width + np.searchsorted(bounds, values)
        flat = np.bincount(key, weights, (len(self.at_s) + 1) * width)
        return np.cumsum(flat.reshape(-1, width)[:-1], axis=0).astype(np.int64)


def scrape_records(day: Day, served: tuple[Requests, ...], seed: int) -> Iterator[tuple[int, bytes]]:
    """The records of the topic by offset, in the order of the scrapes; made one by one."""
    processes = [
        _process_scrapes(day, requests, number, np.random.default_rng([31, seed, number]))
        for requests in served for number in range(len(requests.service.replicas))
    ]
    write = WRITERS[day.form]
    return enumerate(
        value for _, scrape in merge(*processes, key=lambda row: row[0]) for value in write(scrape)
    )


def _process_scrapes(
    day: Day, requests: Requests, number: int, rng: np.random.Generator,
) -> Iterator[tuple[float, Scrape]]:
    service = requests.service
    replica = service.replicas[number]
    phase_s = crc32(f"{service.name}/{replica.name}".encode()) % 10_000 / 10_000 * day.scrape_s
    first_s, until_s = max(replica.started_s, 0.0), min(replica.exports_until_s, day.ends_s)
    at_s = np.arange(np.ceil((first_s - phase_s) / day.scrape_s), (until_s - phase_s) / day.scrape_s) * day.scrape_s
    at_s = at_s + phase_s
    if not len(at_s):
        return
    started_s = replica.started_s if np.isfinite(replica.started_s) else -RAN_BEFORE_S - rng.uniform(0, 9e4)
    values = _values(requests, number, at_s)
    before = 0.0 if np.isfinite(replica.started_s) else float(rng.uniform(0.5, 8.0))
    gaps = [gap for gap in day.gaps if service.name in gap.services and gap.replica in (None, replica.name)]
    for place, now_s in enumerate(at_s.tolist()):
        if any(gap.start_s <= now_s < gap.end_s for gap in gaps):
            continue
        start_s = _start_s(started_s, now_s, at_s, gaps)
        yield now_s, values.scrape(
            place, service.name, service.model, replica.name, replica.version, day.origin_s + now_s,
            day.origin_s + start_s, before,
        )


def _start_s(started_s: float, now_s: float, at_s: FloatArray, gaps: list[Gap]) -> float:
    """The start time as the collector writes it: that of its own first scrape after it restarted."""
    ends = [gap.end_s for gap in gaps if gap.restart and gap.end_s <= now_s]
    if not ends:
        return started_s
    return max(started_s, float(at_s[np.searchsorted(at_s, max(ends))]))


@dataclass(frozen=True, slots=True)
class _Values:
    """All that one process exports, by scrape."""

    hists: Mapping[str, tuple[IntArray, FloatArray]]
    counters: Mapping[tuple[str, str], FloatArray]
    gauges: Mapping[str, FloatArray]

    def scrape(
        self, place: int, service: str, model: str, replica: str, version: str, ts_s: float, start_s: float,
        before: float,
    ) -> Scrape:
        """One of them. before: what was counted before the day, as a factor of what is counted in it."""
        hists = {
            name: ((counts[place] + (before * counts[-1]).astype(np.int64)).tolist(),
                   float(sums[place] + before * sums[-1]))
            for name, (counts, sums) in self.hists.items()
        }
        counters = {key: float(series[place] + int(before * series[-1])) for key, series in self.counters.items()}
        gauges = {name: float(series[place]) for name, series in self.gauges.items()}
        return Scrape(ts_s, start_s, service, model, replica, version, counters, gauges, hists, BOUNDS)


def _values(requests: Requests, number: int, at_s: FloatArray) -> _Values:
    """What a process exports at each scrape."""
    received = np.flatnonzero(requests.replica == number)
    done = received[~requests.lost[received]]
    return _Values(_hists(requests, done, at_s), _counters(requests, done, at_s), _gauges(requests, received, at_s))


def _hists(requests: Requests, done: IntArray, at_s: FloatArray) -> Mapping[str, tuple[IntArray, FloatArray]]:
    """Counts of the buckets and the sum, by histogram; of the requests that did not fail."""
    well = done[~requests.failed[done]]
    end = _Process(at_s, np.searchsorted(at_s, requests.done_s[well]))
    first = _Process(at_s, np.searchsorted(at_s, requests.arrival_s[well] + requests.ttft_s[well]))
    tokens, tpot, sizes = end.repeated(len(PACE)), requests.tpot_s[well], requests.completion[well]
    paces, weights = np.outer(PACE, tpot).ravel(), np.tile(sizes / len(PACE), len(PACE))
    plain = {
        "vllm:time_to_first_token_seconds": (first, requests.ttft_s[well]),
        "vllm:request_time_per_output_token_seconds": (end, tpot),
        "vllm:e2e_request_latency_seconds": (end, requests.latency_s[well]),
        "vllm:request_queue_time_seconds": (end, (requests.begun_s - requests.arrival_s)[well]),
        "vllm:request_prompt_tokens": (end, requests.prompt[well]),
        "vllm:request_generation_tokens": (end, sizes),
    }
    itl = "vllm:inter_token_latency_seconds"
    found = {itl: (tokens.buckets(paces, BOUNDS[itl], weights), tokens.summed(paces * weights))}
    return found | {
        name: (process.buckets(values, BOUNDS[name]), process.summed(values))
        for name, (process, values) in plain.items()
    }


def _counters(requests: Requests, done: IntArray, at_s: FloatArray) -> Mapping[tuple[str, str], FloatArray]:
    """Cumulative counts by name and finished_reason."""
    failed = requests.failed[done]
    well = done[~failed]
    every = _Process(at_s, np.searchsorted(at_s, requests.done_s[done]))
    end = _Process(at_s, every.place[~failed])
    cut, prompt = requests.cut[well], requests.prompt[well]
    return {
        ("vllm:request_success", "stop"): end.summed(~cut), ("vllm:request_success", "length"): end.summed(cut),
        ("vllm:request_success", "abort"): np.zeros(len(at_s)),
        ("vllm:request_success", "error"): every.summed(failed),
        ("vllm:prompt_tokens", ""): end.summed(prompt),
        ("vllm:generation_tokens", ""): end.summed(requests.completion[well]),
        ("vllm:prefix_cache_queries", ""): end.summed(prompt),
        ("vllm:prefix_cache_hits", ""): end.summed(np.round(prompt * requests.cached[well])),
        ("vllm:num_preemptions", ""): np.zeros(len(at_s)),
    }


def _gauges(requests: Requests, received: IntArray, at_s: FloatArray) -> Mapping[str, FloatArray]:
    """Requests that run and wait, and the share of the KV cache that they fill. What hangs holds its place."""
    lost = requests.lost[received]
    arrival_s, begun_s, done_s = (times[received] for times in (requests.arrival_s, requests.begun_s, requests.done_s))
    came, ended = _until(arrival_s, at_s), _until(done_s, at_s)
    hung = _until(arrival_s[lost], at_s) - _until(done_s[lost], at_s)
    admitted = _until(begun_s[~lost], at_s) - _until(done_s[~lost], at_s)
    running = np.minimum(admitted + hung, requests.service.slots)
    usage = np.minimum(running / (requests.service.slots * 1.25), 1.0)
    return {
        "vllm:num_requests_running": running.astype(np.float64),
        "vllm:num_requests_waiting": (came - ended - running).astype(np.float64),
        "vllm:kv_cache_usage_perc": usage,
    }


def _until(times_s: FloatArray, at_s: FloatArray) -> IntArray:
    """How many of the times are not after each instant."""
    return np.searchsorted(np.sort(times_s), at_s, side="right")
