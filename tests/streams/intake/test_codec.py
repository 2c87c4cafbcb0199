"""Good records become columns; bad ones become dead letters and take nothing with them."""

from __future__ import annotations

import pytest

from classifiers.model import Scope
from streams.intake.codec import Decoded
from streams.intake.native import decode
from streams.intake.scopes import ScopeTable
from streams.intake.validation import ValidationLimits
from tests.streams.records import NOW_S, FakeRecord, records, sample


def decoded(*values: object, limits: ValidationLimits | None = None, now_s: float = NOW_S) -> Decoded:
    return decode(records(values), ScopeTable(), limits or ValidationLimits(), now_s)


def column(found: Decoded, metric: str) -> list[float]:
    return next(column.values.tolist() for column in found.samples.columns if column.metric == metric)


def test_records_of_one_shape_become_full_columns() -> None:
    found = decoded(sample(metrics={"a": 1, "b": 2.5}), sample(metrics={"a": 3, "b": 4.5}))

    assert [(column.metric, column.index) for column in found.samples.columns] == [("a", None), ("b", None)]
    assert (column(found, "a"), column(found, "b")) == ([1.0, 3.0], [2.5, 4.5])
    assert found.samples.offset.tolist() == [0, 1]
    assert (found.counts.records, found.counts.samples, found.counts.values, found.counts.rejected) == (2, 2, 4, 0)


def test_records_of_several_shapes_keep_record_order_in_each_column() -> None:
    found = decoded(sample(metrics={"a": 1}), sample(metrics={"b": 2, "a": 3}), sample(metrics={"a": 4}))

    by_metric = {column.metric: column for column in found.samples.columns}
    assert (by_metric["a"].index, by_metric["a"].values.tolist()) == (None, [1.0, 3.0, 4.0])
    index = by_metric["b"].index
    assert index is not None
    assert (index.tolist(), by_metric["b"].values.tolist()) == ([1], [2.0])


UNIFORM = (sample(metrics={"b": 2, "a.x/y": 1.5}), sample(metrics={"a.x/y": -0.0, "b": 10**20}, replica="r1"))
ODD = (
    b'{"ts": 1.0, "service": "chat", "metrics": {"b": 1, "b": 7, "a.x/y": 1e3}}',
    sample(metrics={"b": True, "a.x/y": 3}), sample(metrics={"b": 3}), sample(metrics={"b": 3, "a.x/y": 4, "c": 5}),
    [sample(metrics={"b": 3, "a.x/y": 4})], sample(ts=-1.0, metrics={"b": 3, "a.x/y": 4}), sample(metrics={"b": "3"}),
    sample(service="", metrics={"b": 3, "a.x/y": 4}), sample(metrics={"b": 3, "a.x/y": 4}, replica=7),
    b'{"ts": 1.0, "service": "chat", "metrics": {"b": 1, "a.x/y": 1e999}}', b'{"ts": 1.0}, {"ts": 2.0}', b"", None,
    b'{"ts": 1.0, "service": "chat", "metrics": {"b": 1, "a.x/y": NaN}}', sample(metrics={"b": 1, "": 2}),
    sample(metrics={"b": 1, "a.x/y": 2}, other="x" * 2000),
)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_records_that_share_their_metrics_are_read_like_any_others(odd: object, place: int) -> None:
    values: list[object] = [*UNIFORM, *UNIFORM]
    values.insert(place, odd)
    limits, together, apart = ValidationLimits(max_bytes=1000), ScopeTable(), ScopeTable()

    found = decode(records(values), together, limits, NOW_S)
    one_by_one = [decode([record], apart, limits, NOW_S) for record in records(values)]

    assert found.dead == [dead for each in one_by_one for dead in each.dead]
    assert found.samples.scope.T.tolist() == [line for each in one_by_one for line in each.samples.scope.T.tolist()]
    for metric in ("a.x/y", "b", "c"):
        written = [
            value for each in one_by_one for column in each.samples.columns if column.metric == metric
            for value in column.values.tolist()
        ]
        assert repr([value for column in found.samples.columns if column.metric == metric
                     for value in column.values.tolist()]) == repr(written)
    names = dict.fromkeys(column.metric for each in one_by_one for column in each.samples.columns)
    assert [column.metric for column in found.samples.columns] == list(names)


