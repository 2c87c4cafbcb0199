"""One trace from the batch to the executed action, carried by Kafka headers."""

from __future__ import annotations

import time

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from streams.telemetry.traces import MAX_LINKS, Header, Headers, Tracing


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Tracing:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider)


def traceparent(trace_number: int, span_number: int = 1) -> Header:
    return "traceparent", f"00-{trace_number:032x}-{span_number:016x}-01".encode()


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def ids(span: ReadableSpan) -> tuple[int, int, int | None]:
    context = span.get_span_context()
    assert context is not None
    return context.trace_id, context.span_id, span.parent.span_id if span.parent else None


def run_batch(tracing: Tracing, headers: list[Headers]) -> list[Header]:
    """What the worker does with a batch that opens an incident and decides on an action: the headers it sends."""
    with (
        tracing.batch("inference.latency", 2, group="tocsin", records=500, last_offset=1499, headers=headers),
        tracing.incident("i1", "open", category="security", severity="P1"),
        tracing.decide("rollback", "bytegpt", key="k1", topic="tocsin.actions"),
    ):
        return tracing.inject()


def test_the_trace_is_unbroken_from_batch_to_execution(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    headers = run_batch(tracing, [])
    with tracing.execute("rollback", "bytegpt", key="k1", topic="tocsin.actions", headers=headers):
        pass

    spans = by_name(exporter)
    chain = [ids(spans[n]) for n in ("batch process", "incident i1 open", "decide rollback", "execute rollback")]
    assert len({trace_id for trace_id, _, _ in chain}) == 1
    assert [parent for _, _, parent in chain] == [None, *(span_id for _, span_id, _ in chain[:-1])]


def test_headers_are_what_kafka_carries(tracing: Tracing) -> None:
    headers = run_batch(tracing, [])

    assert [name for name, _ in headers] == ["traceparent"]
    assert all(isinstance(value, bytes) for _, value in headers)


def test_a_batch_links_to_its_producers_and_not_to_the_span_around_it(
    tracing: Tracing, exporter: InMemorySpanExporter,
) -> None:
    with tracing.batch("outer", 0, group="g", records=1, last_offset=0):
        run_batch(tracing, [[traceparent(7)], None, {"traceparent": traceparent(9)[1]}, [traceparent(7)], ()])

    inner = next(s for s in exporter.get_finished_spans() if s.attributes and s.attributes.get(
        "messaging.destination.name") == "inference.latency")
    assert [link.context.trace_id for link in inner.links] == [7, 9]
    assert inner.parent is None


def test_the_number_of_links_is_bounded(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    run_batch(tracing, [[traceparent(n + 1)] for n in range(10 * MAX_LINKS)])

    assert len(by_name(exporter)["batch process"].links) == MAX_LINKS


@pytest.mark.parametrize("value", [
    None, b"", b"nonsense", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01", b"\xff\xfe", traceparent(1)[1] + b"-extra",
])
def test_a_bad_traceparent_is_ignored(tracing: Tracing, exporter: InMemorySpanExporter, value: bytes | None) -> None:
    run_batch(tracing, [[("traceparent", value)]])

    assert by_name(exporter)["batch process"].links == ()


def test_spans_follow_the_messaging_conventions(tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    run_batch(tracing, [])

    batch, decide = by_name(exporter)["batch process"], by_name(exporter)["decide rollback"]
    assert batch.kind is SpanKind.CONSUMER
    assert decide.kind is SpanKind.PRODUCER
    assert dict(batch.attributes or {}) == {
        "messaging.system": "kafka", "messaging.destination.name": "inference.latency",
        "messaging.operation.name": "process", "messaging.operation.type": "process",
        "messaging.consumer.group.name": "tocsin", "messaging.destination.partition.id": "2",
        "messaging.batch.message_count": 500, "messaging.kafka.offset": 1499,
    }


def test_an_intent_without_headers_starts_a_trace_of_its_own(
    tracing: Tracing, exporter: InMemorySpanExporter,
) -> None:
    with tracing.execute("rollback", "m", key="k", topic="tocsin.actions", headers=None):
        pass

    assert by_name(exporter)["execute rollback"].parent is None


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_batch_that_fails_is_traced_with_its_error(exporter: InMemorySpanExporter, share: float) -> None:
    tracing = sampled(exporter, share)

    with pytest.raises(ValueError, match="boom"), tracing.batch("t", 0, group="g", records=1, last_offset=0):
        raise ValueError("boom")

    assert not by_name(exporter)["batch process"].status.is_ok


def uneventful(tracing: Tracing, count: int) -> None:
    for offset in range(count):
        with tracing.batch("t", 0, group="g", records=1, last_offset=offset):
            pass


def sampled(exporter: InMemorySpanExporter, share: float) -> Tracing:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider, share)


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.1, 10), (0.25, 25), (1.0, 100)])
def test_of_uneventful_batches_only_the_share_is_traced(
    exporter: InMemorySpanExporter, share: float, count: int,
) -> None:
    uneventful(sampled(exporter, share), 101)

    assert len(exporter.get_finished_spans()) == pytest.approx(count, abs=1)


def test_a_batch_with_an_incident_is_traced_whole_even_when_not_sampled(exporter: InMemorySpanExporter) -> None:
    tracing = sampled(exporter, 0.0)
    uneventful(tracing, 3)

    headers = run_batch(tracing, [[traceparent(7)]])
    with tracing.execute("rollback", "bytegpt", key="k1", topic="tocsin.actions", headers=headers):
        pass
    uneventful(tracing, 3)

    spans = by_name(exporter)
    assert len(exporter.get_finished_spans()) == 4
    assert len({ids(span)[0] for span in spans.values()}) == 1
    assert ids(spans["incident i1 open"])[2] == ids(spans["batch process"])[1]
    assert len(spans["batch process"].links) == 1


def test_a_batch_span_that_is_started_late_begins_when_the_batch_began(exporter: InMemorySpanExporter) -> None:
    tracing = sampled(exporter, 0.0)

    with tracing.batch("t", 0, group="g", records=1, last_offset=0):
        between_ns = time.time_ns()
        for number in (1, 2):
            with tracing.incident(f"i{number}", "open", category="security", severity="P1"):
                pass

    batch = by_name(exporter)["batch process"]
    assert batch.start_time is not None
    assert batch.start_time <= between_ns
    assert [s.parent.span_id for s in exporter.get_finished_spans() if s.parent] == [ids(batch)[1]] * 2


def test_a_share_beyond_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"sample_share: 1\.5, expected 0 to 1"):
        Tracing(None, 1.5)


def test_tracing_that_is_off_leaves_no_headers_and_no_span() -> None:
    tracing = Tracing()

    assert run_batch(tracing, [[traceparent(1)]]) == []
    with tracing.execute("rollback", "m", key="k", topic="t", headers=[traceparent(1)]) as span:
        assert not span.is_recording()
    assert not tracing.on


def test_no_endpoint_means_off() -> None:
    assert not Tracing.to_endpoint(None, version="1", instance="w").on
