"""A decision without approval: others are told before it counts, and somebody is to review it."""

from __future__ import annotations

from actions.approvals.broken_glass import glass_item, glass_messages
from actions.approvals.request import ApprovalRequest, GivenDecision
from actions.channels.contacts import Contacts
from actions.channels.texts import is_by_hand
from actions.model import ApprovalTerms
from tests.actions.approvals.cases import SOURCE, Case, T, decided, suggested

CONTACTS = Contacts(
    ("room", "pager", "mail"), ("pager",), frozenset({"mail"}),
    {"ida": {"mail": "ida@x.org"}, "joe": {"pager": "PJOE"}},
)
TERMS = ApprovalTerms(count=2)


class Told:
    """Says so when it is asked for the nth time."""

    def __init__(self, at: int) -> None:
        self.at, self.asked = at, 0

    def __call__(self, *_: object) -> bool:
        self.asked += 1
        return self.asked >= self.at


def broken(told: Told) -> Case:
    case = Case(suggested(approval=TERMS))
    case.desk.told = told
    case.at(T + 1.0)
    case.decide(decided(suggested(approval=TERMS), "cleo", "break_glass", comment="checkout is down"))
    return case


def given_by(case: Case) -> tuple[ApprovalRequest, GivenDecision]:
    request = case.desk.requests["k1"]
    return request, request.given[-1]


def test_the_decision_counts_once_others_were_told() -> None:
    case = broken(Told(at=3))
    assert case.state() == "requested"
    assert case.at(T + 11.5) == []
    (change,) = case.at(T + 12.0)
    assert (change.request.state, change.entry.event, change.entry.actor) == ("approved", "break_glass", "cleo")
    assert change.entry.reason == "cleo broke the glass: checkout is down"


def test_time_to_tell_does_not_let_the_request_expire() -> None:
    case = broken(Told(at=3))
    assert case.at(T + 901.0) == []
    assert [change.request.state for change in case.at(T + 902.0)] == ["approved"]


def test_approvals_and_a_rejection_count_meanwhile() -> None:
    case = broken(Told(at=100))
    assert case.decide(decided(suggested(approval=TERMS), "anna"), T + 12.0) == "requested"
    assert case.decide(decided(suggested(approval=TERMS), "ben"), T + 13.0) == "approved"
    assert case.changes[-1].item is None
    case = broken(Told(at=100))
    assert case.decide(decided(suggested(approval=TERMS), "anna", "reject"), T + 12.0) == "rejected"


def test_what_ordinary_approvals_decide_asks_nobody_and_leaves_no_item() -> None:
    told = Told(at=1)
    case = Case(suggested())
    case.desk.told = told
    case.at(T + 1.0)
    assert case.decide(decided(suggested(), "anna")) == "approved"
    assert (told.asked, case.changes[-1].item) == (0, None)


def test_the_item_names_who_decided_and_why_and_no_review_removes_it() -> None:
    case = broken(Told(at=1))
    item = case.changes[-1].item
    assert item == glass_item(*given_by(case), T + 11.0)
    assert item is not None
    assert (item.incident_id, item.state, item.owner, item.by) == ("inc-1", "open", None, "tocsin")
    assert item.text == "Review why cleo broke the glass for throttle on chat/v2: checkout is down"
    assert item.id.startswith("auto-")


def test_every_other_commander_is_told_at_an_address_of_theirs_once() -> None:
    told = glass_messages(*given_by(broken(Told(at=1))), ("cleo", "ida", "joe"), CONTACTS, "P1", SOURCE)
    assert [(channel, message.recipient) for message, channel in told] == [("mail", "ida@x.org"), ("pager", "PJOE")]
    message, _ = told[0]
    assert message.title == "[P1] cleo broke the glass: throttle on chat/v2"
    for part in ("checkout is down", "storm brake", "v2 is slow", "request k1", "incident inc-1"):
        assert part in message.text
    assert is_by_hand(message)  # an acknowledgement does not take it back
    again = glass_messages(*given_by(broken(Told(at=1))), ("cleo", "ida", "joe"), CONTACTS, "P1", SOURCE)
    assert [one.id for one, _ in again] == [one.id for one, _ in told]


def test_where_there_is_no_other_commander_the_channels_that_page_are_told() -> None:
    given = given_by(broken(Told(at=1)))
    assert [channel for _, channel in glass_messages(*given, ("cleo",), CONTACTS, "P1", SOURCE)] == ["pager"]
    assert glass_messages(*given, ("cleo", "ida"), Contacts(), "P1", SOURCE) == []