def test_booleans_count_as_zero_and_one() -> None:
    assert column(decoded(sample(metrics={"error": True}), sample(metrics={"error": False})), "error") == [1.0, 0.0]


def test_a_sample_belongs_to_its_marginal_scopes_and_not_to_a_cross_product() -> None:
    scopes = ScopeTable()
    full, part = sample(model="m", version="v1", replica="r0", tenant="t"), sample(model="m", replica="r0", tenant="")
    found = decode(records([full, part]), scopes, ValidationLimits(), NOW_S)

    assert scopes.names == [
        Scope("chat", "m"), Scope("chat", "m", version="v1"), Scope("chat", "m", replica="r0"),
        Scope("chat", "m", tenant="t"),
    ]
    assert found.samples.scope.T.tolist() == [[0, 1, 2, 3], [0, -1, 2, -1]]


def test_an_array_is_as_many_samples_at_one_offset() -> None:
    found = decoded([sample(metrics={"a": 1}), sample(metrics={"a": 2})], sample(metrics={"a": 3}), [])

    assert column(found, "a") == [1.0, 2.0, 3.0]
    assert found.samples.offset.tolist() == [0, 0, 1]
    assert found.dead == []


def test_unknown_labels_and_free_text_are_dropped() -> None:
    found = decoded({**sample(), "prompt": "secret", "trace_id": "f00", "nested": {"x": [1, 2]}})

    assert (len(found.samples), found.dead) == (1, [])


REJECTED: list[tuple[object, str, str]] = [
    (None, "empty", "value: none"),
    (b"", "empty", "value: none"),
    (b"{", "not_json", "value: b'{'"),
    (b"\xff\xfe", "not_json", "expected JSON"),
    (b'{"ts":1},{"ts":2}', "not_json", "Extra data"),
    (b"[" * 5000 + b"]" * 5000, "not_json", "expected JSON"),
    (b"17", "not_object", "value: 17"),
    (b"null", "not_object", "value: None"),
    ({"service": "chat", "metrics": {"a": 1}}, "missing_ts", "expected seconds"),
    (sample() | {"ts": "1795420425"}, "ts_type", "'1795420425'"),
    (sample() | {"ts": True}, "ts_type", "ts: True"),
    (sample(ts=-1.0), "ts_negative", "-1.0"),
    (sample(ts=NOW_S * 1e3), "ts_wrong_unit", "looks like milliseconds"),
    (sample(ts=NOW_S * 1e6), "ts_wrong_unit", "looks like microseconds"),
    (sample(ts=NOW_S * 1e9), "ts_wrong_unit", "looks like nanoseconds"),
    (sample(ts=NOW_S + 301.0), "ts_far_future", "301.0 s in the future, expected at most 300 s"),
    ({"ts": NOW_S, "metrics": {"a": 1}}, "missing_service", "service: missing"),
    (sample(service=""), "missing_service", "service: ''"),
    (sample(version=3), "label_type", "version: 3, expected a string"),
    (sample(tenant="x" * 129), "label_too_long", "129 characters, expected at most 128"),
    (sample(tenant="a\nb"), "label_unprintable", "tenant: 'a\\nb'"),
    ({"ts": NOW_S, "service": "chat"}, "no_metrics", "metrics: missing, expected"),
    ({"ts": NOW_S, "service": "chat", "rps": 2}, "no_metrics", "metrics: missing (there is 'rps'), expected an object"),
    ({"ts": NOW_S, "app": "chat"}, "missing_service", "service: missing (there is 'app'), expected a name"),
    (sample(metrics={}), "no_metrics", "metrics: {}"),
    (sample(metrics={f"m{at}": 1 for at in range(65)}), "too_many_metrics", "65, expected at most 64"),
    (sample(metrics={"what is this?": 1}), "metric_name", "'what is this?'"),
    (sample(metrics=[1, 2]), "metric_type", "metrics: [1, 2]"),
    (sample(metrics={"a": "12"}), "metric_type", "'12', expected a number"),
    (sample(metrics={"a": None}), "metric_type", "None, expected a number"),
    (sample(metrics={"a": float("nan")}), "metric_not_finite", "nan, expected a finite number"),
    (b'{"ts":1,"service":"c","metrics":{"a":1e999}}', "metric_not_finite", "inf"),
    (b'{"ts":1,"service":"c","metrics":{"a":' + b"9" * 400 + b"}}", "metric_not_finite", "finite"),
]


