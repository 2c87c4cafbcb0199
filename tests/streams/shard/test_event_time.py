"""Event time follows the records and a steady clock: never ahead of producers, and not held by one that is silent."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.shard.event_time import (
    DELAY_MARGIN,
    FADE_GAP_S,
    HALF_LIFE_S,
    LATENESS_MARGIN,
    LEAST_AGGREGATED_DELAY_S,
    LEAST_DELAY_S,
    LEAST_LATENESS_S,
    OFFSET_WINDOW_S,
    UNKNOWN_DELAY_S,
    USUAL_OF,
    Cadence,
    CadenceParams,
    Lesson,
)
from tests.streams.shard.event_time_owner import BOTH, Owner, T, known, stored

# What is learned.


def test_a_source_of_which_nothing_was_learned_may_be_one_that_flushes_seldom() -> None:
    assert Owner().cadence() == Cadence(UNKNOWN_DELAY_S, LEAST_LATENESS_S)
    assert Owner(CadenceParams(max_idle_after_s=4.0)).cadence() == Cadence(4.0, LEAST_LATENESS_S)


@pytest.mark.parametrize(("aggregated", "delay_s"), [(False, LEAST_DELAY_S), (True, LEAST_AGGREGATED_DELAY_S)])
def test_a_prompt_source_is_given_the_least_delay(aggregated: bool, delay_s: float) -> None:
    owner = Owner(sources={"a": aggregated})
    owner.flush_every(0.1, UNKNOWN_DELAY_S + 0.5)
    assert owner.cadence() == Cadence(delay_s, LEAST_LATENESS_S)


def test_the_first_prompt_batch_of_a_source_does_not_show_how_its_other_producers_deliver() -> None:
    owner = Owner()
    owner.flush_every(0.1, UNKNOWN_DELAY_S - 1.0)
    assert owner.cadence().delay_s == UNKNOWN_DELAY_S
    owner.arrive(owner.steady_s - 20.0, owner.steady_s)
    assert owner.cadence().delay_s == pytest.approx(1.25 * 20.0 + 0.75, abs=0.02)


def test_a_source_is_known_by_time_in_which_it_was_observed_and_not_by_the_clock() -> None:
    owner = Owner()
    owner.flush_every(0.1, 1.0)
    owner.steady_s += 100.0
    assert owner.cadence().delay_s == UNKNOWN_DELAY_S
    first = Owner()
    first.flush_every(0.1, 8.0)
    second = Owner(steady_s=1e6)
    second.time.restore(stored(first), second.steady_s)
    second.steady_s += 100.0
    second.arrive(second.steady_s, second.steady_s)
    assert second.cadence().delay_s == UNKNOWN_DELAY_S
    second.flush_every(0.1, 3.0)
    assert second.cadence().delay_s == LEAST_DELAY_S


@pytest.mark.parametrize(("period_s", "delay_s"), [(0.02, 1.0), (0.5, 1.375), (2.0, 3.25), (6.0, 8.25), (15.0, 19.5)])
def test_the_delay_is_that_of_the_oldest_record_of_a_batch_with_a_margin(period_s: float, delay_s: float) -> None:
    owner = Owner()
    owner.flush_every(period_s, 60.0)
    assert owner.cadence().delay_s == pytest.approx(delay_s, abs=0.02)


def test_disorder_within_a_batch_and_between_batches_is_learned_with_a_margin() -> None:
    within, between = Owner(), Owner()
    within.arrive(0.0, 5.0, disorder_s=4.0)
    between.arrive(0.0, 5.0)
    between.arrive(1.0, 2.0)
    for owner in (within, between):
        assert owner.cadence().lateness_s == pytest.approx(1.1 * 4.0 + 0.25)


def test_a_delay_is_never_shorter_than_the_disorder_that_a_backlog_showed() -> None:
    """Two producers of one source: one flushes every 6 s, and the first batch to be learned from is the other's."""
    owner = Owner()
    owner.arrive(-75.0, 0.0, disorder_s=6.0, lesson="order")
    owner.flush_every(0.1, UNKNOWN_DELAY_S + 0.5)
    assert owner.cadence().delay_s == pytest.approx(8.25, abs=0.6)


