"""Exports of other systems, after their documented answers."""

from __future__ import annotations

PAGERDUTY = {
    "schedule": {
        "id": "PI7DH85", "type": "schedule", "name": "Daily Engineering Rotation", "time_zone": "America/New_York",
        "schedule_layers": [],
        "final_schedule": {
            "name": "Final Schedule", "rendered_coverage_percentage": 100.0,
            "rendered_schedule_entries": [{
                "start": "2026-11-01T00:00:00-04:00", "end": "2026-11-02T00:00:00-05:00",
                "user": {"id": "PXPGF42", "type": "user_reference", "summary": "Regina Phalange"},
            }],
        },
    },
}
GRAFANA = {
    "count": 1, "next": None, "previous": None,
    "results": [{
        "user_pk": "UC2CHRT5SD34X", "user_email": "alice@example.com", "user_username": "alice",
        "shift_start": "2026-10-23T04:00:00Z", "shift_end": "2026-10-25T08:00:00Z",
    }],
}
CALENDAR = b"""BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//example//EN\r
X-WR-TIMEZONE:Europe/Berlin\r
BEGIN:VEVENT\r
UID:1\r
SUMMARY:On Call - Anna - primary\r
ATTENDEE:mailto:anna@example.com\r
DTSTART;TZID=Europe/Berlin:20261019T090000\r
DTEND;TZID=Europe/Berlin:20261026T090000\r
RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20261130T080000Z\r
EXDATE;TZID=Europe/Berlin:20261116T090000\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:1\r
SUMMARY:ben\r
RECURRENCE-ID;TZID=Europe/Berlin:20261102T090000\r
DTSTART;TZID=Europe/Berlin:20261102T100000\r
DTEND;TZID=Europe/Berlin:20261109T090000\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:2\r
SUMMARY:never\r
STATUS:CANCELLED\r
DTSTART:20261019T090000Z\r
DTEND:20261026T090000Z\r
END:VEVENT\r
END:VCALENDAR\r
"""
