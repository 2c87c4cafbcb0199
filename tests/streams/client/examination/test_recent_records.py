"""What the last records of an input tell."""

from __future__ import annotations

import pytest

from streams.client.examination.recent_records import SeenRecord, judge, judge_content, seen_record
from streams.intake.formats import NATIVE
from streams.intake.validation import ValidationLimits
from tests.streams.fakes import T
from tests.streams.records import NOW_S, FakeRecord, records, sample


def found(*seen: SeenRecord, partitions: int = 4) -> list[str]:
    return [one.found for one in judge("in", seen, partitions, T)]


def test_records_with_keys_and_times_that_fit_are_no_finding() -> None:
    assert found(SeenRecord("in", True, T - 1.0, T - 2.0)) == []


def test_a_topic_without_records_is_a_finding() -> None:
    assert found() == ["holds no record"]


def test_records_without_a_key_are_a_finding_where_they_are_spread() -> None:
    keyless = SeenRecord("in", False, T, T)
    assert found(keyless) == [
        "1 of the last 1 records have no key, over 4 partitions: one fault may become an incident in each shard",
    ]
    assert found(keyless, partitions=1) == []


def test_clocks_that_differ_are_findings() -> None:
    assert "written 60 s in the future" in found(SeenRecord("in", True, T + 60.0, None))[0]
    assert found(SeenRecord("in", True, T, T + 30.0)) == ["ts is up to 30 s later than the time of writing"]


def test_records_that_come_late_are_a_finding() -> None:
    assert "written 20 s or more after their ts" in found(SeenRecord("in", True, T, T - 20.0))[0]


def test_a_ts_in_another_unit_is_named_and_no_clock_is_blamed() -> None:
    assert found(SeenRecord("in", True, T, T * 1000.0)) == [
        f"ts {T * 1000.0:.0f} looks like milliseconds: such records become dead letters",
    ]
    assert found(SeenRecord("in", True, T, T * 1e9), SeenRecord("in", True, T, T + 30.0)) == [
        f"ts {T * 1e9:.0f} looks like nanoseconds: such records become dead letters",
        "ts is up to 30 s later than the time of writing",
    ]


def test_a_time_of_kafka_in_another_unit_is_named_and_no_clock_is_blamed() -> None:
    assert found(SeenRecord("in", True, T * 1000.0, None)) == [
        f"the time {T * 1e6:.0f} of a record in Kafka looks like microseconds",
    ]


@pytest.mark.parametrize("value", [b'{"ts": 1764240000250}', b'[{"ts": 1764240000250}, {"ts": 1}]'])
def test_the_ts_of_a_record_or_of_the_first_of_several_is_seen(value: bytes) -> None:
    record = FakeRecord(value, topic="in", timestamp=1764240000250)
    assert seen_record(record) == SeenRecord("in", True, 1764240000.25, 1764240000250.0)


def refused(*values: object) -> list[str]:
    return [one.found for one in judge_content("in", NATIVE, ValidationLimits(), records(values), NOW_S)]


def test_records_that_a_worker_would_use_are_no_finding() -> None:
    assert refused(sample(), [sample(), sample()]) == []


def test_records_that_a_worker_would_refuse_are_counted_by_reason_the_most_frequent_first() -> None:
    found = refused(b"{oops", sample(metrics={"latency_ms": "8"}), sample(), sample(metrics={"latency_ms": "9"}))
    assert [one.split(";")[0] for one in found] == [
        "2 of the last 4 records become dead letters as metric_type",
        "1 of the last 4 records become dead letters as not_json",
    ]
    assert "the last: metrics: 'latency_ms': '9', expected a number" in found[0]


def test_a_time_that_a_worker_would_refuse_is_left_to_the_findings_about_times() -> None:
    assert refused(sample(ts=NOW_S * 1000.0), sample(ts=NOW_S + 3600.0)) == []
