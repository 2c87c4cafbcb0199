"""Of a decision without approval the other commanders are told, or who the channels wake up."""

from __future__ import annotations

from actions.approvals.request import ApprovalRequest, GivenDecision
from actions.channels.contacts import Contacts
from actions.channels.texts import is_by_hand
from actions.outbox.broken_glass import glass_messages
from tests.actions.approvals.cases import SOURCE, Case, T, decided, suggested

CONTACTS = Contacts(
    ("room", "pager", "mail"), ("pager",), frozenset({"mail"}),
    {"ida": {"mail": "ida@x.org"}, "joe": {"pager": "PJOE"}},
)


def given() -> tuple[ApprovalRequest, GivenDecision]:
    case = Case(suggested())
    case.at(T + 1.0)
    case.decide(decided(suggested(), "cleo", "break_glass", comment="checkout is down"))
    request = case.desk.requests["k1"]
    return request, request.given[-1]


def test_every_other_commander_is_told_at_an_address_of_theirs_once() -> None:
    messages = glass_messages(*given(), ("cleo", "ida", "joe"), CONTACTS, "P1", SOURCE)
    assert [(channel, message.recipient) for message, channel in messages] == [("mail", "ida@x.org"), ("pager", "PJOE")]
    message, _ = messages[0]
    assert message.title == "[P1] cleo broke the glass: throttle on chat/v2"
    for part in ("checkout is down", "storm brake", "v2 is slow", "request k1", "incident inc-1"):
        assert part in message.text
    assert is_by_hand(message)  # an acknowledgement does not take it back
    again = glass_messages(*given(), ("cleo", "ida", "joe"), CONTACTS, "P1", SOURCE)
    assert [one.id for one, _ in again] == [one.id for one, _ in messages]


def test_where_there_is_no_other_commander_the_channels_that_page_are_told() -> None:
    assert [channel for _, channel in glass_messages(*given(), ("cleo",), CONTACTS, "P1", SOURCE)] == ["pager"]
    assert glass_messages(*given(), ("cleo", "ida"), Contacts(), "P1", SOURCE) == []
