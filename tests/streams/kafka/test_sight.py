from __future__ import annotations

import pytest
from faust.types import TP

from streams.kafka.sight import LEASE_MARGIN_S, RECENT_S, Sight

HERE, ELSEWHERE = TP("m", 0), TP("m", 1)
SESSION_S = 6.0


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sight(clock: Clock) -> Sight:
    return Sight(SESSION_S, clock)


def at_end(sight: Sight, clock: Clock) -> None:
    """The last fetch was answered now, and all of its ten records were handed out."""
    sight.answered(HERE, clock.now_s, stable=10, highwater=10)
    sight.drained(HERE, position=10, next_offset=10)


def test_without_an_answer_nothing_is_certain(sight: Sight) -> None:
    assert not sight.holds_lease()
    assert sight.answered_s(HERE) is None
    assert sight.end(HERE) is None
    assert not sight.sees(HERE)
    assert not sight.at_end(HERE, 0)
    assert sight.position(HERE, 7) == 7


def test_the_lease_lasts_a_session_without_its_margin_from_the_sending_of_the_heartbeat(
    sight: Sight, clock: Clock,
) -> None:
    sight.renew(clock.now_s - 1.0)
    clock.now_s += SESSION_S - LEASE_MARGIN_S - 1.1
    assert sight.holds_lease()
    clock.now_s += 0.2
    assert not sight.holds_lease()


def test_a_heartbeat_answered_after_a_stop_of_the_process_renews_nothing(sight: Sight, clock: Clock) -> None:
    sent_s = clock.now_s
    clock.now_s += 10.0
    sight.renew(sent_s)
    assert not sight.holds_lease()


def test_a_member_that_was_removed_has_no_lease_until_it_is_renewed(sight: Sight, clock: Clock) -> None:
    sight.renew(clock.now_s)
    sight.lose_lease()
    assert not sight.holds_lease()
    sight.renew(clock.now_s)
    assert sight.holds_lease()


def test_at_the_end_is_only_what_a_recent_fetch_proves(sight: Sight, clock: Clock) -> None:
    at_end(sight, clock)
    assert sight.at_end(HERE, 10)
    assert not sight.at_end(ELSEWHERE, 10)
    clock.now_s += RECENT_S
    assert not sight.at_end(HERE, 10)


def test_a_fetch_sent_before_a_stop_proves_nothing_when_its_answer_is_found_after_it(
    sight: Sight, clock: Clock,
) -> None:
    sent_s = clock.now_s
    clock.now_s += 10.0
    sight.answered(HERE, sent_s, stable=10, highwater=10)
    sight.drained(HERE, 10, 10)
    assert not sight.at_end(HERE, 10)
    assert not sight.sees(HERE)


def test_records_that_were_fetched_but_not_handed_out_are_not_the_end(sight: Sight, clock: Clock) -> None:
    at_end(sight, clock)
    sight.answered(HERE, clock.now_s, stable=11, highwater=11)
    assert not sight.at_end(HERE, 10)
    assert sight.end(HERE) == 11


def test_records_that_were_handed_out_but_not_processed_are_not_the_end(sight: Sight, clock: Clock) -> None:
    at_end(sight, clock)
    assert not sight.at_end(HERE, 9)
    assert sight.position(HERE, 9) == 9


def test_the_position_passes_markers_once_all_records_before_them_are_processed(sight: Sight, clock: Clock) -> None:
    sight.answered(HERE, clock.now_s, stable=12, highwater=12)
    sight.drained(HERE, 11, 10)
    sight.drained(HERE, 12, None)
    assert not sight.at_end(HERE, 9)
    assert sight.at_end(HERE, 10)
    assert sight.position(HERE, 10) == 12


def test_a_log_of_markers_alone_is_read_to_its_end_without_a_record(sight: Sight, clock: Clock) -> None:
    sight.answered(HERE, clock.now_s, stable=8, highwater=8)
    assert not sight.at_end(HERE, 5)
    sight.drained(HERE, 8, None)
    assert sight.at_end(HERE, 5)


def test_an_open_transaction_hides_the_end_once_it_lasts(sight: Sight, clock: Clock) -> None:
    at_end(sight, clock)
    sight.answered(HERE, clock.now_s, stable=10, highwater=20)
    assert sight.at_end(HERE, 10)
    clock.now_s += RECENT_S
    sight.answered(HERE, clock.now_s, stable=10, highwater=30)
    assert not sight.at_end(HERE, 10)
    sight.answered(HERE, clock.now_s, stable=30, highwater=31)
    sight.drained(HERE, 30, 29)
    assert sight.at_end(HERE, 29)


def test_a_backlog_is_not_blindness(sight: Sight, clock: Clock) -> None:
    sight.answered(HERE, clock.now_s, stable=10, highwater=10)
    clock.now_s += RECENT_S
    assert not sight.sees(HERE)
    sight.delivered(HERE)
    assert sight.sees(HERE)
    assert not sight.at_end(HERE, 0)
    clock.now_s += RECENT_S
    assert not sight.sees(HERE)


def test_a_new_assignment_begins_without_sight(sight: Sight, clock: Clock) -> None:
    at_end(sight, clock)
    sight.delivered(HERE)
    sight.forget()
    assert not sight.sees(HERE)
    assert not sight.at_end(HERE, 10)
    assert sight.position(HERE, 3) == 3
