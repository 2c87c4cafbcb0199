from __future__ import annotations

from faust.types import TP

from streams.transport.unassigned import MAX_REQUESTS, Unassigned

A, B = TP("m", 0), TP("m", 1)
NONE: frozenset[TP] = frozenset()


def test_what_nobody_has_at_the_start_is_asked_for_at_once() -> None:
    assert Unassigned().observe({A, B}) == {A, B}


def test_later_the_leader_of_the_group_has_time_to_notice_it() -> None:
    unassigned = Unassigned()
    found = [unassigned.observe(each) for each in (NONE, {A}, {A, B}, {B}, NONE, {B})]
    assert found == [NONE, NONE, {A}, {B}, NONE, NONE]


def test_where_a_rebalance_does_not_help_it_is_not_asked_for_for_ever() -> None:
    unassigned = Unassigned()
    found = [unassigned.observe({A}) for _ in range(MAX_REQUESTS + 2)]
    assert found == [{A}] * MAX_REQUESTS + [NONE] * 2
    unassigned.observe(NONE)
    unassigned.observe({A})
    assert unassigned.observe({A}) == {A}
