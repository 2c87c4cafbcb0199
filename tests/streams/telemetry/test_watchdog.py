"""The table of conditions, one test per row, and properties of any history."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.telemetry.watchdog import ProgressWatchdog

A = ("metrics", 0)


def conditions(watchdog: ProgressWatchdog, now_s: float) -> list[str]:
    return [status.condition for status in watchdog.statuses(now_s)]


#   time    0     10     19     20
#   waits   5 ------------------------
#   verdict working ... working stalled
def test_records_that_wait_without_progress_stall_a_partition() -> None:
    watchdog = ProgressWatchdog(stall_after_s=20.0)
    for now_s in (0.0, 10.0, 19.0, 20.0):
        watchdog.observe(now_s, A, 100, 105)

    assert conditions(watchdog, 19.0) == ["working"]
    assert conditions(watchdog, 20.0) == ["stalled"]
    assert watchdog.complaints(20.0) == ("metrics-0: 5 records wait, none processed for 20.0 s",)


def test_an_idle_partition_never_stalls() -> None:
    watchdog = ProgressWatchdog(stall_after_s=20.0)
    for now_s in range(0, 1000, 10):
        watchdog.observe(float(now_s), A, 100, 100)

    assert conditions(watchdog, 1000.0) == ["idle"]


#   time    0 ... 500   510    529    530
#   waits   0     0     7      7      7
def test_the_clock_of_a_stall_starts_with_the_first_record_that_waits() -> None:
    watchdog = ProgressWatchdog(stall_after_s=20.0)
    watchdog.observe(0.0, A, 100, 100)
    watchdog.observe(500.0, A, 100, 100)
    watchdog.observe(510.0, A, 100, 107)
    watchdog.observe(529.0, A, 100, 107)

    assert conditions(watchdog, 529.0) == ["working"]
    assert conditions(watchdog, 530.0) == ["stalled"]


def test_progress_clears_a_stall_even_while_more_waits() -> None:
    watchdog = ProgressWatchdog(stall_after_s=20.0)
    watchdog.observe(0.0, A, 100, 500)
    watchdog.observe(30.0, A, 101, 900)

    assert conditions(watchdog, 30.0) == ["working"]


def test_a_rewind_after_a_rebalance_counts_as_progress() -> None:
    watchdog = ProgressWatchdog(stall_after_s=20.0)
    watchdog.observe(0.0, A, 100, 500)
    watchdog.observe(19.0, A, 40, 500)

    assert conditions(watchdog, 30.0) == ["working"]


@pytest.mark.parametrize(("position", "highwater"), [(None, None), (5, None), (None, 5)])
def test_a_partition_whose_numbers_stay_unknown_is_blind(position: int | None, highwater: int | None) -> None:
    watchdog = ProgressWatchdog(stall_after_s=20.0)
    for now_s in (0.0, 10.0, 20.0):
        watchdog.observe(now_s, A, position, highwater)

    assert conditions(watchdog, 19.0) == ["working"]
    assert conditions(watchdog, 20.0) == ["blind"]


def test_a_watchdog_without_observations_complains() -> None:
    watchdog = ProgressWatchdog(stall_after_s=20.0)
    watchdog.observe(0.0, A, 100, 100)

    assert watchdog.complaints(25.0) == ("metrics-0: position and end of log unknown for 25.0 s",)


def test_losing_the_numbers_does_not_hide_records_that_wait() -> None:
    watchdog = ProgressWatchdog(stall_after_s=20.0)
    watchdog.observe(0.0, A, 100, 105)
    watchdog.observe(15.0, A, None, None)

    assert conditions(watchdog, 20.0) == ["stalled"]


def test_a_revoked_partition_is_not_watched() -> None:
    watchdog = ProgressWatchdog(stall_after_s=20.0)
    watchdog.observe(0.0, A, 100, 105)
    watchdog.revoke([A, ("never", 1)])

    assert watchdog.complaints(99.0) == ()


def test_a_stall_time_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="stall_after_s: 0"):
        ProgressWatchdog(stall_after_s=0.0)


steps = st.lists(st.tuples(st.floats(0.1, 10.0), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


@given(steps)
def test_a_stall_means_the_position_stood_still_for_the_whole_time(history: list[tuple[float, int, int]]) -> None:
    watchdog = ProgressWatchdog(stall_after_s=20.0)
    now_s, position, highwater, moved_s = 0.0, 0, 0, 0.0
    for gap_s, processed, arrived in history:
        now_s += gap_s
        highwater += arrived
        if (advanced := min(position + processed, highwater)) != position:
            position, moved_s = advanced, now_s
        watchdog.observe(now_s, A, position, highwater)
        status = watchdog.statuses(now_s)[0]
        assert status.condition != "blind"
        if status.condition == "stalled":
            assert now_s - moved_s >= 20.0 - 1e-6
            assert highwater > position


@given(steps)
def test_standing_still_with_records_waiting_always_ends_in_a_stall(history: list[tuple[float, int, int]]) -> None:
    watchdog = ProgressWatchdog(stall_after_s=20.0)
    now_s, highwater = 0.0, 1
    for gap_s, _, arrived in history:
        watchdog.observe(now_s, A, 0, highwater)
        now_s, highwater = now_s + gap_s, highwater + arrived

    assert conditions(watchdog, 1e6) == ["stalled"]
