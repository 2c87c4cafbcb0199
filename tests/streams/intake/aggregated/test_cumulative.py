"""What was added between cumulative readings is what was really added, through resets, cuts and restarts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.intake.aggregated.cumulative import IDLE_S, NS, CumulativeStates, digest
from streams.intake.aggregated.histograms import Buckets, Exponential, Scalar

KEY = digest("one")
BOUNDS = (1.0, 2.0, 4.0)


def state(capacity: int = 100) -> CumulativeStates:
    return CumulativeStates(capacity, Counter())


@dataclass(frozen=True)
class Scrape:
    """What happened in the interval before it: how much was added, and whether the source began anew in it."""

    added: tuple[int, ...]
    restarts: bool
    told_start: bool


scrape = st.builds(Scrape, st.tuples(*[st.integers(0, 50)] * 4), st.booleans(), st.booleans())


def through_a_restart(one: CumulativeStates) -> CumulativeStates:
    other = state(one.capacity)
    other.restore(one.snapshot())
    return other


@settings(max_examples=200, deadline=None)
@given(scrapes=st.lists(scrape, min_size=1, max_size=30), cuts=st.sets(st.integers(0, 30)))
def test_the_differences_are_the_true_additions(scrapes: list[Scrape], cuts: set[int]) -> None:
    """A restart that no start time tells must be one that falls, as nobody could see it otherwise."""
    states, start_ns, counts = state(), NS, [0, 0, 0, 0]
    sums = 0.0
    for number, one in enumerate(scrapes):
        ts_ns = (100 + 15 * number) * NS
        before = list(counts)
        falls = any(new < old for new, old in zip(one.added, before, strict=True))
        restarts = one.restarts and number > 0 and (one.told_start or falls)
        if restarts:
            counts, sums = [0, 0, 0, 0], 0.0
            start_ns = ts_ns - 5 * NS if one.told_start else start_ns
        counts = [old + new for old, new in zip(counts, one.added, strict=True)]
        sums += float(sum(one.added))
        if number in cuts:
            states = through_a_restart(states)
        reading = Buckets(float(sum(counts)), sums, BOUNDS, tuple(map(float, counts)))
        step = states.delta(KEY, ts_ns, start_ns, reading)
        if number == 0:
            assert step is None
            continue
        assert step is not None
        added, span_s = step
        assert added.counts == tuple(map(float, one.added))
        assert (added.count, added.total) == (sum(one.added), sum(one.added))
        assert span_s == (5.0 if restarts and one.told_start else 15.0)


def test_a_reading_at_or_before_the_last_one_is_left_out_and_changes_nothing() -> None:
    states = state()
    states.delta(KEY, 10 * NS, NS, Scalar(5.0))
    assert states.delta(KEY, 10 * NS, NS, Scalar(5.0)) is None
    assert states.delta(KEY, 9 * NS, NS, Scalar(4.0)) is None
    assert states.delta(KEY, 20 * NS, NS, Scalar(8.0)) == (Scalar(3.0), 10.0)
    assert states.skipped == {"first": 1, "stale": 2}


def test_the_first_reading_counts_when_its_series_began_under_our_eyes() -> None:
    assert state().delta(KEY, 20 * NS, 15 * NS, Scalar(3.0), since_ns=10 * NS) == (Scalar(3.0), 5.0)
    assert state().delta(KEY, 20 * NS, 5 * NS, Scalar(3.0), since_ns=10 * NS) is None
    assert state().delta(KEY, 20 * NS, 0, Scalar(3.0), since_ns=10 * NS) is None


def test_a_start_that_equals_the_reading_is_unknown_and_no_reset() -> None:
    """So says a collector that was restarted, of a process that was not."""
    states = state()
    states.delta(KEY, 10 * NS, NS, Scalar(100.0))
    assert states.delta(KEY, 20 * NS, 20 * NS, Scalar(103.0)) == (Scalar(3.0), 10.0)
    assert states.delta(KEY, 30 * NS, 20 * NS, Scalar(104.0)) == (Scalar(1.0), 10.0)
    assert states.skipped["reset"] == 0


def test_other_buckets_begin_a_new_count_without_an_answer() -> None:
    states = state()
    states.delta(KEY, 10 * NS, NS, Buckets(3.0, 3.0, (1.0,), (1.0, 2.0)))
    assert states.delta(KEY, 20 * NS, NS, Buckets(9.0, 9.0, (2.0,), (4.0, 5.0))) is None
    step = states.delta(KEY, 30 * NS, NS, Buckets(10.0, 11.0, (2.0,), (4.0, 6.0)))
    assert step == (Buckets(1.0, 2.0, (2.0,), (0.0, 1.0)), 10.0)
    assert states.skipped["rebased"] == 1


def test_an_exponential_histogram_that_became_coarser_goes_on() -> None:
    states = state()
    states.delta(KEY, 10 * NS, NS, Exponential(3.0, 3.0, 1, 1.0, ((0, 1.0), (1, 1.0))))
    step = states.delta(KEY, 20 * NS, NS, Exponential(6.0, 9.0, 0, 1.0, ((0, 3.0), (3, 2.0))))
    assert step == (Exponential(3.0, 6.0, 0, 0.0, ((0, 1.0), (3, 2.0))), 10.0)


@pytest.mark.parametrize("idle", [True, False])
def test_room_is_made_for_new_series_by_the_idle_or_else_the_oldest(idle: bool) -> None:
    states = state(capacity=4)
    for number in range(4):
        states.delta(digest(number), (10 + number) * NS, NS, Scalar(1.0))
    late_s = IDLE_S + 12.5 if idle else 20.0
    states.delta(digest("new"), int(late_s * NS), NS, Scalar(1.0))
    assert len(states) == (2 if idle else 4)
    assert states.delta(digest(3), int((late_s + 1) * NS), NS, Scalar(2.0)) is not None
    assert states.delta(digest(0), int((late_s + 1) * NS), NS, Scalar(2.0)) is None


def test_a_snapshot_that_does_not_fit_is_refused() -> None:
    states = state()
    states.delta(KEY, 10 * NS, NS, Buckets(3.0, 3.0, (1.0,), (1.0, 2.0)))
    snapshot = states.snapshot()
    with pytest.raises(ValueError, match="expected"):
        state().restore({**snapshot, "number": snapshot["number"][:-1]})
    with pytest.raises(ValueError, match="expected"):
        state().restore({**snapshot, "width": snapshot["width"] - 1, "number": snapshot["number"][:-1]})
    with pytest.raises(LookupError):
        state().restore({})