def test_the_first_batch_has_no_disorder_against_anything_before_it() -> None:
    owner = Owner()
    owner.arrive(0.0, 5.0)
    assert owner.cadence().lateness_s == LEAST_LATENESS_S


def test_what_was_learned_fades_by_half_in_the_half_life_and_never_below_the_least() -> None:
    owner = Owner()
    owner.steady_s = 8.0
    owner.arrive(0.0, 8.0, disorder_s=4.0)
    owner.flush_every(0.5, HALF_LIFE_S)
    assert owner.cadence().delay_s == pytest.approx(1.25 * 4.0 + 0.75)
    assert owner.cadence().lateness_s == pytest.approx(1.1 * 2.0 + 0.25)
    owner.flush_every(0.1, 10.0 * HALF_LIFE_S)
    assert owner.cadence() == Cadence(LEAST_DELAY_S, LEAST_LATENESS_S)


def test_what_was_learned_does_not_fade_while_nothing_is_learned() -> None:
    owner = Owner()
    owner.steady_s = 8.0
    owner.arrive(0.0, 8.0, disorder_s=4.0)
    owner.steady_s += FADE_GAP_S
    faded = owner.cadence()
    owner.steady_s += 100.0 * HALF_LIFE_S
    assert owner.cadence() == faded


def test_a_smaller_value_does_not_replace_a_larger_one_and_a_larger_one_does_at_once() -> None:
    owner = known()
    for delay_s, expected_s in ((4.0, 4.0), (1.0, 4.0), (8.0, 8.0)):
        owner.arrive(owner.steady_s - delay_s, owner.steady_s)
        assert owner.cadence().delay_s == pytest.approx(1.25 * expected_s + 0.75, abs=0.02)


def test_the_configuration_bounds_what_is_learned() -> None:
    owner = Owner(CadenceParams(max_lateness_s=2.0, max_idle_after_s=5.0))
    owner.steady_s = 500.0
    owner.arrive(0.0, 500.0, disorder_s=400.0)
    assert owner.cadence() == Cadence(5.0, 2.0)


def test_a_number_in_the_configuration_takes_the_place_of_learning() -> None:
    owner = Owner(CadenceParams(lateness_s=0.1, idle_after_s=7.0), {"a": True})
    owner.steady_s = 500.0
    owner.arrive(0.0, 500.0, disorder_s=400.0)
    assert owner.cadence() == Cadence(7.0, 0.1)


def test_nothing_is_learned_of_a_backlog_but_the_highest_timestamp() -> None:
    owner = known()
    owner.steady_s = 500.0
    owner.arrive(0.0, 400.0, disorder_s=40.0, lesson="order")
    assert owner.cadence() == Cadence(LEAST_DELAY_S, LEAST_LATENESS_S)
    assert owner.until_s(at_end=frozenset()) == pytest.approx(400.0 - LEAST_LATENESS_S)


def test_of_a_source_that_is_not_known_yet_the_order_in_a_backlog_is_learned() -> None:
    owner = Owner()
    owner.steady_s = 500.0
    owner.arrive(0.0, 400.0, disorder_s=4.0, lesson="order")
    assert owner.cadence() == Cadence(UNKNOWN_DELAY_S, pytest.approx(1.1 * 4.0 + 0.25))  # type: ignore[arg-type]


def test_what_producers_deliver_after_they_were_cut_off_teaches_not_even_order() -> None:
    owner = Owner()
    owner.steady_s = 30.0
    owner.arrive(0.0, 29.0, disorder_s=20.0, lesson="nothing")
    owner.flush_every(0.1, UNKNOWN_DELAY_S + 0.5)
    assert owner.cadence() == Cadence(LEAST_DELAY_S, LEAST_LATENESS_S)


# Up to where windows close.


