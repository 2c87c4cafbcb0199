"""Pages of escalations as notifications: to whom, by which channel, once, and until somebody works on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from actions.audiences.audience import Audience, Reach
from actions.audiences.due import AudienceTexts
from actions.channels.contacts import Contacts
from actions.channels.machine import ENDED
from actions.channels.message import ChannelRefused, Delivery
from actions.channels.notification import Notification, accepted, claimed, refused
from actions.channels.routes import Route
from actions.escalation.policy import EscalationPolicy, EscalationStep
from actions.outbox.outbox import Outbox
from actions.outbox.pages import EscalationPages
from classifiers.model import Acknowledgement, IncidentNote
from tests.actions.approvals.cases import SOURCE, T, incident
from tests.actions.audiences.cases import audience
from tests.actions.escalation.cases import World, policy

ROUTES = {
    "pager": Route(pages=True, fallback="mail"), "slack": Route(), "mail": Route(on=frozenset({"close"})),
}
CONTACTS = Contacts(("pager", "slack", "mail"), ("pager",), frozenset({"slack", "mail"}), {
    "anna": {"slack": "U7A", "mail": "anna@example.com"}, "cleo": {"mail": "cleo@example.com"},
})
P1 = incident(severity="P1", peak_severity="P1")


class Site:
    """An outbox beside escalations, both with their log in memory. down: channels that refuse for now."""

    def __init__(self, *policies: EscalationPolicy, audiences: Sequence[Audience] = ()) -> None:
        self.audiences = audiences
        self.world = World(*policies)
        self.down: set[str] = set()
        self.sent: list[Notification] = []
        self.log: dict[str, Notification] = {}
        self.outbox = self._outbox()

    def _outbox(self) -> Outbox:
        texts = AudienceTexts(self.audiences, SOURCE)
        return Outbox(ROUTES, SOURCE, lambda _: 0, EscalationPages(self.world.desk, CONTACTS, SOURCE, texts))

    def at(self, after_s: float) -> list[str]:
        """What the channels take when the clock reaches `T + after_s`: event, channel and recipient."""
        now_s, before = T + after_s, len(self.sent)
        self.world.now_s = now_s
        for change in self.world.desk.changes(now_s, lambda *_: True):
            self.world._write(change)
        while True:
            changes = self.outbox.changes(now_s, 0, ())
            for one in changes:
                self._record(one)
            found = [self.outbox.next_for(name, now_s, 0) for name in ROUTES]
            due = [one for one in found if one is not None]
            for one in due:
                self._send(one, now_s)
            if not changes and not due:
                break
        told = self.sent[before:]
        return [f"{one.message.event} {one.channel} {one.message.recipient}" for one in told]

    def tell(self, **over: object) -> None:
        told = replace(P1, **over)  # type: ignore[arg-type]
        self.world.tell(told)
        self.outbox.add_incident(told, self.world.now_s, 1.0)

    def restart(self) -> None:
        self.world.restart()
        self.outbox = self._outbox()
        for one in self.log.values():
            self.outbox.record(one, 0)
        for told, _ in self.world.incidents.values():
            self.outbox.add_incident(told, self.world.now_s, 1.0)

    def _record(self, one: Notification) -> None:
        self.log[one.id] = one
        self.outbox.record(one, 0)

    def _send(self, one: Notification, now_s: float) -> None:
        sending = claimed(one, now_s)
        self._record(sending)
        if one.channel in self.down:
            self._record(refused(sending, ChannelRefused("down", final=False), now_s))
            return
        self._record(accepted(sending, Delivery(f"ref-{len(self.sent)}", "ok"), now_s))
        self.sent.append(self.log[one.id])


def pages(told: list[str]) -> list[str]:
    return [one for one in told if one.startswith("page")]


def test_a_step_pages_by_its_channels_at_the_address_of_the_person_although_the_channel_told_of_the_incident() -> None:
    site = Site()
    site.tell()
    assert sorted(site.at(0.0)) == ["open pager None", "open slack None", "page pager anna", "page slack U7A"]
    keys = {one.message.dedup_key for one in site.sent if one.channel == "pager"}
    assert len(keys) == 2


@pytest.mark.parametrize(("person", "expected"), [
    ("anna", ["page mail anna@example.com", "page slack U7A"]), ("cleo", ["page mail cleo@example.com"]),
    ("ben", ["page pager ben"]),
])
def test_without_a_channel_in_the_step_a_person_is_paged_where_there_is_an_address_else_by_the_pager(
    person: str, expected: list[str],
) -> None:
    site = Site(policy(steps=(EscalationStep("first", 0.0, ("primary",)),)))
    site.world.on_call["primary"] = (person,)
    site.tell()
    assert sorted(pages(site.at(0.0))) == expected


def test_each_step_pages_once_whatever_is_read_again() -> None:
    site = Site()
    site.tell()
    assert len(pages(site.at(0.0))) == 2
    site.restart()
    assert pages(site.at(10.0)) == []
    assert pages(site.at(303.0)) == ["page pager ben"]
    site.restart()
    assert pages(site.at(304.0)) == []


def test_an_acknowledgement_ends_what_was_not_taken_and_a_lapse_pages_anew() -> None:
    site = Site()
    site.down.update(ROUTES)
    site.tell()
    assert site.at(0.0) == []
    site.world.acknowledge(lasts_s=600.0)
    site.at(2.0)
    assert {one.state for one in site.log.values() if one.message.event == "page"} == {"superseded"}
    site.down.clear()
    assert pages(site.at(100.0)) == []
    assert pages(site.at(700.0)) != []


def test_an_acknowledgement_that_the_incident_still_shows_holds_no_page_back_that_was_decided_later() -> None:
    site = Site()
    site.tell()
    site.at(0.0)
    site.world.now_s = T + 5.0
    site.world.acknowledge(lasts_s=3600.0)
    site.tell(acknowledged=Acknowledgement("anna", T + 5.0, T + 3605.0))
    site.at(6.0)
    site.tell(severity="P0", peak_severity="P0", acknowledged=Acknowledgement("anna", T + 5.0, T + 3605.0))
    assert pages(site.at(8.0)) == ["page pager ben"]


def test_alerts_that_pages_made_are_acknowledged_and_end_with_the_incident() -> None:
    site = Site()
    site.tell()
    site.at(0.0)
    key = next(one.message.dedup_key for one in site.sent if one.message.event == "page" and one.channel == "pager")

    def told() -> list[str]:
        return [one.message.event for one in site.sent if one.message.dedup_key == key]

    site.world.acknowledge()
    site.tell(acknowledged=Acknowledgement("anna", T, T + 3600.0))
    site.at(5.0)
    assert told() == ["page", "milestone"]
    site.tell(state="resolved", resolved_at_s=T + 60.0)
    site.at(61.0)
    site.at(62.0)
    assert told() == ["page", "milestone", "close"]


def test_a_page_that_its_channel_does_not_take_reaches_the_same_person_by_the_fallback() -> None:
    site = Site(policy(steps=(EscalationStep("first", 0.0, ("primary",), ("pager",)),)))
    site.world.on_call["primary"] = ("anna", "cleo")
    site.down.add("pager")
    site.tell()
    site.at(0.0)
    assert pages(site.at(29.0)) == []
    assert sorted(pages(site.at(31.0))) == ["page mail anna@example.com", "page mail cleo@example.com"]
    assert all(one.state not in ENDED for one in site.log.values() if one.channel == "pager")


def test_the_end_of_the_rounds_is_told_by_the_fallback_of_the_policy() -> None:
    site = Site(policy(steps=(EscalationStep("first", 0.0, ("primary",), ("pager",)),), rounds=1))
    site.tell()
    site.at(0.0)
    assert site.at(700.0) == ["page mail None"]
    assert "Nobody answers" in site.sent[-1].message.title


EXECUTIVES = audience("executive", Reach(least="P1", every_s=600.0), to=("cto@example.com",))
QUIET = EscalationPolicy("quiet", (EscalationStep("first", 0.0, ("primary",), ("pager",)),), severities=("P0",))


def texts(told: list[str]) -> list[str]:
    return [one for one in told if one.endswith("cto@example.com")]


def test_an_audience_is_told_the_begin_regular_updates_what_is_worse_and_the_end_each_once_over_restarts() -> None:
    site = Site(QUIET, audiences=[EXECUTIVES])
    site.tell()
    assert texts(site.at(0.0)) == ["open mail cto@example.com"]
    site.restart()
    assert texts(site.at(60.0)) == []
    site.tell()
    assert texts(site.at(601.0)) == ["milestone mail cto@example.com"]
    site.restart()
    assert texts(site.at(900.0)) == []
    site.tell(severity="P0", peak_severity="P0")
    assert texts(site.at(901.0)) == ["change mail cto@example.com"]
    site.tell(state="resolved", resolved_at_s=T + 1000.0)
    assert texts(site.at(1001.0)) == ["close mail cto@example.com"]
    site.restart()
    assert texts(site.at(1002.0)) == []
    assert "open slack None" in [f"{one.message.event} {one.channel} {one.message.recipient}" for one in site.sent]


def test_what_people_write_is_told_to_the_audiences_that_ask_for_milestones() -> None:
    asks = audience("technical", Reach(on=("open", "milestone", "close")), to=("cto@example.com",))
    for each, expected in ((asks, ["milestone mail cto@example.com"]), (EXECUTIVES, [])):
        site = Site(QUIET, audiences=[each])
        site.tell()
        site.at(0.0)
        site.tell(notes=(IncidentNote("anna", T + 20.0, "the cause is the new version"),))
        assert texts(site.at(30.0)) == expected
        assert texts(site.at(31.0)) == []


def test_an_audience_below_its_reach_is_told_once_a_step_says_so_and_then_the_end() -> None:
    asked = audience("executive", Reach(least="P0"), to=("cto@example.com",))
    step = EscalationStep("first", 0.0, ("primary",), ("pager",), tell=("executive",))
    for steps, expected in (((step,), ["open mail cto@example.com", "close mail cto@example.com"]), ((replace(
        step, tell=()),), [])):
        site = Site(policy(steps=steps), audiences=[asked])
        site.tell()
        told = site.at(0.0)
        site.restart()
        told += site.at(1.0)
        site.tell(state="resolved", resolved_at_s=T + 10.0)
        assert texts(told + site.at(11.0)) == expected


def test_a_page_that_a_person_asked_for_is_told_although_somebody_works_on_the_incident() -> None:
    site = Site()
    site.tell()
    site.at(0.0)
    site.world.acknowledge()
    site.at(1.0)
    site.down.update(ROUTES)
    site.world.escalate(to="commander")
    site.at(2.0)
    site.at(10.0)
    site.down.clear()
    assert pages(site.at(60.0)) == ["page mail cleo@example.com"]
    (asked,) = [one for one in site.sent if one.message.recipient == "cleo@example.com"]
    assert "anna has cleo paged: we need help" in asked.message.text
    site.restart()
    assert pages(site.at(70.0)) == []
