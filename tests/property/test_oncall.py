"""A year of random schedules: nobody is on call only where `check` says so, and turns end at their local hour.

Source of the property: section "Escalation" of the design of response. Hypothesis draws zones with and without changes
of clock, handovers at any hour, holidays, hours, fixed shifts, absences, backups in a chain, and overrides.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from actions.oncall.duty import on_call, turn_at, turn_begin_s
from actions.oncall.findings import Reach, findings
from actions.oncall.periods import periods
from actions.oncall.schedule import Absence, Handover, Hours, Roster, Rotation, Schedule, Shift
from classifiers.by_hand import Override

BEGIN = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
DAY_S = 86_400.0
YEAR_S = 365 * DAY_S
PEOPLE = ("anna", "ben", "chi", "dora")
ZONES = (
    "UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/St_Johns", "America/Santiago", "Asia/Tokyo",
    "Asia/Beirut", "Africa/Cairo", "Africa/Casablanca", "Atlantic/Azores", "Australia/Lord_Howe", "Pacific/Apia",
    "Pacific/Chatham", "America/Havana", "Asia/Kathmandu", "Pacific/Kiritimati",
)
HOLIDAYS = ("DE", "DE-BY", "US", "JP", "IN", "BR", "IL")
REACH = Reach({name: {"mail"} for name in PEOPLE}, PEOPLE, {})

instants = st.integers(0, 365 * 24 * 4).map(lambda quarter: BEGIN + quarter * 900.0)
spans = st.tuples(instants, st.integers(1, 21 * 24 * 4)).map(lambda one: (one[0], one[0] + one[1] * 900.0))
minutes = st.integers(0, 95).map(lambda quarter: quarter * 15)


@st.composite
def rotations(draw: st.DrawFn) -> Rotation:
    weekday = draw(st.none() | st.integers(0, 6))
    days = draw(st.integers(1, 28)) if weekday is None else 7 * draw(st.integers(1, 4))
    minute = draw(minutes)
    people = draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4, unique=True))
    first = date(2026, 1, 1) + timedelta(days=draw(st.integers(-400, 400)))
    return Rotation(tuple(people), Handover(time(minute // 60, minute % 60), weekday), days, first)


@st.composite
def schedules(draw: st.DrawFn, name: str, backup: str | None) -> Schedule:
    shifts = draw(st.lists(st.builds(lambda span, who: Shift(who, *span), spans, st.sampled_from(PEOPLE)), max_size=3))
    hours = draw(st.none() | st.builds(
        Hours, st.frozensets(st.integers(0, 6), min_size=1), minutes, st.integers(1, 96).map(lambda one: one * 15),
    ))
    standing = () if hours is None or hours.begin_min == hours.end_min else (hours,)
    holidays = tuple(draw(st.lists(st.sampled_from(HOLIDAYS), max_size=2, unique=True)))
    rotation = draw(rotations()) if not shifts or draw(st.booleans()) else None
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    return Schedule(name, zone, rotation, tuple(shifts), standing, holidays if backup is not None else (), backup)


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    names = ("primary", "second", "third")[: draw(st.integers(1, 3))]
    made = {name: draw(schedules(name, following)) for name, following in zip(names, (*names[1:], None), strict=True)}
    away = {
        who: (Absence(*draw(spans)),) for who in draw(st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True))
    }
    return Roster(made, away)


overrides = st.lists(
    st.builds(
        lambda span, who, at_s: Override("primary", who, span[0], span[1], "anna", span[0] - at_s), spans,
        st.sampled_from(PEOPLE), st.integers(0, 60).map(float),
    ),
    max_size=4,
)


@settings(max_examples=25, deadline=None)
@given(rosters(), overrides, st.lists(instants, min_size=40, max_size=40))
def test_a_year_has_no_gap_and_no_overlap_that_check_does_not_tell(
    people: Roster, given_: list[Override], at: list[float],
) -> None:
    until_s = BEGIN + YEAR_S
    standing = periods(people, given_, "primary", BEGIN, until_s)
    assert (standing[0].from_s, standing[-1].until_s) == (BEGIN, until_s)
    assert all(one.until_s == two.from_s and one.duty != two.duty for one, two in pairwise(standing))
    told = [one for one in findings(people, given_, REACH, BEGIN, until_s) if one.schedule == "primary"]
    edges = [edge for one in standing for edge in (one.from_s, one.until_s - 1.0)]
    for now_s in [one for one in (*at, *edges) if BEGIN <= one < until_s]:
        duty = on_call(people, given_, "primary", now_s)
        (period,) = [one for one in standing if one.from_s <= now_s < one.until_s]
        assert period.duty == duty
        kinds = {one.kind for one in told if one.from_s <= now_s < one.until_s}
        assert ("gap" in kinds) == (duty.person is None)
        first = people.schedules["primary"]
        assert ("overlap" in kinds) == any(len(who) > 1 for who in (
            {one.person for one in first.shifts if one.from_s <= now_s < one.until_s},
            {one.person for one in given_ if one.from_s <= now_s < one.until_s},
        ))
        assert ("unreachable" in kinds) == (duty.person is not None and people.is_away(duty.person, now_s))


@settings(max_examples=60, deadline=None)
@given(rotations(), st.sampled_from(ZONES))
def test_a_turn_ends_at_the_same_local_hour_all_year_unless_the_clock_skips_it(rotation: Rotation, zone: str) -> None:
    schedule = Schedule("primary", ZoneInfo(zone), rotation)
    number = turn_at(schedule, rotation, BEGIN)
    for following in range(number, turn_at(schedule, rotation, BEGIN + YEAR_S) + 1):
        begin_s, end_s = (turn_begin_s(schedule, rotation, one) for one in (following, following + 1))
        assert begin_s < end_s
        assert (turn_at(schedule, rotation, begin_s), turn_at(schedule, rotation, end_s - 1.0)) == (following,) * 2
        local = datetime.fromtimestamp(begin_s, UTC).astimezone(schedule.zone)
        wall = datetime.combine(local.date(), rotation.handover.at, schedule.zone)
        exists = wall.astimezone(UTC).astimezone(schedule.zone).time() == rotation.handover.at
        assert local.time() == rotation.handover.at or not exists
        if rotation.handover.weekday is not None and exists:
            assert local.weekday() == rotation.handover.weekday
