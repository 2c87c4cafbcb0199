"""Messages of the real OpenTelemetry SDK and its own OTLP encoder: every instrument, both temporalities, a restart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from streams.intake.codec import Codec, Decoded
from streams.intake.formats import InputPlan, build_codec
from streams.intake.scopes import ScopeTable
from streams.intake.validation import ValidationLimits
from tests.streams.records import FakeRecord

DELTA: Mapping[type, AggregationTemporality] = {
    Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA,
}
EXPONENTIAL = [View(instrument_name="*duration*", aggregation=ExponentialBucketHistogramAggregation())]
CHAT = {"gen_ai.request.model": "gpt", "gen_ai.operation.name": "chat"}


class App:
    """An instrumented application."""

    def __init__(
        self, temporality: Mapping[type, AggregationTemporality] | None = None, exponential: bool = False,
    ) -> None:
        self._reader = InMemoryMetricReader(preferred_temporality=dict(temporality or {}))
        resource = Resource.create({"service.name": "chat", "service.instance.id": "i0", "service.version": "7"})
        provider = MeterProvider([self._reader], resource=resource, views=EXPONENTIAL if exponential else [])
        meter: Meter = provider.get_meter("app")
        bounds = [0.01 * 2**step for step in range(14)]
        self.duration = meter.create_histogram(
            "gen_ai.client.operation.duration", unit="s", explicit_bucket_boundaries_advisory=bounds,
        )
        self.usage = meter.create_histogram("gen_ai.client.token.usage", unit="{token}")
        self.finished = meter.create_counter("nv_inference_request_success")
        self.waiting = meter.create_gauge("num_requests_waiting")

    def export(self) -> bytes:
        data = self._reader.get_metrics_data()
        assert data is not None
        return encode_metrics(data).SerializeToString()


def codec() -> Codec:
    return build_codec(InputPlan("otlp_proto"), ScopeTable(), ValidationLimits())


def read(reader: Codec, value: bytes) -> dict[str, list[float]]:
    found = decoded(reader, value)
    return {column.metric: column.values.tolist() for column in found.samples.columns}


def decoded(reader: Codec, value: bytes) -> Decoded:
    found = reader.decode([FakeRecord(value)], now_s=4e9)
    assert found.dead == []
    return found


@pytest.mark.parametrize("temporality", [None, DELTA], ids=["cumulative", "delta"])
@pytest.mark.parametrize("exponential", [False, True], ids=["explicit", "exponential"])
def test_what_an_interval_took_in_comes_out(
    temporality: Mapping[type, AggregationTemporality] | None, exponential: bool,
) -> None:
    app, reader = App(temporality, exponential), codec()
    app.duration.record(30.0, CHAT)
    app.usage.record(5, {**CHAT, "gen_ai.token.type": "input"})
    app.finished.add(3, CHAT)
    read(reader, app.export())
    seconds = np.random.default_rng(5).lognormal(-1.0, 0.4, 400)
    for each in seconds.tolist():
        app.duration.record(each, CHAT)
    for tokens in (10, 20, 60):
        app.usage.record(tokens, {**CHAT, "gen_ai.token.type": "input"})
    app.waiting.set(4, CHAT)
    found = read(reader, app.export())

    assert found["latency_ms"] == pytest.approx([1000.0 * seconds.mean()])
    for suffix, share in (("_p50", 0.5), ("_p95", 0.95), ("_p99", 0.99)):
        true_ms = float(np.quantile(seconds, share)) * 1000.0
        within = 0.1 if exponential else 0.5
        assert found[f"latency_ms{suffix}"][0] == pytest.approx(true_ms, rel=within)
    assert found["prompt_tokens"] == [30.0]
    assert found["queue_depth"] == [4.0]
    assert found["error"] == [0.0]


def test_labels_come_from_resource_and_point() -> None:
    scopes = ScopeTable()
    reader = build_codec(InputPlan("otlp_proto"), scopes, ValidationLimits())
    app = App(DELTA)
    app.duration.record(1.0, {**CHAT, "gen_ai.response.model": "gpt-0613"})
    decoded(reader, app.export())
    assert {(one.service, one.model, one.version, one.replica) for one in scopes.names if one is not None} == {
        ("chat", "gpt", None, None), ("chat", "gpt", "gpt-0613", None), ("chat", "gpt", None, "i0"),
    }


def test_errors_that_begin_while_we_watch_count_from_the_first() -> None:
    """The series of an error appears with it; its start time says that nothing of it was missed."""
    app, reader = App(), codec()
    app.duration.record(1.0, CHAT)
    read(reader, app.export())
    for _ in range(3):
        app.duration.record(1.0, CHAT)
    app.duration.record(1.0, {**CHAT, "error.type": "timeout"})
    assert read(reader, app.export())["error"] == [0.25]


def test_a_restart_loses_nothing_and_invents_nothing() -> None:
    first, reader = App(), codec()
    for _ in range(10):
        first.duration.record(1.0, CHAT)
    first.finished.add(10, CHAT)
    read(reader, first.export())
    second = App()
    for _ in range(12):
        second.duration.record(3.0, CHAT)
    found = read(reader, second.export())

    assert found["latency_ms"] == pytest.approx([3000.0])
    assert reader.skipped["reset"] == 1


def test_what_is_exported_twice_counts_once() -> None:
    app, reader = App(DELTA), codec()
    app.duration.record(1.0, CHAT)
    value = app.export()
    assert read(reader, value)["latency_ms"] == [1000.0]
    assert read(reader, value) == {}
    assert reader.skipped["stale"] == 1
