"""`tocsin oncall`: what it shows, finds and imports, without a broker."""

from __future__ import annotations

from pathlib import Path

import orjson
from click.testing import CliRunner, Result

from config import load
from streams.cli import main
from tests.actions.oncall.exports import CALENDAR, GRAFANA, PAGERDUTY
from tests.streams.cli.commands import one_message

SITE = """\
version: 1
people:
  anna: {roles: [responder], mail: anna@example.com}
  ben: {roles: [responder], mail: ben@example.com}
  chi: {roles: [responder], mail: alice@example.com}
schedules:
  primary: {tz: Europe/Berlin, people: [anna, ben], handover: "mon 09:00", every: 1w, holidays: DE, backup: asia}
  asia: {tz: Asia/Tokyo, people: [chi], handover: "mon 09:00", every: 1w}
"""


def oncall(tmp_path: Path, *arguments: str, site: str = SITE) -> Result:
    file = tmp_path / "site.yaml"
    file.write_text(site)
    return CliRunner().invoke(main, ["oncall", *arguments, "--config", str(file)])


def test_turns_are_shown_at_the_same_local_hour_over_both_changes_of_clock(tmp_path: Path) -> None:
    spring = oncall(tmp_path, "show", "primary", "--offline", "--from", "2026-03-23T09:00", "--to", "2026-04-03")
    assert spring.stdout.splitlines() == [
        "Mon 2026-03-23 09:00 +0100 to Mon 2026-03-30 09:00 +0200  anna  rotation",
        "Mon 2026-03-30 09:00 +0200 to Fri 2026-04-03 00:00 +0200  ben  rotation",
    ]
    autumn = oncall(tmp_path, "show", "primary", "--offline", "--from", "2026-10-19T09:00", "--to", "2026-11-02T09:00")
    assert [line[:56] for line in autumn.stdout.splitlines()] == [
        "Mon 2026-10-19 09:00 +0200 to Mon 2026-10-26 09:00 +0100",
        "Mon 2026-10-26 09:00 +0100 to Mon 2026-11-02 09:00 +0100",
    ]


def test_one_time_is_answered_with_the_reason_in_text_and_json(tmp_path: Path) -> None:
    at = ("show", "primary", "--offline", "--at", "2026-04-03T12:00")
    assert "chi  rotation of asia: holiday Good Friday" in oncall(tmp_path, *at).stdout
    found = orjson.loads(oncall(tmp_path, *at, "--json").stdout)
    assert (found["person"], found["schedule"], found["from_s"]) == ("chi", "asia", 1775210400.0)


def test_a_schedule_that_is_none_and_times_that_cannot_be_are_told(tmp_path: Path) -> None:
    one_message(oncall(tmp_path, "show", "secondary", "--offline"), "'secondary'", "primary, asia")
    backwards = oncall(tmp_path, "show", "primary", "--offline", "--from", "2026-03-02", "--to", "2026-03-01")
    one_message(backwards, "expected a time after")
    assert oncall(tmp_path, "show", "primary", "--at", "noon").exit_code == 2


def test_check_ends_with_1_where_it_finds_something_and_with_0_otherwise(tmp_path: Path) -> None:
    good = oncall(tmp_path, "check", "--offline", "--from", "2026-03-01")
    assert (good.exit_code, good.stdout) == (
        0, "primary, asia: somebody who can be reached is on call for 90 days\n",
    )
    gaps = SITE.replace('every: 1w, holidays: DE, backup: asia', 'hours: "mon-fri 00:00-24:00"')
    bad = oncall(tmp_path, "check", "--offline", "--from", "2026-03-01", "--ahead", "14d", site=gaps)
    assert (bad.exit_code, bad.stdout.splitlines()[-1]) == (
        1, "primary: gap: Sat 2026-03-14 00:00 +0100 to Sun 2026-03-15 01:00 +0100: nobody is on call: "
           "outside the hours of primary",
    )
    silent = oncall(tmp_path, "check", "--offline", site=SITE.replace(", mail: ben@example.com", ""))
    assert (silent.exit_code, "ben has no address" in silent.stdout) == (1, True)


def test_files_of_other_systems_become_a_section_that_loads(tmp_path: Path) -> None:
    for kind, data, person in (
        ("pagerduty", orjson.dumps(PAGERDUTY), "anna"), ("grafana", orjson.dumps(GRAFANA), "chi"),
        ("icalendar", CALENDAR, "anna"),
    ):
        file = tmp_path / kind
        file.write_bytes(data)
        arguments = ("import", str(file), "--name", "theirs", "--format", kind, "--from", "2026-10-01", "--until",
                     "2027-10-01")
        made = oncall(tmp_path, *arguments, "--as", "Regina Phalange=anna")
        assert made.exit_code == 0, made.output
        whole = tmp_path / f"{kind}.yaml"
        whole.write_text(f"{SITE.partition('schedules:')[0]}{made.stdout}")
        schedule = load(whole, {}).schedules["theirs"]
        assert (schedule.shifts[0].person, bool(schedule.tz)) == (person, True)


def test_somebody_of_the_file_who_is_nobody_here_is_told_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "theirs.json"
    file.write_bytes(orjson.dumps(PAGERDUTY))
    arguments = ("import", str(file), "--name", "theirs", "--format", "pagerduty", "--from", "2026-10-01")
    one_message(oncall(tmp_path, *arguments), "'Regina Phalange' is nobody here", "--as NAME=PERSON")
    one_message(oncall(tmp_path, *arguments, "--as", "Regina"), "expected NAME=PERSON")
    file.write_bytes(b"{}")
    one_message(oncall(tmp_path, *arguments), "theirs.json: schedule: NoneType, expected dict")