def test_records_alone_let_windows_close_up_to_the_newest_less_the_lateness() -> None:
    owner = Owner()
    owner.arrive(0.0, 9.0)
    assert owner.until_s(at_end=frozenset()) == pytest.approx(8.5)


@pytest.mark.parametrize("period_s", [0.02, 2.0, 6.0])
def test_a_source_at_its_end_is_silent_after_its_delay_and_not_before(period_s: float) -> None:
    """The time that passed without a record counts less the delay, so a slow producer is not taken for a silent one."""
    owner = Owner()
    owner.flush_every(period_s, 60.0)
    last_s = owner.steady_s
    for waited_s in (0.0, 0.9 * period_s, period_s, 1.25 * period_s + 0.8, 20.0):
        owner.steady_s = last_s + waited_s
        until_s = owner.until_s()
        assert until_s is not None
        assert until_s == pytest.approx(max(last_s - 0.51, owner.steady_s - owner.cadence().delay_s), abs=0.15)
        assert waited_s > period_s or until_s <= last_s


def test_a_source_that_is_not_at_its_end_holds_windows_for_ever() -> None:
    owner = Owner()
    owner.flush_every(0.1, 10.0)
    owner.steady_s += 3600.0
    assert owner.until_s(at_end=frozenset()) == pytest.approx(9.5, abs=0.05)


def test_without_a_judgement_of_silence_only_records_move_time() -> None:
    owner = Owner()
    owner.flush_every(0.1, 10.0)
    owner.steady_s += 3600.0
    assert owner.until_s(judge_silence=False) == pytest.approx(9.5, abs=0.05)


def test_the_slowest_of_several_sources_holds_the_others_back() -> None:
    owner = Owner(sources={"a": False, "b": False})
    owner.arrive(0.0, 9.0, "a")
    assert owner.until_s(at_end=frozenset({"a"}), judge_silence=False) is None
    owner.arrive(0.0, 4.0, "b")
    assert owner.until_s(at_end=BOTH, judge_silence=False) == pytest.approx(3.5)


def test_the_silence_of_one_source_does_not_hold_the_others_longer_than_its_delay() -> None:
    owner = Owner(sources={"a": False, "b": False})
    owner.flush_every(0.1, UNKNOWN_DELAY_S + 0.5, source="b")
    owner.flush_every(0.1, 30.0, source="a")
    until_s = owner.until_s(at_end=BOTH)
    assert until_s == pytest.approx(owner.steady_s - LEAST_DELAY_S, abs=0.05)
    assert owner.time.silent(owner.steady_s, BOTH) == ("b",)
    assert owner.time.silent(owner.steady_s, frozenset({"a"})) == ()


def test_an_empty_source_that_is_read_to_its_end_holds_nothing_and_one_of_unknown_end_everything() -> None:
    owner = Owner(sources={"a": False, "b": False})
    owner.arrive(0.0, 9.0, "a")
    assert owner.until_s(at_end=frozenset({"b"})) == pytest.approx(8.5)
    assert owner.until_s(at_end=frozenset()) is None
    assert owner.time.silent(1e6, BOTH) == ("a",)


def test_without_any_record_there_is_no_event_time() -> None:
    assert Owner().until_s() is None
    assert Owner(sources={}).until_s() is None


# Clocks.


@pytest.mark.parametrize("step_s", [-86_400.0, -30.0, 30.0, 86_400.0])
def test_a_step_of_our_wall_clock_makes_nobody_silent(step_s: float) -> None:
    owner = Owner()
    owner.flush_every(1.0, 60.0)
    before_s = owner.until_s()
    owner.ahead_s = step_s
    after_s = owner.until_s()
    assert before_s is not None
    assert after_s is not None
    assert after_s <= before_s
    owner.flush_every(1.0, 10.0)
    assert owner.until_s() == pytest.approx(owner.steady_s - 0.5, abs=0.2)


