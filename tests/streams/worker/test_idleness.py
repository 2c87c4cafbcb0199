from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.worker.idleness import Idleness, Reading

offsets = st.none() | st.integers(0, 5)
readings = st.builds(Reading, offsets, offsets)
steps = st.lists(st.tuples(st.floats(0.0, 4.0), st.booleans(), readings), max_size=12)


@given(steps)
def test_only_a_source_known_to_be_read_to_its_end_is_ever_idle(steps: list[tuple[float, bool, Reading]]) -> None:
    idleness, now_s = Idleness(3.0), 1000.0
    for wait_s, arrived, reading in steps:
        now_s += wait_s
        if arrived:
            idleness.observe(0, "a", now_s)
        idle = idleness.idle(0, {"a": reading}, now_s)
        assert not idle or (reading.lag == 0 and idle == {"a"})


@given(st.floats(0.0, 10.0), st.integers(1, 9))
def test_a_source_is_idle_from_idle_s_after_its_last_batch_on(wait_s: float, end: int) -> None:
    idleness = Idleness(3.0)
    idleness.observe(0, "a", 1000.0)
    now_s = 1000.0 + wait_s
    assert bool(idleness.idle(0, {"a": Reading(end, end)}, now_s)) == (now_s - 1000.0 >= 3.0)


def test_a_source_that_has_no_record_at_all_is_idle_at_once() -> None:
    assert Idleness(3.0).idle(0, {"a": Reading(0, 0)}, 1000.0) == {"a"}


def test_a_source_that_an_earlier_owner_read_is_idle_after_idle_s() -> None:
    idleness = Idleness(3.0)
    assert idleness.idle(0, {"a": Reading(7, 7)}, 1000.0) == frozenset()
    assert idleness.idle(0, {"a": Reading(7, 7)}, 1003.0) == {"a"}


def test_a_shard_that_is_assigned_again_starts_from_the_beginning() -> None:
    idleness = Idleness(3.0)
    idleness.observe(0, "a", 1000.0)
    idleness.forget([0])
    assert idleness.idle(0, {"a": Reading(7, 7)}, 1004.0) == frozenset()


@given(readings)
def test_lag_is_unknown_or_at_least_zero(reading: Reading) -> None:
    assert (reading.lag is None) == (reading.processed is None or reading.highwater is None)
    assert reading.lag is None or reading.lag >= 0
