"""A scrape of one process on a topic: samples of prometheus-kafka-adapter, or OTLP/JSON of a Collector."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from zlib import crc32

import orjson

NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Scrape:
    """counters: cumulative, by name and finished_reason (empty: no such label). hists: name to counts of the buckets,
    which are not cumulative over the bounds, and the sum of the observations."""

    ts_s: float
    start_s: float
    service: str
    model: str
    replica: str
    version: str
    counters: Mapping[tuple[str, str], float]
    gauges: Mapping[str, float]
    hists: Mapping[str, tuple[list[int], float]]
    bounds: Mapping[str, tuple[float, ...]]

    @property
    def instance(self) -> str:
        """The address of the pod."""
        number = crc32(self.replica.encode())
        return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}:8000"


def prometheus_json(scrape: Scrape) -> list[bytes]:
    """One record a sample, times in whole seconds."""
    labels = {
        "job": scrape.service, "instance": scrape.instance, "pod": scrape.replica, "version": scrape.version,
        "model_name": scrape.model, "engine": "0", "namespace": "serving",
    }
    timestamp = datetime.fromtimestamp(int(scrape.ts_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found: list[bytes] = []

    def sample(name: str, value: float, **more: str) -> None:
        found.append(orjson.dumps({
            "labels": {"__name__": name, **labels, **more}, "name": name, "timestamp": timestamp, "value": _text(value),
        }))

    sample("up", 1.0)
    for (name, reason), value in scrape.counters.items():
        sample(f"{name}_total", value, **({"finished_reason": reason} if reason else {}))
    for name, value in scrape.gauges.items():
        sample(name, value)
    for name, (counts, total) in scrape.hists.items():
        below = list(accumulate(counts))
        for bound, count in zip((*map(str, scrape.bounds[name]), "+Inf"), below, strict=True):
            sample(f"{name}_bucket", count, le=bound)
        sample(f"{name}_count", below[-1])
        sample(f"{name}_sum", total)
    return found


def _text(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def otlp_json(scrape: Scrape) -> list[bytes]:
    """One request with one resource, in the encoding of the file and Kafka exporters."""
    ts, start = str(round(scrape.ts_s * NS)), str(round(scrape.start_s * NS))
    own = {"model_name": scrape.model, "engine": "0"}
    times = {"startTimeUnixNano": start, "timeUnixNano": ts}
    sums: dict[str, list[dict[str, object]]] = {}
    for (name, reason), value in scrape.counters.items():
        point = {"attributes": _attributes(own | ({"finished_reason": reason} if reason else {})), **times}
        sums.setdefault(name, []).append(point | {"asDouble": value})
    metrics: list[dict[str, object]] = [
        {"name": name, "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": points}}
        for name, points in sums.items()
    ]
    attributes = _attributes(own)
    metrics += [
        {"name": name, "gauge": {"dataPoints": [{"attributes": attributes, "timeUnixNano": ts, "asDouble": value}]}}
        for name, value in scrape.gauges.items()
    ]
    metrics += [
        {"name": name, "histogram": {"aggregationTemporality": 2, "dataPoints": [{
            "attributes": attributes, **times, "count": str(sum(counts)), "sum": total,
            "bucketCounts": list(map(str, counts)), "explicitBounds": scrape.bounds[name],
        }]}}
        for name, (counts, total) in scrape.hists.items()
    ]
    resource = {
        "service.name": scrape.service, "service.instance.id": scrape.instance, "k8s.pod.name": scrape.replica,
        "service.version": scrape.version,
    }
    return [orjson.dumps({"resourceMetrics": [{
        "resource": {"attributes": _attributes(resource)},
        "scopeMetrics": [{"scope": {"name": "prometheusreceiver"}, "metrics": metrics}],
    }]})]


def _attributes(texts: Mapping[str, str]) -> list[dict[str, object]]:
    return [{"key": key, "value": {"stringValue": text}} for key, text in texts.items()]


WRITERS: Mapping[str, Callable[[Scrape], list[bytes]]] = {"prometheus_json": prometheus_json, "otlp_json": otlp_json}
