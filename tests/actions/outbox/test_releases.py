"""A text for customers waits for a person, is sent exactly as it was released, once, and asks again when it changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

import pytest

from actions.audiences.audience import Audience, Reach, TextEvent
from actions.audiences.due import AudienceTexts
from actions.channels.contacts import Contacts
from actions.channels.message import Delivery, Event
from actions.channels.notification import Notification, accepted, claimed
from actions.channels.routes import Route
from actions.escalation.policy import EscalationPolicy, EscalationStep
from actions.outbox.outbox import Outbox
from actions.outbox.pages import EscalationPages
from actions.outbox.releases import Releases
from actions.trust.people import Directory, Member
from classifiers.by_hand import ForTexts
from classifiers.model import Incident
from classifiers.telling_by_hand import Release, ReleaseVerb
from tests.actions.approvals.cases import SOURCE, T, incident
from tests.actions.audiences.cases import audience
from tests.actions.escalation.cases import World

V = TypeVar("V")
P1 = incident(severity="P1", peak_severity="P1")
QUIET = EscalationPolicy("quiet", (EscalationStep("first", 0.0, ("primary",), ("mail",)),), severities=("P0",))
ALL: tuple[TextEvent, ...] = ("open", "change", "close")
CUSTOMERS = audience("customer", Reach("P2", ALL, release=("commander",)), to=("a@x.com", "b@x.com"))
ASKED = frozenset[Event]({"open", "close", "approval"})
DIRECTORY = Directory(
    [Member("cleo", frozenset({"commander"})), Member("dan", frozenset({"responder"})),
     Member("eve", frozenset({"commander"}))],
    lambda service: ("cleo", "dan") if service == "chat" else (),
)


class Site:
    """An outbox with its log, and what people decided, in memory."""

    def __init__(
        self, known: Audience = CUSTOMERS, routes: dict[str, Route] | None = None, escalates: EscalationPolicy = QUIET,
    ) -> None:
        self.audience = known
        self.routes = routes or {"mail": Route(on=frozenset())}
        self.world = World(escalates)
        self.log: dict[str, Notification] = {}
        self.given: list[tuple[ForTexts, float]] = []
        self.told: Incident | None = None
        self.sent: list[Notification] = []
        self.now_s = T
        self.restart()

    def restart(self) -> None:
        """Everything is read again."""
        contacts = Contacts(tuple(self.routes), (), frozenset(), {})
        texts = AudienceTexts([self.audience], SOURCE)
        pages = EscalationPages(self.world.desk, contacts, SOURCE, texts)
        self.outbox = Outbox(self.routes, SOURCE, lambda _: 0, pages, Releases(DIRECTORY))
        for one in self.log.values():
            self.outbox.record(one, 0)
        for directive, dated_s in self.given:
            self.outbox.add_decision(directive, dated_s)
        if self.told is not None:
            self.outbox.add_incident(self.told, self.now_s, 1.0)

    def tell(self, **over: object) -> None:
        self.told = replace(self.told or P1, **over)  # type: ignore[arg-type]
        self.world.tell(self.told)
        self.outbox.add_incident(self.told, self.now_s, 1.0)
        self.step()

    def decide(self, digest: str, who: str = "cleo", verb: ReleaseVerb = "release") -> None:
        directive = Release(digest, verb, who, self.now_s)
        self.given.append((directive, self.now_s))
        self.outbox.add_decision(directive, self.now_s)
        self.step(1.0)

    def step(self, after_s: float = 0.0) -> None:
        """Time passes; what is due is written, and sent where a channel takes it."""
        self.now_s += after_s
        self.world.now_s = self.now_s
        for change in self.world.desk.changes(self.now_s, lambda *_: True):
            self.world._write(change)
        while True:
            changes = self.outbox.changes(self.now_s, 0, ())
            for one in changes:
                self._record(one)
            found = [self.outbox.next_for(name, self.now_s, 0) for name in self.routes]
            due = [one for one in found if one is not None]
            for one in due:
                sending = claimed(one, self.now_s)
                self._record(sending)
                done = accepted(sending, Delivery("ref", "ok"), self.now_s)
                self._record(done)
                self.sent.append(done)
            if not changes and not due:
                return

    def _record(self, one: Notification) -> None:
        self.log[one.id] = one
        self.outbox.record(one, 0)

    def waiting(self) -> list[str]:
        """The digests of the texts that wait."""
        return sorted(self.outbox.releases.waiting)

    def refused(self) -> list[str]:
        return [entry.reason for entry in self.outbox.releases.refused(lambda _: True)]

    def texts(self) -> list[tuple[str, str | None, str]]:
        """What was sent to customers."""
        return [(one.message.event, one.message.recipient, one.message.title) for one in self.sent if one.draft]


def events(site: Site) -> list[tuple[str, str | None]]:
    return [(event, recipient) for event, recipient, _ in site.texts()]


def only(found: Iterable[V]) -> V:
    (one,) = found
    return one


def test_a_text_waits_and_is_sent_to_each_recipient_once_when_a_commander_releases_it_also_over_restarts() -> None:
    site = Site()
    site.tell()
    assert (site.texts(), {one.state for one in site.log.values()}) == ([], {"draft"})
    site.restart()
    site.step(3_600.0)
    digest, shown = only(site.waiting()), only({one.message.text for one in site.log.values()})
    assert site.texts() == []
    site.decide(digest)
    assert events(site) == [("open", "a@x.com"), ("open", "b@x.com")]
    assert {one.message.text for one in site.sent} == {shown}
    assert {(one.draft.decided_by, one.reason) for one in site.sent if one.draft} == {("cleo", "ok")}
    for _ in range(2):
        site.restart()
        site.tell()
        site.step(60.0)
    assert len(site.texts()) == 2
    assert site.refused() == []


def test_a_release_that_was_read_before_a_crash_and_not_applied_is_applied_after_it() -> None:
    site = Site()
    site.tell()
    site.given.append((Release(only(site.waiting()), "release", "cleo", site.now_s), site.now_s))
    site.restart()
    site.step(1.0)
    assert len(site.texts()) == 2


@pytest.mark.parametrize(("who", "reason"), [
    ("dan", "dan has responder for chat, expected commander"), ("eve", "eve has no role for chat, expected commander"),
])
def test_who_is_no_commander_of_the_service_releases_nothing(who: str, reason: str) -> None:
    site = Site()
    site.tell()
    site.decide(only(site.waiting()), who)
    assert (site.texts(), site.refused(), site.refused()) == ([], [reason], [])


def test_an_edited_incident_asks_again_and_a_release_of_the_earlier_text_does_not_count() -> None:
    site = Site()
    site.tell()
    before = only(site.waiting())
    site.step(30.0)
    site.tell(category="availability")
    after = only(site.waiting())
    assert after != before
    site.decide(before)
    assert (site.texts(), site.refused()) == ([], ["the text was changed since"])
    site.tell(category="performance_degradation")  # as it was: still another text, of another time
    assert only(site.waiting()) not in (before, after)
    assert site.texts() == []
    site.decide(only(site.waiting()))
    assert len(site.texts()) == 2


def test_a_release_that_is_read_together_with_the_edit_does_not_count_for_the_earlier_text() -> None:
    site = Site()
    site.tell()
    before = only(site.waiting())
    site.given.append((Release(before, "release", "cleo", site.now_s), site.now_s))
    assert site.told is not None
    site.told = replace(site.told, category="availability")
    site.restart()
    site.step(1.0)
    assert (site.texts(), site.refused()) == ([], ["the text was changed since"])
    assert only(site.waiting()) != before
    assert [one.draft.digest for one in site.outbox.releases.texts() if one.draft] == site.waiting()


def test_an_incident_that_is_told_again_without_a_change_that_shows_does_not_ask_again() -> None:
    site = Site()
    site.tell()
    before = site.waiting()
    for _ in range(3):
        site.step(60.0)
        site.tell(title="another title")
    assert site.waiting() == before
    assert {one.version for one in site.log.values()} == {1}


def test_a_text_that_promises_an_update_which_is_over_by_now_is_written_anew() -> None:
    site = Site(audience("customer", replace(CUSTOMERS.reach, every_s=600.0), to=("a@x.com",)))
    site.tell()
    before = site.waiting()
    site.step(601.0)
    site.tell()
    assert len(site.waiting()) == 1
    assert site.waiting() != before


def test_each_event_asks_for_its_own_release_and_the_end_is_told_to_who_was_told_of_it() -> None:
    site = Site(replace(CUSTOMERS, to=("a@x.com",)))
    site.tell()
    site.decide(only(site.waiting()))
    site.tell(severity="P0", peak_severity="P0")
    site.decide(only(site.waiting()))
    site.tell(state="resolved", resolved_at_s=site.now_s)
    site.decide(only(site.waiting()))
    assert [event for event, _ in events(site)] == ["open", "change", "close"]


def test_what_is_over_before_it_was_released_is_not_told_and_waits_for_nobody() -> None:
    site = Site()
    site.tell()
    digest = only(site.waiting())
    site.tell(state="resolved", resolved_at_s=site.now_s)
    assert (site.waiting(), {one.state for one in site.log.values()}) == ([], {"superseded"})
    site.decide(digest)
    assert (site.texts(), site.refused()) == ([], ["the text is superseded: the incident is resolved"])


def test_a_text_that_was_withdrawn_is_not_sent_and_what_is_worse_asks_again_with_the_text_of_the_begin() -> None:
    site = Site(replace(CUSTOMERS, to=("a@x.com",)))
    site.tell()
    site.decide(only(site.waiting()), verb="withdraw")
    site.step(600.0)
    assert ([one.state for one in site.log.values()], site.waiting()) == (["withdrawn"], [])
    site.tell(severity="P0", peak_severity="P0")
    site.decide(only(site.waiting()))
    assert events(site) == [("open", "a@x.com")]
    site.decide(only([one.draft.digest for one in site.log.values() if one.draft and one.state == "sent"]), "cleo")
    assert len(site.texts()) == 1


def test_of_two_decisions_the_first_counts() -> None:
    site = Site()
    site.tell()
    digest = only(site.waiting())
    site.decide(digest)
    site.decide(digest, "dan", "withdraw")
    site.given.append((Release(digest, "withdraw", "cleo", site.now_s), site.now_s))
    site.restart()
    site.step(1.0)
    assert len(site.texts()) == 2


def test_where_the_configuration_releases_texts_nobody_is_asked_and_drafts_of_before_are_sent() -> None:
    site = Site()
    site.tell()
    site.audience = replace(CUSTOMERS, reach=Reach("P2", ALL))
    site.restart()
    site.step(1.0)
    assert events(site) == [("open", "a@x.com"), ("open", "b@x.com")]
    at_once = Site(replace(CUSTOMERS, reach=Reach("P2", ALL)))
    at_once.tell()
    assert [one.message.event for one in at_once.sent] == ["open", "open"]


def test_a_text_that_a_step_of_an_escalation_tells_waits_too() -> None:
    step = EscalationStep("first", 0.0, ("primary",), ("mail",), tell=("customer",))
    least = replace(CUSTOMERS.reach, least="P0")
    site = Site(replace(CUSTOMERS, reach=least), escalates=EscalationPolicy("p", (step,)))
    site.tell()
    assert site.texts() == []
    site.decide(only(site.waiting()))
    assert events(site) == [("open", "a@x.com"), ("open", "b@x.com")]


def test_channels_for_approvals_are_told_the_whole_text_with_buttons_once() -> None:
    site = Site(routes={"mail": Route(on=frozenset()), "chat": Route(on=ASKED)})
    site.tell()
    site.restart()
    site.tell()
    message = only(one.message for one in site.sent if one.message.event == "approval")
    assert [(one.action, one.value) for one in message.buttons] == [
        ("release", only(site.waiting())), ("withdraw", only(site.waiting())),
    ]
    text = next(one.message.text for one in site.log.values() if one.draft)
    assert text in message.text
    site.decide(only(site.waiting()))
    assert len(site.texts()) == 2


def test_a_text_of_an_incident_that_is_over_waits_for_a_day() -> None:
    site = Site(replace(CUSTOMERS, to=("a@x.com",)))
    site.tell()
    site.decide(only(site.waiting()))
    site.tell(state="resolved", resolved_at_s=site.now_s)
    site.step(80_000.0)
    assert len(site.waiting()) == 1
    site.step(10_000.0)
    assert site.waiting() == []
