"""A decision without approval counts once others were told."""

from __future__ import annotations

from actions.model import ApprovalTerms
from tests.actions.approvals.cases import Case, T, decided, suggested

TERMS = ApprovalTerms(count=2)


class Notified:
    """Says so when it is asked for the nth time."""

    def __init__(self, at: int) -> None:
        self.at, self.asked = at, 0

    def __call__(self, *_: object) -> bool:
        self.asked += 1
        return self.asked >= self.at


def broken(notified: Notified) -> Case:
    case = Case(suggested(approval=TERMS))
    case.desk.notified = notified
    case.at(T + 1.0)
    case.decide(decided(suggested(approval=TERMS), "cleo", "break_glass", comment="checkout is down"))
    return case


def test_the_decision_counts_once_others_were_told() -> None:
    case = broken(Notified(at=3))
    assert case.state() == "requested"
    assert case.at(T + 11.5) == []
    (change,) = case.at(T + 12.0)
    assert (change.request.state, change.entry.event, change.entry.actor) == ("approved", "break_glass", "cleo")
    assert change.entry.reason == "cleo broke the glass: checkout is down"


def test_time_to_tell_does_not_let_the_request_expire() -> None:
    case = broken(Notified(at=3))
    assert case.at(T + 901.0) == []
    assert [change.request.state for change in case.at(T + 902.0)] == ["approved"]


def test_approvals_and_a_rejection_count_meanwhile() -> None:
    case = broken(Notified(at=100))
    assert case.decide(decided(suggested(approval=TERMS), "anna"), T + 12.0) == "requested"
    assert case.decide(decided(suggested(approval=TERMS), "ben"), T + 13.0) == "approved"
    assert case.changes[-1].broken_glass is None
    case = broken(Notified(at=100))
    assert case.decide(decided(suggested(approval=TERMS), "anna", "reject"), T + 12.0) == "rejected"


def test_what_ordinary_approvals_decide_asks_nobody_and_breaks_none() -> None:
    notified = Notified(at=1)
    case = Case(suggested())
    case.desk.notified = notified
    case.at(T + 1.0)
    assert case.decide(decided(suggested(), "anna")) == "approved"
    assert (notified.asked, case.changes[-1].broken_glass) == (0, None)
