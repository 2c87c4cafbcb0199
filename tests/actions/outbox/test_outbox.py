"""What follows from incidents and time for each notification: the pure part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from actions.channels.machine import ENDED, TRANSITIONS, next_state
from actions.channels.message import ChannelRefused, Delivery
from actions.channels.notification import Notification, accepted, claimed, refused
from actions.channels.routes import Route, data_age_s
from actions.channels.texts import incident_message
from actions.outbox.outbox import MAX_QUEUED, Outbox
from classifiers.model import Acknowledgement, Incident, Related

T = 1_800_000_000.0
PAGER = Route(pages=True, on=frozenset({"open", "change", "milestone", "close"}), fallback="mail")
CHAT = Route()
MAIL = Route(on=frozenset())


class Desk:
    """An outbox with its log in memory, and a clock that tests move."""

    def __init__(self, routes: Mapping[str, Route] | None = None) -> None:
        self.now_s = T
        self.sent: list[tuple[str, str, str]] = []
        self.down: set[str] = set()
        self.outbox = Outbox(routes or {"chat": CHAT}, "/tocsin/t", lambda _: 0)

    def tell(self, incident: Incident, late_s: float | None = 1.0) -> None:
        self.outbox.add_incident(incident, self.now_s, late_s)
        self.step()

    def step(self, after_s: float = 0.0) -> None:
        """Time passes; what is due is written and sent."""
        self.now_s += after_s
        while True:
            changes = self.outbox.changes(self.now_s, 0, ())
            for change in changes:
                self.outbox.record(change, 0)
            due = [self.outbox.next_for(name, self.now_s, 0) for name in self.outbox.routes]
            for one in due:
                if one is not None and one.channel not in self.down:
                    self._send(self.outbox.notifications[one.id])
                elif one is not None:
                    self._refuse(self.outbox.notifications[one.id], ChannelRefused("down", final=False))
            if not changes and not any(due):
                return

    def _send(self, one: Notification) -> None:
        sending = claimed(one, self.now_s)
        self.outbox.record(sending, 0)
        self.sent.append((one.channel, one.message.event, one.message.severity))
        self.outbox.record(accepted(sending, Delivery(f"ref-{len(self.sent)}", "ok"), self.now_s), 0)

    def _refuse(self, one: Notification, refusal: ChannelRefused) -> None:
        sending = claimed(one, self.now_s)
        self.outbox.record(sending, 0)
        self.outbox.record(refused(sending, refusal, self.now_s), 0)

    def states(self) -> list[tuple[str, str]]:
        return [(one.message.event, one.state) for one in self.outbox.notifications.values()]


def incident(**over: Any) -> Incident:
    values: dict[str, Any] = {
        "id": "inc-1", "state": "open", "opened_at_s": T, "onset_at_s": T, "resolved_at_s": None,
        "category": "performance_degradation", "severity": "P2", "peak_severity": "P2", "service": "chat",
        "model": None, "version": None, "replica": None, "tenant": None, "title": "slow",
    }
    return Incident(**{**values, **over})


def resolved(one: Incident) -> Incident:
    return replace(one, state="resolved", resolved_at_s=T + 60.0)


def acknowledged(one: Incident) -> Incident:
    return replace(one, acknowledged=Acknowledgement("anna", T, T + 3600.0))


def test_an_incident_is_told_once_each_time_it_becomes_worse_and_when_it_is_over() -> None:
    desk = Desk()
    for one in (incident(), incident(), incident(peak_severity="P1"), incident(peak_severity="P1")):
        desk.tell(one)
    desk.tell(resolved(incident(peak_severity="P1")))
    assert desk.sent == [("chat", "open", "P2"), ("chat", "change", "P1"), ("chat", "close", "P1")]


@pytest.mark.parametrize("over", [{"peak_severity": "P4"}, {"silenced_by": "s1"}])
def test_what_is_silenced_or_below_the_least_severity_is_not_told(over: dict[str, Any]) -> None:
    desk = Desk()
    desk.tell(incident(**over))
    assert desk.outbox.notifications == {}


@pytest.mark.parametrize("over", [
    {"state": "flapping"}, {"related": (Related("inc-0", "caused_by"),)},
    {"acknowledged": Acknowledgement("anna", T, T + 60.0)},
])
def test_a_channel_that_pages_wakes_nobody_for_what_needs_nobody(over: dict[str, Any]) -> None:
    desk = Desk({"chat": CHAT, "pager": PAGER, "mail": MAIL})
    desk.tell(incident(**over))
    assert [channel for channel, _, _ in desk.sent] == ["chat"]


def test_a_pager_is_told_that_somebody_works_on_it() -> None:
    desk = Desk({"pager": PAGER, "mail": MAIL})
    desk.tell(incident())
    desk.tell(acknowledged(incident()))
    desk.tell(acknowledged(incident()))
    assert [event for _, event, _ in desk.sent] == ["open", "milestone"]


def test_after_ten_minutes_without_a_channel_one_current_message_is_told() -> None:
    desk = Desk()
    desk.down.add("chat")
    desk.tell(incident())
    for severity in ("P1", "P0"):
        desk.step(200.0)
        desk.tell(incident(peak_severity=severity))
    desk.step(200.0)
    desk.down.clear()
    desk.step(61.0)
    assert desk.sent == [("chat", "change", "P0")]
    assert [state for _, state in desk.states()] == ["superseded", "superseded", "sent"]


def test_what_is_over_before_anybody_heard_of_it_tells_nobody() -> None:
    desk = Desk()
    desk.outbox.add_incident(incident(), T, 1.0)
    for one in desk.outbox.changes(T, 0, ()):
        desk.outbox.record(one, 0)
    desk.tell(resolved(incident()))
    assert (desk.sent, desk.states()) == ([], [("open", "superseded")])


def test_an_end_is_told_where_the_beginning_may_have_arrived() -> None:
    desk = Desk()
    desk.down.add("chat")
    desk.tell(incident())
    desk.down.clear()
    desk.tell(resolved(incident()))
    assert desk.sent == [("chat", "close", "P2")]


def test_a_page_that_is_not_taken_for_30_s_goes_by_the_fallback_once() -> None:
    desk = Desk({"pager": PAGER, "mail": MAIL})
    desk.down.add("pager")
    desk.tell(incident())
    desk.step(29.0)
    assert desk.sent == []
    desk.step(2.0)
    desk.step(60.0)
    assert desk.sent == [("mail", "open", "P2")]


def test_what_no_channel_takes_for_15_minutes_fails_and_says_why() -> None:
    desk = Desk()
    desk.down.add("chat")
    desk.tell(incident())
    for _ in range(30):
        desk.step(31.0)
    (one,) = desk.outbox.notifications.values()
    assert (one.state, one.failure, one.reason) == ("failed", "timed_out", "not accepted within 900 s: down")


def test_retries_wait_twice_as_long_each_time_or_as_the_channel_asks() -> None:
    desk = Desk()
    desk.outbox.add_incident(incident(), T, 1.0)
    (new,) = desk.outbox.changes(T, 0, ())
    once = refused(claimed(new, T), ChannelRefused("down", final=False), T)
    twice = refused(claimed(once, T), ChannelRefused("down", final=False), T)
    asked = refused(claimed(twice, T), ChannelRefused("busy", final=False, retry_after_s=17.0), T)
    final = refused(claimed(asked, T), ChannelRefused("no", final=True), T)
    assert [one.due_at_s - T for one in (once, twice, asked)] == [1.0, 2.0, 17.0]
    assert (final.state, final.failure, final.version) == ("failed", "refused", 9)


def test_what_was_being_sent_when_its_owner_ended_is_sent_again_under_its_key() -> None:
    desk = Desk()
    desk.outbox.add_incident(incident(), T, 1.0)
    (new,) = desk.outbox.changes(T, 0, ())
    sending = claimed(new, T)
    desk.outbox.record(sending, 0)
    assert desk.outbox.changes(T + 1.0, 0, (sending.id,)) == []
    (again,) = desk.outbox.changes(T + 2.0, 0, ())
    desk.outbox.record(again, 0)
    message = desk.outbox.to_send(claimed(again, T + 2.0))
    assert (again.state, message.dedup_key, message.in_doubt) == ("retrying", new.message.dedup_key, True)


def test_late_data_pages_nobody_and_is_told_to_chat_only_while_it_lasts() -> None:
    desk = Desk({"chat": CHAT, "pager": PAGER, "mail": MAIL})
    desk.tell(incident(id="over"), late_s=900.0)
    desk.tell(resolved(incident(id="over")), late_s=900.0)
    desk.tell(incident(id="lasts"), late_s=900.0)
    assert desk.sent == []
    desk.step(61.0)
    assert desk.sent == [("chat", "open", "P2")]
    (one,) = desk.outbox.notifications.values()
    assert ("late: the data was 15 min old" in one.message.text, one.urgent) == (True, False)


def test_an_incident_of_a_backlog_that_turns_out_to_be_current_pages() -> None:
    desk = Desk({"pager": PAGER, "mail": MAIL})
    desk.tell(incident(), late_s=900.0)
    desk.tell(incident(peak_severity="P1"), late_s=2.0)
    assert desk.sent == [("pager", "open", "P1")]


def test_the_age_of_data_is_not_known_at_the_begin_of_what_is_read() -> None:
    one = incident()
    assert data_age_s(one, T + 400.0, complete_from_s=T) == 400.0
    assert data_age_s(one, T + 400.0, complete_from_s=T + 500.0) is None


def test_what_does_not_fit_into_the_queue_is_told_when_there_is_room() -> None:
    desk = Desk()
    for number in range(MAX_QUEUED + 10):
        desk.outbox.add_incident(incident(id=f"i{number}", peak_severity="P3"), T, 1.0)
    for one in desk.outbox.changes(T, 0, ()):
        desk.outbox.record(one, 0)
    assert desk.outbox.waiting("chat") == MAX_QUEUED
    desk.step(1.0)
    desk.step(1.0)
    assert len(desk.sent) == MAX_QUEUED + 10


def test_news_of_an_escalation_is_seen_between_two_scans() -> None:
    desk = Desk()
    desk.down.add("chat")
    desk.tell(incident())
    looked: list[str] = []
    desk.outbox._change = lambda one, *_: looked.append(one.id)  # type: ignore[method-assign]
    desk.outbox.changes(desk.now_s + 1.0, 0, ())
    looked.clear()
    desk.outbox.changes(desk.now_s + 2.0, 0, ())
    assert looked == []
    desk.outbox.note("inc-1")
    desk.outbox.changes(desk.now_s + 2.0, 0, ())
    assert len(looked) == 1


def test_an_open_incident_is_repeated_where_the_channel_forgets_it() -> None:
    desk = Desk({"am": Route(repeat_s=600.0)})
    for _ in range(4):
        desk.tell(incident())
        desk.step(301.0)
    assert [event for _, event, _ in desk.sent] == ["open", "change"]


def test_what_is_asked_for_is_told_once() -> None:
    desk = Desk({"mail": MAIL})
    message = replace(incident_message(incident(), "page", "n7", "/tocsin/t"), recipient="a@x.com")
    for _ in range(2):
        desk.outbox.ask(message, "mail", urgent=True, now_s=T)
        desk.step()
    assert desk.sent == [("mail", "page", "P2")]


def test_later_messages_of_an_incident_name_the_first_one() -> None:
    desk = Desk()
    desk.tell(incident())
    desk.tell(resolved(incident()))
    first, last = desk.outbox.notifications.values()
    assert desk.outbox.to_send(last).reference == first.reference == "ref-1"


def test_an_older_version_of_a_notification_changes_nothing() -> None:
    desk = Desk()
    desk.tell(incident())
    (one,) = desk.outbox.notifications.values()
    desk.outbox.record(replace(one, version=1, state="queued"), 0)
    assert desk.outbox.notifications[one.id] == one


def test_what_ended_a_week_ago_leaves_the_log_unless_its_incident_is_open() -> None:
    desk = Desk()
    desk.tell(incident())
    week_s = T + 8 * 86_400.0
    assert desk.outbox.finished(week_s, 0) == []
    desk.tell(resolved(incident()))
    done = desk.outbox.finished(week_s, 0)
    for one in done:
        desk.outbox.forget(one.id)
    assert (len(done), desk.outbox.notifications) == (2, {})


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_ended_stays_ended(state: Any) -> None:
    for event in {event for _, event in TRANSITIONS}:
        assert next_state(state, event) == state
