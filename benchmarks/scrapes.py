"""A synthetic vLLM fleet as an exporter reports it: cumulative counters and histograms, scraped at intervals.

Deterministic by seed. The same scrapes come out as OTLP protobuf, OTLP/JSON (both as a collector writes what it
scraped) and as the samples of prometheus-kafka-adapter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from streams.intake.formats import InputFormat

T = 1_795_420_000
NS = 1_000_000_000
MODEL = "llama"
SECONDS = (0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0)
PER_TOKEN = (0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)
TOKENS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)
HISTOGRAMS = {
    "vllm:time_to_first_token_seconds": SECONDS, "vllm:e2e_request_latency_seconds": SECONDS,
    "vllm:request_queue_time_seconds": SECONDS, "vllm:request_time_per_output_token_seconds": PER_TOKEN,
    "vllm:request_prompt_tokens": TOKENS, "vllm:request_generation_tokens": TOKENS,
}

OUTCOMES = ("stop", "length", "abort", "error")


@dataclass
class Load:
    """What a replica does: requests a second, seconds a token, seconds to queue, share of requests that fail."""

    per_s: float = 8.0
    token_s: float = 0.02
    queue_s: float = 0.01
    failing: float = 0.01


Behaviour = Callable[[float, str], Load]
"""By seconds since the start, and replica."""


def steady(_: float, __: str) -> Load:
    return Load()


@dataclass
class Hist:
    """A cumulative histogram as an exporter keeps it."""

    bounds: Sequence[float]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def add(self, values: np.ndarray[Any, Any]) -> None:
        found = np.bincount(np.searchsorted(self.bounds, values), minlength=len(self.bounds) + 1)
        self.counts = [int(a + b) for a, b in zip(self.counts or [0] * len(found), found, strict=True)]
        self.total += float(values.sum())


@dataclass
class Engine:
    """One vLLM process since its start."""

    name: str
    started_s: float
    hists: dict[str, Hist] = field(default_factory=lambda: {name: Hist(bounds) for name, bounds in HISTOGRAMS.items()})
    finished: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    tokens: int = 0
    waiting: int = 0
    running: int = 0

    def work(self, seconds: float, load: Load, rng: np.random.Generator) -> None:
        requests = int(rng.poisson(load.per_s * seconds))
        queue_s = rng.lognormal(np.log(load.queue_s), 0.5, requests)
        prompt = rng.lognormal(np.log(300), 0.6, requests).round()
        answer = rng.lognormal(np.log(60), 0.5, requests).round() + 1
        token_s = rng.lognormal(np.log(load.token_s), 0.1, requests)
        first_s = queue_s + prompt * 0.0001 + token_s
        values = (first_s, first_s + answer * token_s, queue_s, token_s, prompt, answer)
        for hist, observed in zip(self.hists.values(), values, strict=True):
            hist.add(observed)
        failed = int(rng.binomial(requests, load.failing))
        self.finished["error"] += failed
        self.finished["stop"] += requests - failed
        self.tokens += int(answer.sum())
        self.running = int(rng.poisson(load.per_s * 60 * load.token_s))
        self.waiting = int(rng.poisson(load.per_s * load.queue_s))


@dataclass
class Scrape:
    """The metrics of one engine at one instant."""

    ts_s: float
    engine: Engine
    values: dict[str, Any]


def scrapes(
    seconds: float, behaviour: Behaviour = steady, replicas: int = 3, every_s: float = 15.0, seed: int = 1,
    restart_s: float | None = None,
) -> Iterator[Scrape]:
    """The scrapes of all engines in the order of their times. restart_s: when the first engine begins anew."""
    rng = np.random.default_rng(seed)
    engines = [Engine(f"10.0.0.{number}:8000", T - 100.0) for number in range(replicas)]
    for engine in engines:
        engine.work(3600.0, Load(), rng)
    due = sorted((place * every_s / replicas + step * every_s, place)
                 for place in range(replicas) for step in range(int(seconds / every_s)))
    for at_s, place in due:
        if place == 0 and restart_s is not None and at_s - every_s < restart_s <= at_s:
            engines[0] = Engine(engines[0].name, T + restart_s)
        engine = engines[place]
        engine.work(every_s, behaviour(at_s, engine.name), rng)
        yield Scrape(T + at_s, engine, {
            "counters": {("vllm:request_success", ("finished_reason", reason)): count
                         for reason, count in engine.finished.items()}
                        | {("vllm:generation_tokens", ("", "")): engine.tokens},
            "gauges": {"vllm:num_requests_running": engine.running, "vllm:num_requests_waiting": engine.waiting},
            "hists": {name: (list(hist.counts), hist.total) for name, hist in engine.hists.items()},
        })


def otlp_proto(scrape: Scrape) -> list[bytes]:
    """One request, as a collector exports what it scraped."""
    return [_request(scrape).SerializeToString()]


def _request(scrape: Scrape) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    for key, text in (("service.name", "vllm"), ("service.instance.id", scrape.engine.name)):
        resource.resource.attributes.add(key=key).value.string_value = text
    metrics = resource.scope_metrics.add().metrics
    times = {"time_unix_nano": round(scrape.ts_s * NS), "start_time_unix_nano": round(scrape.engine.started_s * NS)}

    def label(point: Any, **more: str) -> None:
        for key, text in {"model_name": MODEL, "engine": "0", **more}.items():
            point.attributes.add(key=key).value.string_value = text

    for (name, (key, text)), count in scrape.values["counters"].items():
        metric: Any = metrics.add(name=f"{name}_total")
        metric.sum.aggregation_temporality, metric.sum.is_monotonic = 2, True
        label(metric.sum.data_points.add(as_double=count, **times), **({key: text} if key else {}))
    for name, value in scrape.values["gauges"].items():
        label(metrics.add(name=name).gauge.data_points.add(as_double=value, time_unix_nano=times["time_unix_nano"]))
    for name, (counts, total) in scrape.values["hists"].items():
        metric = metrics.add(name=name)
        metric.histogram.aggregation_temporality = 2
        label(metric.histogram.data_points.add(
            count=sum(counts), sum=total, bucket_counts=counts, explicit_bounds=HISTOGRAMS[name], **times,
        ))
    return request


def otlp_json(scrape: Scrape) -> list[bytes]:
    """The same in OTLP/JSON: lowerCamelCase, 64-bit integers as strings."""
    request = _request(scrape)
    resource = request.resource_metrics[0]
    return [orjson.dumps({"resourceMetrics": [{
        "resource": {"attributes": _json_attributes(resource.resource.attributes)},
        "scopeMetrics": [{"scope": {}, "metrics": list(map(_json_metric, resource.scope_metrics[0].metrics))}],
        "schemaUrl": "https://opentelemetry.io/schemas/1.27.0",
    }]})]


def _json_attributes(attributes: Any) -> list[dict[str, object]]:
    return [{"key": each.key, "value": {"stringValue": each.value.string_value}} for each in attributes]


def _json_metric(metric: Any) -> dict[str, object]:
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind)
    points = []
    for point in data.data_points:
        fields: dict[str, object] = {
            "attributes": _json_attributes(point.attributes), "timeUnixNano": str(point.time_unix_nano),
        }
        if kind == "histogram":
            fields |= {
                "startTimeUnixNano": str(point.start_time_unix_nano), "count": str(point.count), "sum": point.sum,
                "bucketCounts": list(map(str, point.bucket_counts)), "explicitBounds": list(point.explicit_bounds),
                "exemplars": [{"traceId": "5b8efff798038103d269b633813fc60c", "asDouble": 1.0}],
            }
        else:
            fields |= {"startTimeUnixNano": str(point.start_time_unix_nano), "asInt": str(int(point.as_double))}
        points.append(fields)
    if kind == "gauge":
        return {"name": metric.name, "gauge": {"dataPoints": points}}
    shape: dict[str, object] = {"dataPoints": points, "aggregationTemporality": 2}
    return {"name": metric.name, kind: shape | ({"isMonotonic": True} if kind == "sum" else {})}


def prometheus_json(scrape: Scrape) -> list[bytes]:
    """One record a sample, timestamps cut to whole seconds."""
    common = {"job": "vllm", "instance": scrape.engine.name, "model_name": MODEL, "engine": "0"}
    timestamp = datetime.fromtimestamp(int(scrape.ts_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found: list[bytes] = []

    def sample(name: str, value: float, **labels: str) -> None:
        named = {"__name__": name, **common, **labels}
        found.append(orjson.dumps({
            "labels": dict(sorted(named.items())), "name": name, "timestamp": timestamp, "value": f"{value:g}"
            if value != int(value) else str(int(value)),
        }))

    sample("up", 1)
    sample("python_gc_objects_collected_total", 17)
    for (name, (key, text)), count in scrape.values["counters"].items():
        sample(f"{name}_total", count, **({key: text} if key else {}))
        sample(f"{name}_created", 1.79e9, **({key: text} if key else {}))
    for name, value in scrape.values["gauges"].items():
        sample(name, value)
    for name, (counts, total) in scrape.values["hists"].items():
        below = np.cumsum(counts)
        for bound, count in zip((*map(str, HISTOGRAMS[name]), "+Inf"), below, strict=True):
            sample(f"{name}_bucket", int(count), le=bound)
        sample(f"{name}_count", int(below[-1]))
        sample(f"{name}_sum", total)
    return found


Writer = Callable[[Scrape], list[bytes]]
WRITERS: Mapping[InputFormat, Writer] = {
    "otlp_proto": otlp_proto, "otlp_json": otlp_json, "prometheus_json": prometheus_json,
}


def points_in(form: InputFormat, values: Sequence[bytes]) -> int:
    """Data points in these records: one each for Prometheus, where each bucket is one."""
    if form == "prometheus_json":
        return len(values)
    points = len(HISTOGRAMS) + len(OUTCOMES) + 3
    return points * len(values)