def test_our_clock_bounds_a_producer_whose_clock_is_ahead_so_that_the_others_are_not_late() -> None:
    owner = Owner()
    owner.arrive(0.0, 0.0)
    owner.steady_s = 1.0
    owner.arrive(0.5, 1.0 + 20.0)
    owner.steady_s = 5.0
    assert owner.time.producers_now_s(5.0, owner.wall_s) == T + 5.0
    assert owner.time.latest_now_s(5.0, owner.wall_s) == T + 25.0


@pytest.mark.parametrize("oldest_s", [0.0, 240.0])
def test_a_record_far_ahead_of_all_others_moves_no_event_time_and_teaches_nothing(oldest_s: float) -> None:
    owner = known()
    owner.asks_clock = True
    cadence = owner.cadence()
    owner.arrive(owner.steady_s + oldest_s, owner.steady_s + 240.0, disorder_s=240.0 - oldest_s)
    owner.flush_every(0.1, 5.0)
    assert owner.until_s() == pytest.approx(owner.steady_s - LEAST_LATENESS_S, abs=0.2)
    assert owner.time.latest_now_s(owner.steady_s, owner.wall_s) == pytest.approx(owner.wall_s, abs=0.1)
    assert owner.cadence() == cadence


def test_one_producer_of_several_whose_clock_is_always_ahead_makes_nobody_late() -> None:
    owner = known()
    owner.asks_clock = True
    for _ in range(600):
        owner.steady_s += 0.1
        owner.arrive(owner.steady_s - 0.1, owner.steady_s + 240.0, disorder_s=240.0)
    assert owner.until_s() == pytest.approx(owner.steady_s - LEAST_LATENESS_S, abs=0.3)
    assert owner.cadence().lateness_s == LEAST_LATENESS_S


def test_event_time_follows_most_producers_where_our_own_clock_is_behind() -> None:
    owner = Owner(ahead_s=-3600.0, asks_clock=True)
    owner.flush_every(0.1, 20.0)
    assert owner.until_s() == pytest.approx(owner.steady_s - LEAST_LATENESS_S, abs=0.2)


def test_a_producer_whose_clock_is_behind_is_silent_by_its_own_clock() -> None:
    owner = Owner()
    owner.flush_every(0.1, 60.0, clock_ahead_s=-40.0)
    owner.steady_s += 10.0
    assert owner.until_s() == pytest.approx(owner.steady_s - 40.0 - LEAST_DELAY_S, abs=0.05)
    assert owner.cadence().delay_s == LEAST_DELAY_S


def test_a_clock_that_was_ahead_once_is_forgotten_after_two_windows_of_the_estimate() -> None:
    owner = Owner()
    owner.flush_every(1.0, 5.0, clock_ahead_s=25.0)
    owner.flush_every(1.0, 2.0 * OFFSET_WINDOW_S + 2.0)
    assert owner.time.latest_now_s(owner.steady_s, 0.0) == pytest.approx(owner.wall_s, abs=0.05)


def test_before_any_arrival_the_time_is_ours() -> None:
    owner = Owner()
    assert owner.time.producers_now_s(0.0, T) == owner.time.latest_now_s(0.0, T) == T


def test_no_wall_clock_moves_event_time_before_a_new_owner_has_seen_an_arrival() -> None:
    """The producers' clocks showed at least the newest timestamp that was read, and they go on from there."""
    first = Owner()
    first.flush_every(0.1, 60.0, clock_ahead_s=-2.0)
    second = Owner(steady_s=1e6, ahead_s=3600.0 - 1e6)
    second.time.restore(stored(first), second.steady_s)
    newest_s = first.steady_s - 2.01
    assert second.until_s() == pytest.approx(newest_s - LEAST_LATENESS_S)
    second.steady_s += 10.0
    assert second.until_s() == pytest.approx(newest_s + 10.0 - LEAST_DELAY_S)


def test_the_time_of_a_tick_is_never_behind_the_records() -> None:
    """Else the records after a take-over would be from the future for a machine whose clock is behind."""
    owner = Owner(steady_s=10.0, ahead_s=-600.0)
    owner.arrive(0.0, 10.0, lesson="order")
    assert owner.time.latest_now_s(10.0, owner.wall_s) == T + 10.0


