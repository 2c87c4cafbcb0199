"""What somebody does at a vendor is the record of a person whose role allows it, or it is refused and audited."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from classifiers.by_hand import Assign, Resolve
from classifiers.directives import Acknowledge
from classifiers.model import Acknowledgement
from streams.respond.vendors.vendor_actions import Account, VendorAction
from tests.actions.approvals.cases import T, incident
from tests.actions.audiences.cases import deviating
from tests.streams.respond.vendors.cases import NOW_S, Vendors

ROB = Account("PROB", "Rob K.")
STRANGER = Account("PXXX", "Tenex Engineer")


def action(**over: Any) -> VendorAction:
    return replace(VendorAction("pagerduty", "acknowledge", "inc-1", ROB, NOW_S - 10.0), **over)


async def test_an_acknowledgement_is_dated_as_at_the_vendor_and_lasts_an_hour_from_then() -> None:
    here = Vendors()
    became = await here.actions.take(action())
    assert here.log.written == [Acknowledge("inc-1", "rob", NOW_S - 10.0, NOW_S - 10.0 + 3600.0, "in PagerDuty")]
    assert became.text == "written: acknowledge by rob"


async def test_what_came_late_is_dated_now_and_does_not_last_longer_for_it() -> None:
    here = Vendors()
    await here.actions.take(action(at_s=NOW_S - 1_800.0))
    (made,) = here.log.written
    assert isinstance(made, Acknowledge)
    assert (made.at_s, made.until_s) == (NOW_S, NOW_S + 1_800.0)


async def test_what_is_older_than_an_acknowledgement_lasts_changes_nothing() -> None:
    here = Vendors()
    assert (await here.actions.take(action(at_s=NOW_S - 3_600.0))).text == "it is 3600 s old"
    assert here.log.written == []


async def test_a_repeat_has_the_same_id_and_what_is_known_is_not_written_again() -> None:
    here = Vendors()
    await here.actions.take(action())
    await here.actions.take(action())
    first, second = here.log.written
    assert first.id == second.id
    known = Acknowledgement("rob", NOW_S - 10.0, NOW_S + 3_590.0)
    here.desk.add_incident(incident(acknowledged=known), T)
    assert (await here.actions.take(action())).text == "it is acknowledged so already"


@pytest.mark.parametrize(("by", "name"), [
    (ROB, "rob"), (Account("PNEW", "Rob", "rob@example.com"), "rob"), (STRANGER, "pagerduty:Tenex Engineer"),
    (Account("PYYY", "rob"), "pagerduty:rob"),
])
def test_a_person_is_known_by_the_account_or_mail_and_never_by_a_name(by: Account, name: str) -> None:
    assert Vendors().actions.name_of("pagerduty", by) == name


async def test_an_account_of_nobody_may_do_what_the_configuration_gives_to_the_vendor() -> None:
    here = Vendors(pagerduty=("responder",))
    await here.actions.take(action(by=STRANGER))
    (made,) = here.log.written
    assert made.by == "pagerduty:Tenex Engineer"
    assert here.directory.may(made.by, "acknowledge", "chat")


@pytest.mark.parametrize(("here", "by", "who"), [
    (Vendors(), STRANGER, "pagerduty:Tenex Engineer"),
    (Vendors(servicenow=("responder",)), STRANGER, "pagerduty:Tenex Engineer"),
    (Vendors(pagerduty=("viewer",)), STRANGER, "pagerduty:Tenex Engineer"),
    (Vendors(pagerduty=("responder",), owned=True), STRANGER, "pagerduty:Tenex Engineer"),
    (Vendors(pagerduty=("responder",)), Account("PVERA", "Vera"), "vera"),
])
async def test_who_may_not_is_refused_and_audited(here: Vendors, by: Account, who: str) -> None:
    became = await here.actions.take(action(by=by))
    (entry,) = here.log.refusals
    assert here.log.written == []
    assert (entry.actor, entry.event) == (who, "refused")
    assert "expected the role responder (pagerduty)" in entry.reason
    assert became.text.startswith("refused: ")


async def test_resolved_resolves_what_is_quiet() -> None:
    here = Vendors()
    await here.actions.take(action(verb="resolve"))
    assert here.log.written == [Resolve("inc-1", "rob", NOW_S - 10.0, "resolved in PagerDuty", "pagerduty")]


async def test_resolved_while_it_alarms_is_an_acknowledgement() -> None:
    here = Vendors()
    here.desk.add_incident(incident(evidence=deviating("b")), T)
    became = await here.actions.take(action(verb="resolve"))
    (made,) = here.log.written
    assert isinstance(made, Acknowledge)
    assert isinstance(became.made, Acknowledge)
    assert made.comment == "resolved in PagerDuty while it alarms"


async def test_what_is_taken_back_ends_the_acknowledgement() -> None:
    here = Vendors()
    await here.actions.take(action(verb="unacknowledge"))
    (made,) = here.log.written
    assert isinstance(made, Acknowledge)
    assert made.until_s < NOW_S


@pytest.mark.parametrize(("to", "written"), [
    (ROB, [Assign("inc-1", "rob", "rob", NOW_S - 10.0, "pagerduty")]),
    (STRANGER, [Assign("inc-1", "pagerduty:Tenex Engineer", "rob", NOW_S - 10.0, "pagerduty")]), (None, []),
])
async def test_reassigned_assigns(to: Account | None, written: list[Assign]) -> None:
    here = Vendors()
    await here.actions.take(action(verb="assign", to=to))
    assert here.log.written == written


@pytest.mark.parametrize(("over", "text"), [
    ({"incident_id": "inc-9"}, "incident inc-9: unknown"), ({"verb": "resolve"}, "the incident is resolved already"),
])
async def test_what_is_unknown_or_over_changes_nothing(over: dict[str, Any], text: str) -> None:
    here = Vendors()
    here.desk.add_incident(incident(state="resolved", resolved_at_s=T + 60.0), T)
    assert (await here.actions.take(action(**over))).text == text
    assert (here.log.written, here.log.refusals) == ([], [])
