"""Exports of PagerDuty and Grafana OnCall, and iCalendar files, as shifts."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import orjson
import pytest

from actions.oncall.calendar_file import calendar_schedule
from actions.oncall.foreign import ForeignShift, grafana_schedule, pagerduty_schedule
from tests.actions.oncall.exports import CALENDAR, GRAFANA, PAGERDUTY
from tests.actions.oncall.rosters import local

YEAR = (local("2026-10-01T00:00"), local("2027-10-01T00:00"))
UTC = ZoneInfo("UTC")


def test_the_final_schedule_of_pagerduty_is_read_with_its_zone() -> None:
    found = pagerduty_schedule(orjson.dumps(PAGERDUTY))
    zone = "America/New_York"
    assert (found.zone, found.shifts) == (zone, (
        ForeignShift(("Regina Phalange",), local("2026-11-01", zone), local("2026-11-02", zone)),
    ))


def test_the_final_shifts_of_grafana_are_read() -> None:
    (shift,) = grafana_schedule(orjson.dumps(GRAFANA)).shifts
    assert (shift.names, shift.until_s - shift.from_s) == (("alice@example.com", "alice"), 52 * 3600.0)


@pytest.mark.parametrize(("data", "message"), [
    (b"no", "no JSON"), (b"[]", "the file: list, expected an object"), (b"{}", "schedule: NoneType, expected dict"),
    (orjson.dumps({"schedule": {"final_schedule": {}}}), "with `since` and `until`"),
    (orjson.dumps(PAGERDUTY).replace(b"2026-11-02T00:00:00-05:00", b"2026-11-02"), r"entries\[0\].end '2026-11-02'"),
    (orjson.dumps(PAGERDUTY).replace(b"2026-11-02T00:00:00-05:00", b"2026-10-02T00:00:00Z"), "a time after start"),
    (orjson.dumps(PAGERDUTY).replace(b"summary", b"nothing"), "no user, expected one of email, summary, name"),
])
def test_another_answer_than_that_of_pagerduty_is_refused_with_its_place(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pagerduty_schedule(data)


def test_one_page_of_several_of_grafana_is_refused() -> None:
    with pytest.raises(ValueError, match="expected all shifts on one page"):
        grafana_schedule(orjson.dumps({**GRAFANA, "next": "page2"}))


def test_a_calendar_keeps_local_hours_over_a_change_of_clock_and_follows_exceptions() -> None:
    found = calendar_schedule(CALENDAR, *YEAR, UTC)
    assert found.zone == "Europe/Berlin"
    assert [(shift.names[0], shift.from_s, shift.until_s) for shift in found.shifts] == [
        ("anna@example.com", local("2026-10-19T09:00"), local("2026-10-26T09:00")),
        ("ben", local("2026-11-02T10:00"), local("2026-11-09T09:00")),
        ("anna@example.com", local("2026-11-30T09:00"), local("2026-12-07T09:00")),
    ]
    assert found.shifts[0].names == ("anna@example.com", "On Call - Anna - primary", "On Call", "Anna", "primary")


@pytest.mark.parametrize(("data", "message"), [
    (b"BEGIN:VEVENT\r\n", "no iCalendar file"),
    (CALENDAR.replace(b"DTEND:20261026T090000Z\r\n", b"").replace(b"CANCELLED", b"CONFIRMED"), "no DTEND"),
    (CALENDAR.replace(b"SUMMARY:ben\r\n", b""), "nobody is named"),
])
def test_an_event_that_is_no_shift_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calendar_schedule(data, *YEAR, UTC)