def test_records_of_a_backlog_give_an_estimate_that_is_only_too_low() -> None:
    owner = Owner(steady_s=500.0)
    owner.arrive(0.0, 400.0, lesson="order")
    assert owner.time.producers_now_s(500.0, owner.wall_s) == T + 400.0
    owner.arrive(0.0, 499.0, lesson="order")
    assert owner.time.producers_now_s(500.0, owner.wall_s) == T + 499.0


arrivals = st.lists(st.tuples(
    st.floats(0.0, 20.0), st.sampled_from(["a", "b"]), st.floats(-30.0, 30.0), st.floats(0.0, 30.0),
    st.floats(0.0, 10.0), st.sampled_from(get_args(Lesson)), st.floats(-100.0, 100.0),
), max_size=12)


@given(arrivals)
def test_windows_never_close_ahead_of_all_clocks_and_never_before_a_busy_source(
    steps: list[tuple[float, str, float, float, float, Lesson, float]],
) -> None:
    owner, newest = Owner(sources={"a": False, "b": False}), dict[str, float]()
    for waited_s, source, skew_s, span_s, disorder_s, lesson, ahead_s in steps:
        owner.steady_s += waited_s
        owner.ahead_s = ahead_s
        newest_s = owner.steady_s + skew_s
        owner.arrive(newest_s - span_s, newest_s, source, min(disorder_s, span_s), lesson)
        newest[source] = max(newest.get(source, newest_s), newest_s)
        at_end = owner.until_s(at_end=BOTH)
        assert at_end is not None
        assert at_end <= max(*newest.values(), owner.wall_s - T)
        busy = owner.until_s(at_end=frozenset(BOTH - {source}))
        assert busy is None or busy <= newest[source] - LEAST_LATENESS_S + 1e-6


def test_a_stray_teaches_nothing_and_its_batch_does() -> None:
    owner = known()
    now_s = owner.steady_s
    owner.arrive_each(-259_200.0)
    owner.arrive_each(now_s, -259_200.0, now_s - 0.3)
    assert owner.cadence().lateness_s == pytest.approx(LATENESS_MARGIN * 0.3 + 0.25)
    assert owner.cadence().delay_s == pytest.approx(DELAY_MARGIN * 0.3 + 0.75)
    owner.steady_s += 0.1
    owner.arrive_each(owner.steady_s)
    assert owner.until_s(at_end=frozenset()) == pytest.approx(owner.steady_s - LATENESS_MARGIN * 0.3 - 0.25, abs=0.01)


def test_one_producer_in_ten_whose_clock_is_behind_holds_back_nobody() -> None:
    owner = known()
    for number in range(200):
        owner.steady_s += 0.1
        owner.arrive_each(owner.steady_s - (90.0 if number % 10 == 0 else 0.0))
    assert owner.cadence().lateness_s == LEAST_LATENESS_S


def test_where_most_clocks_are_set_back_silence_is_not_judged_by_those_that_are_not() -> None:
    owner = known()
    for _ in range(USUAL_OF):
        owner.steady_s += 0.1
        owner.arrive_each(owner.steady_s - 90.0)
    assert owner.cadence().delay_s >= 90.0
    assert owner.cadence().lateness_s == CadenceParams().max_lateness_s


def test_what_is_learned_is_bounded_before_it_fades() -> None:
    owner = known()
    owner.arrive(owner.steady_s - 5000.0, owner.steady_s, disorder_s=5000.0)
    at_s = owner.steady_s
    while owner.steady_s < at_s + HALF_LIFE_S:
        owner.steady_s += 1.0
        owner.arrive(owner.steady_s, owner.steady_s)
    assert owner.cadence().lateness_s == pytest.approx(LATENESS_MARGIN * 30.0 + 0.25, rel=0.02)
    assert owner.cadence().delay_s == pytest.approx(DELAY_MARGIN * 60.0 + 0.75, rel=0.02)
