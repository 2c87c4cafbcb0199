"""A review is begun once for each incident that was to page and stays over, and never over what a person recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.reviews.desk import ReviewChange, ReviewDesk
from actions.reviews.drafts import DraftRule
from actions.reviews.record import AUTHOR, Review
from classifiers.model import Incident, Related
from classifiers.reviews_by_hand import SubmitReview
from tests.actions.approvals.cases import T, incident

AFTER_S = 1800.0
RULE = DraftRule("P2", AFTER_S)
END = T + 60.0
DUE = END + AFTER_S


def over(name: str = "inc-1", **values: Any) -> Incident:
    return incident(name, **{"state": "resolved", "resolved_at_s": END, **values})


def submitted(at_s: float, name: str = "inc-1") -> SubmitReview:
    return SubmitReview(name, "draft", "https://wiki/inc-1", "The driver was new.", (), "anna", at_s)


class Kept:
    """The log of reviews, and the desk of the process that owns it now."""

    def __init__(self, rule: DraftRule | None = RULE) -> None:
        self._rule = rule
        self.log: dict[str, Review] = {}
        self.restart()

    def restart(self) -> None:
        """Another process reads the log."""
        self.desk = ReviewDesk(self._rule)
        for one in self.log.values():
            self.desk.records.add_review(one)

    def work(self, now_s: float, *, mine: bool = True) -> list[Review]:
        """What the owner writes: what people gave first, then the drafts."""
        written = []
        while (change := self.desk.next_change(lambda *_: mine)) is not None:
            written.append(self._write(change))
        return written + [self._write(change) for change in self.desk.drafts(now_s, lambda *_: mine)]

    def _write(self, change: ReviewChange) -> Review:
        assert change.review is not None
        self.desk.record(change)
        self.log[change.review.incident_id] = change.review
        return change.review


def drafted(at_s: float = DUE, name: str = "inc-1") -> Review:
    return Review(name, 1, "draft", "", "", AUTHOR, at_s, is_automatic=True)


def test_a_draft_is_written_once_the_incident_has_been_over_for_long_enough_and_once_over_restarts() -> None:
    kept = Kept()
    kept.desk.add_incident(incident())
    kept.desk.add_incident(over())
    assert kept.work(DUE - 0.1) == []
    assert kept.work(DUE) == [drafted()]
    assert kept.work(DUE + 9e5) == []
    kept.restart()
    kept.desk.add_incident(over())
    assert kept.work(DUE + 9e5) == []


def test_the_audit_says_why_and_names_nobody() -> None:
    kept = Kept()
    kept.desk.add_incident(over())
    (change,) = kept.desk.drafts(DUE, lambda *_: True)
    entry = change.entry
    assert (entry.subject, entry.event, entry.before, entry.after, entry.actor) == (
        "inc-1", "review", None, "draft", None,
    )
    assert entry.reason == "P2 at its worst, and over: its review was begun"


@pytest.mark.parametrize(("values", "is_wanted"), [
    ({"severity": "P4", "peak_severity": "P0"}, True),
    ({"severity": "P3", "peak_severity": "P3"}, False),
    ({"resolution": "expected"}, False),
    ({"resolution": "lost"}, True),
    ({"silenced_by": "s1"}, False),
    ({"related": (Related("inc-0", "caused_by"),)}, False),
    ({"related": (Related("inc-0", "causes"),)}, True),
    ({"state": "flapping", "resolved_at_s": None}, False),
])
def test_only_what_was_to_page_gets_a_draft(values: dict[str, Any], is_wanted: bool) -> None:
    kept = Kept()
    kept.desk.add_incident(over(**values))
    assert kept.work(DUE) == ([drafted()] if is_wanted else [])


def test_without_a_rule_nothing_is_drafted() -> None:
    kept = Kept(None)
    kept.desk.add_incident(over())
    assert kept.work(DUE) == []


def test_what_opens_again_gets_none_until_it_has_stayed_over() -> None:
    kept = Kept()
    kept.desk.add_incident(over())
    kept.desk.add_incident(incident())
    assert kept.work(DUE + 9e5) == []
    kept.desk.add_incident(over(resolved_at_s=END + 600.0))
    assert kept.work(DUE + 599.0) == []
    assert kept.work(DUE + 600.0) == [drafted(DUE + 600.0)]


@pytest.mark.parametrize("is_later_first", [False, True])
@pytest.mark.parametrize(("peak", "name"), [("P1", "inc-2"), ("P3", "inc-1")])
def test_of_incidents_that_reopened_each_other_the_last_one_that_was_to_page_gets_the_draft(
    peak: str, name: str, is_later_first: bool,
) -> None:
    again = incident("inc-2", severity=peak, peak_severity=peak, related=(Related("inc-1", "reopens"),))
    kept = Kept()
    for one in (again, over()) if is_later_first else (over(), again):
        kept.desk.add_incident(one)
    assert kept.work(DUE + 9e5) == []
    kept.desk.add_incident(replace(again, state="resolved", resolved_at_s=END + 9e5))
    assert kept.work(DUE + 9e5 - 1.0) == []
    assert kept.work(DUE + 9e5) == [drafted(DUE + 9e5, name)]


def test_an_incident_with_a_review_of_a_person_gets_none() -> None:
    kept = Kept()
    kept.desk.add(submitted(T))
    kept.desk.add_incident(over())
    (review,) = kept.work(DUE)
    assert (review.by, review.summary) == ("anna", "The driver was new.")


@pytest.mark.parametrize("at_s", [T, DUE - 1.0, DUE, DUE + 1.0])
def test_what_a_person_recorded_replaces_a_draft_also_where_it_was_signed_before_and_read_late(at_s: float) -> None:
    kept = Kept()
    kept.desk.add_incident(over())
    kept.work(DUE)
    for _ in range(2):
        kept.desk.add(submitted(at_s))
        kept.work(DUE + 9e5)
        found = kept.log["inc-1"]
        assert (found.by, found.summary, found.version, found.is_automatic) == (
            "anna", "The driver was new.", 2, False,
        )
        kept.restart()


def test_what_is_of_another_partition_is_left_alone_until_it_comes_here() -> None:
    kept = Kept()
    kept.desk.add_incident(over())
    assert kept.work(DUE, mine=False) == []
    assert kept.work(DUE) == [drafted()]


def test_of_many_that_are_due_at_once_each_is_looked_at_once_and_the_first_comes_first() -> None:
    kept, asked = Kept(), list[str]()
    for number in reversed(range(50)):
        kept.desk.add_incident(over(f"inc-{number:02}"))

    def is_mine(_: str, incident_id: str) -> bool:
        asked.append(incident_id)
        return True

    for change in kept.desk.drafts(DUE, is_mine):
        kept.desk.record(change)
    assert asked == [f"inc-{number:02}" for number in range(50)]
    assert list(kept.desk.drafts(DUE, lambda *_: True)) == []


@given(st.lists(st.sampled_from(["open", "over", "submit", "restart", "wait"]), max_size=20))
def test_whatever_happens_there_is_one_draft_at_most_and_the_words_of_a_person_stay(events: list[str]) -> None:
    kept, now_s, drafts, given_words, latest = Kept(), DUE, 0, False, incident()
    for event in events:
        now_s += AFTER_S if event == "wait" else 1.0
        if event == "submit":
            kept.desk.add(submitted(now_s))
            given_words = True
        elif event == "restart":
            kept.restart()
            kept.desk.add_incident(latest)
        elif event != "wait":
            latest = over(resolved_at_s=now_s) if event == "over" else incident()
            kept.desk.add_incident(latest)
        drafts += sum(one.is_automatic for one in kept.work(now_s))
        assert drafts <= 1
        assert not given_words or kept.log["inc-1"].summary == "The driver was new."
