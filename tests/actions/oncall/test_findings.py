"""What `check` finds, and what it does not."""

from __future__ import annotations

from actions.oncall.findings import Finding, Reach, findings
from actions.oncall.schedule import Absence, Roster, Shift
from classifiers.by_hand import Override
from tests.actions.oncall.rosters import local, override, roster, schedule

FROM, UNTIL = local("2026-06-01T09:00"), local("2026-06-29T09:00")
CONTACTS = {"anna": {"mail", "slack"}, "ben": {"mail"}, "chi": {"mail"}}


def found(
    people: Roster, *overrides: Override, contacts: dict[str, set[str]] = CONTACTS,
    responders: tuple[str, ...] = ("anna", "ben", "chi"), via: tuple[str, ...] = (),
) -> list[Finding]:
    reach = Reach(contacts, responders, {"primary": [frozenset(via)]})
    return findings(people, overrides, reach, FROM, UNTIL)


def test_a_schedule_without_fault_has_no_finding() -> None:
    assert found(roster(schedule())) == []


def test_a_gap_is_told_with_its_begin_and_end() -> None:
    shifts = (Shift("anna", FROM, local("2026-06-10T09:00")), Shift("ben", local("2026-06-10T10:00"), UNTIL))
    (gap,) = found(roster(schedule(people=(), shifts=shifts)))
    assert (gap.kind, gap.from_s, gap.until_s) == ("gap", local("2026-06-10T09:00"), local("2026-06-10T10:00"))


def test_two_shifts_or_two_overrides_of_different_people_at_once_are_an_overlap() -> None:
    shifts = (Shift("anna", FROM, local("2026-06-10T10:00")), Shift("ben", local("2026-06-10T09:00"), UNTIL))
    (overlap,) = found(roster(schedule(people=(), shifts=shifts)))
    assert (overlap.kind, overlap.from_s, overlap.until_s) == (
        "overlap", local("2026-06-10T09:00"), local("2026-06-10T10:00"),
    )
    swaps = (override("ben", "2026-06-05T08:00", "2026-06-05T12:00"),
             override("chi", "2026-06-05T11:00", "2026-06-05T13:00"))
    (overlap,) = found(roster(schedule()), *swaps)
    assert (overlap.kind, overlap.text) == ("overlap", "two overrides at once: ben and chi")


def test_who_is_on_call_while_away_without_a_backup_is_unreachable() -> None:
    away = {"anna": (Absence(local("2026-06-05T00:00"), local("2026-06-06T00:00")),)}
    (finding,) = found(roster(schedule(people=("anna",)), away=away))
    assert (finding.kind, finding.from_s, finding.until_s) == (
        "unreachable", local("2026-06-05T00:00"), local("2026-06-06T00:00"),
    )


def test_people_without_address_role_or_name_are_told_once() -> None:
    people = roster(schedule(people=("anna", "ben", "dora")))
    kinds = {(one.kind, one.text.split()[0]) for one in found(people, contacts={"anna": set(), "ben": {"mail"}},
                                                              responders=("anna",))}
    assert kinds == {("no_contact", "anna"), ("no_role", "ben"), ("unknown", "dora")}


def test_a_step_whose_channels_are_all_personal_needs_an_address_in_one_of_them() -> None:
    (finding,) = found(roster(schedule()), via=("slack",))
    assert (finding.kind, finding.text.startswith("ben has no address in slack")) == ("unreachable", True)
    assert found(roster(schedule()), via=("slack", "pager")) == []
    assert found(roster(schedule()), via=("slack", "mail")) == []
