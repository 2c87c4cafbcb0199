"""Who is on call now, and until when."""

from __future__ import annotations

from actions.oncall.now import OnCall, on_call_now
from tests.actions.oncall.rosters import local, override, roster, schedule


def test_a_turn_lasts_until_the_hand_over_or_an_override_begins() -> None:
    people = roster(schedule(), schedule("only", people=("chi",)), schedule("none", people=()))
    now_s = local("2026-11-25T12:00")
    primary, only, none = on_call_now(people, (), now_s)
    assert (primary.schedule, primary.until_s) == ("primary", local("2026-11-30T09:00"))
    assert (only.person, only.until_s) == ("chi", None)
    assert (none.person, none.until_s) == (None, None)
    swap = override("dan", "2026-11-26T09:00", "2026-11-26T18:00")
    before, *_ = on_call_now(people, (swap,), now_s)
    assert (before.person, before.until_s) == (primary.person, local("2026-11-26T09:00"))
    during, *_ = on_call_now(people, (swap,), local("2026-11-26T10:00"))
    assert (during.person, during.until_s) == ("dan", local("2026-11-26T18:00"))


def test_an_end_within_four_weeks_is_found_and_a_later_one_is_not() -> None:
    people = roster(schedule(every_days=21))
    (known,) = on_call_now(people, (), local("2026-11-25T12:00"))
    assert isinstance(known, OnCall)
    assert known.until_s is not None
    far = roster(schedule(every_days=364))
    assert on_call_now(far, (), local("2026-02-02T12:00"))[0].until_s is None