CASES = [f"{at}-{reason}" for at, (_, reason, _) in enumerate(REJECTED)]


@pytest.mark.parametrize(("value", "reason", "words"), REJECTED, ids=CASES)
def test_a_malformed_record_dies_alone_with_its_reason(value: object, reason: str, words: str) -> None:
    found = decoded(sample(metrics={"a": 1}), value, sample(metrics={"a": 2}))

    assert column(found, "a") == [1.0, 2.0]
    assert found.samples.offset.tolist() == [0, 2]
    assert [(dead.reason, dead.record.offset) for dead in found.dead] == [(reason, 1)]
    assert words in found.dead[0].detail
    assert len(found.dead[0].detail) < 250


def test_a_record_cannot_borrow_a_bracket_from_its_neighbour() -> None:
    good = b'{"ts":1,"service":"c","metrics":{"a":1}}'
    found = decoded(b'{"ts":1,"service":"c","metrics":{"a":1}', b'"b":2}}', good + b"," + good, b"1],[2")

    assert len(found.samples) == 0
    assert [dead.reason for dead in found.dead] == ["not_json"] * 4


def test_one_bad_element_of_an_array_costs_that_element_only() -> None:
    array = [sample(metrics={"a": value}) for value in (1, "x", float("nan"), 4)]
    found = decoded(array, sample(metrics={"a": 5}))

    assert column(found, "a") == [1.0, 4.0, 5.0]
    assert [(dead.reason, dead.rejected) for dead in found.dead] == [("metric_type", 2)]
    assert found.dead[0].detail.startswith("element 1: metrics: 'a': 'x'")
    assert found.dead[0].detail.endswith("; 2 elements rejected")
    assert found.counts.rejected == 2


def test_an_element_rejected_by_its_columns_is_named_by_its_place_in_the_array() -> None:
    found = decoded([sample(metrics={"a": 1}), sample(ts=NOW_S * 1e3), sample(metrics={"a": 2})])

    assert column(found, "a") == [1.0, 2.0]
    assert found.dead[0].detail.startswith("element 1: ts: ")


def test_a_record_over_the_size_limit_is_refused() -> None:
    found = decoded(sample(), sample(tenant="t" * 100), limits=ValidationLimits(max_bytes=120))

    assert [(dead.reason, dead.record.offset) for dead in found.dead] == [("too_large", 1)]


def test_old_records_are_refused_only_when_asked() -> None:
    assert decoded(sample(ts=1.0)).dead == []
    limits = ValidationLimits(max_age_s=60.0)
    assert [dead.reason for dead in decoded(sample(ts=1.0), limits=limits).dead] == ["ts_too_old"]


def test_a_replay_without_a_clock_still_refuses_wrong_units() -> None:
    found = decoded(sample(), sample(ts=NOW_S * 1e3), now_s=float("inf"))

    assert [dead.reason for dead in found.dead] == ["ts_wrong_unit"]


def test_a_label_that_is_no_marginal_is_ignored_whoever_its_neighbours_are() -> None:
    scopes = ScopeTable(marginals=("version",))
    odd = sample(tenant="x" * 500)
    alone = decode(records([odd]), scopes, ValidationLimits(), NOW_S)
    beside = decode(records([b"{", [odd, 1]]), scopes, ValidationLimits(), NOW_S)

    assert (len(alone.samples), len(beside.samples)) == (1, 1)
    assert [dead.reason for dead in beside.dead] == ["not_json", "not_object"]


def test_a_dead_letter_holds_the_record_unchanged() -> None:
    record = FakeRecord(b"{", 41, "inference.tokens", 2, 17, b"key", [("h", b"v")])
    dead = decode([record], ScopeTable(), ValidationLimits(), NOW_S).dead[0]

    assert dead.record == record


def test_an_empty_batch_is_no_samples() -> None:
    found = decoded()

    assert (len(found.samples), found.samples.scope.shape, found.dead) == (0, (4, 0), [])
