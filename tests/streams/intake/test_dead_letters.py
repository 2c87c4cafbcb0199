"""Headers of dead letters, and the ratio and volume at which the brake trips."""

from __future__ import annotations

import pytest

from streams.intake.dead_letters import Brake, DeadLetter, headers
from tests.streams.records import FakeRecord

DEAD = DeadLetter(
    "not_json", "value: b'{': expected JSON", 1, FakeRecord(
        b"{", 42, timestamp=1000, key=b"k", headers=(("traceparent", b"00-1"), ("__streams.errors.topic", b"earlier")),
    ),
)


def test_headers_are_those_of_kafka_streams_beside_the_original_ones() -> None:
    assert headers(DEAD, "inference.latency", 3) == [
        ("traceparent", b"00-1"),
        ("__streams.errors.exception", b"not_json"),
        ("__streams.errors.message", b"value: b'{': expected JSON"),
        ("__streams.errors.topic", b"inference.latency"),
        ("__streams.errors.partition", b"3"),
        ("__streams.errors.offset", b"42"),
    ]


BRAKES: list[tuple[str, list[tuple[int, int]], bool]] = [
    ("all good", [(1000, 0)], False),
    ("all bad but too few", [(99, 99)], False),
    ("all bad", [(100, 100)], True),
    ("exactly the ratio", [(200, 100)], False),
    ("one more than the ratio", [(200, 101)], True),
    ("bad ones long ago are forgotten", [(90, 90), (1000, 0), (100, 60)], False),
    ("good ones long ago are forgotten", [(5000, 0), (1000, 600)], True),
    ("nothing", [(0, 0)], False),
]


@pytest.mark.parametrize(("name", "batches", "trips"), BRAKES, ids=[case[0] for case in BRAKES])
def test_the_brake_trips_when_too_many_of_the_last_records_are_bad(
    name: str, batches: list[tuple[int, int]], trips: bool,
) -> None:
    brake = Brake(max_ratio=0.5, window=1000, min_volume=100)
    for count, bad in batches:
        brake.observe(count, [DEAD] * bad)

    assert (brake.reason is not None) is trips, name


def test_a_tripped_brake_says_why_and_stays_tripped() -> None:
    brake = Brake()
    reason = brake.observe(100, [DEAD] * 90)
    brake.observe(10_000, [])

    assert reason is not None
    assert reason.startswith("90 of the last 100 records are malformed")
    assert "not_json: value: b'{'" in reason
    assert brake.reason == reason


def test_a_brake_that_could_never_work_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 < max_ratio <= 1"):
        Brake(max_ratio=0.0)
