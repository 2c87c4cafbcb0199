"""Malformed OTLP becomes dead letters with place, value and expectation; the rest of a request counts all the same."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from streams.intake.codec import Decoded
from streams.intake.formats import InputFormat, InputOptions, InputPlan, build_codec
from streams.intake.scopes import ScopeTable
from streams.intake.validation import ValidationLimits
from tests.streams.records import NOW_S, FakeRecord, records

NOW_NS = int(NOW_S) * 1_000_000_000
GAUGE = "vllm:num_requests_waiting"


def decoded(*values: object, form: InputFormat = "otlp_json", options: InputOptions | None = None) -> Decoded:
    plan = InputPlan(form, options or InputOptions())
    return build_codec(plan, ScopeTable(), ValidationLimits(max_bytes=20_000)).decode(records(values), NOW_S)


def point(**changes: object) -> dict[str, object]:
    return {"timeUnixNano": str(NOW_NS), "asInt": "3", **changes}


def request(
    *points: object, name: str = GAUGE, resource: object = "vllm", kind: str = "gauge", **more: object,
) -> object:
    attributes = [{"key": "service.name", "value": {"stringValue": resource}}] if resource else []
    metric = {"name": name, kind: {"dataPoints": list(points), **more}}
    return {"resourceMetrics": [{"resource": {"attributes": attributes}, "scopeMetrics": [{"metrics": [metric]}]}]}


def histogram(**changes: object) -> dict[str, object]:
    return {"timeUnixNano": str(NOW_NS), "count": "6", "sum": 6.0, "bucketCounts": ["1", "2", "3"],
            "explicitBounds": [1, 2], **changes}


@pytest.mark.parametrize(("value", "reason", "detail"), [
    (None, "empty", "value: none, expected an OTLP metrics request"),
    (b"{", "not_json", "value: b'{': Input data was truncated, expected JSON"),
    (b"\xff\xfe", "not_json", "expected JSON"),
    (b"x" * 30_000, "too_large", "value: 30000 bytes, expected at most 20000"),
    ({"ts": 1.0, "service": "chat"}, "no_metrics", "resourceMetrics: none, expected at least one"),
    (request(point(asInt="many")), "invalid",
     "$.resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[0].asInt"),
    (request(point(), resource=None), "missing_service",
     "resourceMetrics[0]: 'vllm:num_requests_waiting': dataPoints[0]: service: none, expected an attribute or label"),
    (request(point(timeUnixNano="0")), "missing_ts", "timeUnixNano: none, expected nanoseconds since the epoch"),
    (request(point(timeUnixNano=str(NOW_NS * 1000))), "ts_wrong_unit", "expected seconds since the epoch"),
    (request(point(timeUnixNano=str(NOW_NS + 10**12))), "ts_far_future", "is 1000.0 s in the future"),
    (request(point(), resource="x" * 200), "label_too_long", "has 200 characters, expected at most 128"),
    (request(histogram(bucketCounts=["1", "2"]), name="vllm:request_prompt_tokens", kind="histogram",
             aggregationTemporality=1), "histogram", "2 bucketCounts for explicitBounds (1.0, 2.0), expected one more"),
    (request(histogram(explicitBounds=[2, 1]), name="vllm:request_prompt_tokens", kind="histogram",
             aggregationTemporality=1), "histogram", "bounds that rise"),
])
def test_a_malformed_request_is_a_dead_letter_with_reason(value: object, reason: str, detail: str) -> None:
    found = decoded(value, request(point()))
    (dead,) = found.dead
    assert (dead.reason, dead.record.offset) == (reason, 0)
    assert detail in dead.detail
    assert found.samples.offset.tolist() == [1]


@pytest.mark.parametrize("value", [b"{}{", b"\x0a\x05\x01", b"not protobuf at all"])
def test_bytes_that_are_no_protobuf_are_a_dead_letter(value: bytes) -> None:
    (dead,) = decoded(value, form="otlp_proto").dead
    assert dead.reason == "not_protobuf"


def test_a_malformed_point_costs_itself_only() -> None:
    attribute = [{"key": "engine", "value": {"stringValue": "1"}}]
    timeless = request(point(timeUnixNano="0"), point(attributes=attribute))
    found = decoded(request(point(timeUnixNano="5e"), point()), timeless)
    assert [(dead.reason, dead.rejected) for dead in found.dead] == [("invalid", 1), ("missing_ts", 1)]
    assert found.counts.values == 1


@pytest.mark.parametrize(("value", "why"), [
    (request(point(flags=1)), "no_value"), (request(point(asInt=None, asDouble="NaN")), "no_value"),
    (request(point(), name="process_cpu_seconds_total"), "unknown"),
    (request(point(), name="vllm:iteration_tokens_total"), "not_watched"),
    (request(point(), name="vllm:request_prompt_tokens"), "wrong_kind"),
    (request(histogram(), name=GAUGE, kind="histogram", aggregationTemporality=1), "wrong_kind"),
    (request(point(), name="vllm:prompt_tokens", kind="sum", aggregationTemporality=2, isMonotonic=True), "first"),
])
def test_what_gives_no_value_is_counted_and_is_no_dead_letter(value: object, why: str) -> None:
    codec = build_codec(InputPlan("otlp_json"), ScopeTable(), ValidationLimits())
    found = codec.decode(records([value]), NOW_S)
    assert (found.dead, len(found.samples), codec.skipped) == ([], 0, {why: 1})
    names = codec.names
    assert (names.total, names.unwatched) == (1, why in ("unknown", "not_watched", "wrong_kind"))


def test_points_and_not_metrics_are_counted_by_name() -> None:
    codec = build_codec(InputPlan("otlp_json"), ScopeTable(), ValidationLimits())
    codec.decode(records([request(point(), point(), point(), name="acme_load")]), NOW_S)
    assert codec.names.names == {"acme_load": 3}
    assert codec.skipped == {"unknown": 3}


def test_unknown_metrics_pass_where_asked() -> None:
    found = decoded(request(point(), name="app.temperature"), options=InputOptions(unknown="pass"))
    assert [column.metric for column in found.samples.columns] == ["app.temperature"]


def test_an_operator_names_labels_of_his_own() -> None:
    scopes = ScopeTable()
    plan = InputPlan("otlp_json", InputOptions(labels={"tenant": ("customer.id",)}))
    attributes = [{"key": "customer.id", "value": {"intValue": "42"}}, {"key": "tenant", "value": {"stringValue": "x"}}]
    build_codec(plan, scopes, ValidationLimits()).decode(records([request(point(attributes=attributes))]), NOW_S)
    assert [scope.tenant for scope in scopes.names if scope is not None] == [None, "42"]


def test_a_summary_gives_its_quantiles_and_the_mean_of_what_was_added() -> None:
    def sent(second: int, count: int, total: float) -> object:
        return request({
            "timeUnixNano": str(NOW_NS + second * 10**9), "count": str(count), "sum": total,
            "quantileValues": [{"quantile": 0.5, "value": 2000.0}, {"quantile": 0.99, "value": "NaN"}],
        }, name="nv_inference_request_summary_us", kind="summary")

    found = decoded(sent(0, 10, 5_000.0), sent(10, 14, 25_000.0))
    by_metric = {column.metric: column.values.tolist() for column in found.samples.columns}
    assert by_metric == {"latency_ms_p50": [2.0, 2.0], "latency_ms": [5.0]}


def test_a_scrape_without_types_still_gives_counters() -> None:
    """A collector makes gauges of what it knows no type of."""
    def sent(second: int, total: int) -> object:
        one = point(timeUnixNano=str(NOW_NS + second * 10**9), asInt=str(total))
        return request(one, name="vllm:generation_tokens_total")

    found = decoded(sent(0, 100), sent(10, 350))
    assert [(column.metric, column.values.tolist()) for column in found.samples.columns] == [("tokens_per_s", [25.0])]


@settings(max_examples=150, deadline=None)
@given(values=st.lists(st.binary(max_size=60), max_size=5), proto=st.booleans())
def test_decoding_never_raises_and_accounts_for_every_record(values: list[bytes], proto: bool) -> None:
    found = decoded(*values, form="otlp_proto" if proto else "otlp_json")
    assert {dead.record.offset for dead in found.dead} | set(found.samples.offset.tolist()) == set(range(len(values)))


@settings(max_examples=100, deadline=None)
@given(damage=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8))
def test_a_damaged_request_never_raises(damage: list[tuple[int, int]]) -> None:
    whole = ExportMetricsServiceRequest()
    metrics = whole.resource_metrics.add().scope_metrics.add().metrics
    hist = metrics.add(name="vllm:request_prompt_tokens").histogram.data_points.add(time_unix_nano=NOW_NS, count=3)
    hist.bucket_counts.extend([1, 2])
    hist.explicit_bounds.append(1.0)
    duration = metrics.add(name="gen_ai.client.operation.duration")
    duration.exponential_histogram.data_points.add(time_unix_nano=NOW_NS, scale=3)
    spoilt = bytearray(whole.SerializeToString())
    for place, byte in damage:
        spoilt[place % len(spoilt)] = byte
    build_codec(InputPlan("otlp_proto"), ScopeTable(), ValidationLimits()).decode([FakeRecord(bytes(spoilt))], NOW_S)


def test_the_json_of_the_specification_is_read() -> None:
    value = orjson.loads(orjson.dumps(request(point(exemplars=[{"traceId": "5b8efff798038103d269b633813fc60c"}]))))
    assert decoded({**value, "unknownField": {"x": [1]}}).counts.values == 1
