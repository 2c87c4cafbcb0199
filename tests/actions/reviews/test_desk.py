"""What people record about reviews is applied once, the newest counts, and what a person called done stays done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.reviews.desk import KEEP_S, ReviewDesk
from actions.reviews.record import TRANSITIONS, ActionItem, ItemEvent, ItemState
from classifiers.by_hand import ForReviews
from classifiers.model import AuditEntry
from classifiers.reviews_by_hand import MAX_ITEM_TEXT, MAX_ITEMS, ItemMark, ListedItem, SetItem, SubmitReview

T = 1_795_420_000.0
DUE = date(2026, 12, 1)
PIN = ListedItem("item-1", "Pin the driver", owner="ben", due=DUE)


def submitted(at_s: float, *items: ListedItem, incident_id: str = "inc-1", by: str = "anna") -> SubmitReview:
    return SubmitReview(incident_id, "draft", "https://wiki/inc-1", "It was slow.", items, by, at_s)


class Applied:
    """A desk whose changes are written to a log. log: the entries of the audit, in order."""

    def __init__(self) -> None:
        self.desk = ReviewDesk()
        self.log: list[AuditEntry] = []

    def add(self, *directives: ForReviews) -> None:
        for one in directives:
            self.desk.add(one)
        while (change := self.desk.next_change(lambda *_: True)) is not None:
            self.desk.record(change)
            self.log.append(change.entry)

    def restart(self) -> None:
        """Another process reads the records."""
        before, self.desk = self.desk.records, ReviewDesk()
        for review in before.reviews():
            self.desk.records.add_review(review)
        for item in before.items():
            self.desk.records.add_item(item)

    def item(self, name: str = "item-1") -> ActionItem:
        found = self.desk.records.item(name)
        assert found is not None
        return found

    def states(self) -> dict[str, ItemState]:
        return {one.id: one.state for one in self.desk.records.items()}


def test_a_review_stands_with_its_items_and_the_audit_says_who_recorded_it() -> None:
    here = Applied()
    here.add(submitted(T, PIN))
    review = here.desk.records.review("inc-1")
    assert review is not None
    assert (review.version, review.state, review.place, review.summary, review.by) == (
        1, "draft", "https://wiki/inc-1", "It was slow.", "anna",
    )
    assert here.item() == ActionItem("item-1", "inc-1", 1, "open", "Pin the driver", "ben", DUE, "anna", T)
    (entry,) = here.log
    assert (entry.subject, entry.event, entry.after, entry.actor) == ("inc-1", "review", "draft", "anna")


def test_the_same_record_and_an_older_one_change_nothing_also_after_a_restart() -> None:
    here = Applied()
    here.add(submitted(T, PIN), submitted(T, PIN), submitted(T - 5.0))
    here.restart()
    here.add(submitted(T, PIN), submitted(T - 5.0))
    assert (here.item().version, here.states(), len(here.log)) == (1, {"item-1": "open"}, 2)


def test_what_a_person_called_done_is_not_opened_by_a_file_that_is_older_or_not_ticked() -> None:
    here = Applied()
    here.add(submitted(T, PIN), SetItem("item-1", "inc-1", "ben", T + 1.0, "done"), submitted(T + 2.0, PIN))
    assert here.states() == {"item-1": "done"}
    here.add(SetItem("item-1", "inc-1", "ben", T + 3.0, "open", "cleo"))
    assert (here.item().state, here.item().owner, here.item().due) == ("open", "cleo", DUE)


def test_an_item_that_no_person_listed_stays_although_a_review_does_not_name_it() -> None:
    here = Applied()
    here.desk.records.add_item(ActionItem("auto-1", "inc-1", 1, "open", "Review why", None, None, "tocsin", T - 1.0))
    here.add(submitted(T, PIN))
    assert here.states() == {"auto-1": "open", "item-1": "open"}


def test_an_open_item_that_the_review_names_no_more_is_removed_and_a_done_one_stays() -> None:
    here = Applied()
    other = ListedItem("item-2", "Page earlier", is_done=True)
    here.add(submitted(T, PIN, other), submitted(T + 1.0))
    assert here.states() == {"item-1": "removed", "item-2": "done"}
    here.add(submitted(T + 2.0, PIN))
    assert here.states() == {"item-1": "open", "item-2": "done"}


def test_a_dropped_item_stays_so_until_a_person_opens_it_or_a_review_ticks_it() -> None:
    here = Applied()
    here.add(submitted(T, PIN), SetItem("item-1", "inc-1", "ben", T + 1.0, "dropped", comment="moved off"))
    assert (here.states(), here.log[-1].reason) == (
        {"item-1": "dropped"}, "action item 'Pin the driver': moved off",
    )
    here.add(submitted(T + 2.0, PIN), submitted(T + 3.0))
    assert (here.states(), here.desk.records.open_items()) == ({"item-1": "dropped"}, [])
    here.add(SetItem("item-1", "inc-1", "ben", T + 4.0, "open"))
    assert here.states() == {"item-1": "open"}
    here.add(
        SetItem("item-1", "inc-1", "ben", T + 5.0, "dropped", comment="again"),
        submitted(T + 6.0, ListedItem("item-1", "Pin the driver", is_done=True)),
    )
    assert here.states() == {"item-1": "done"}


def test_what_is_done_is_not_dropped() -> None:
    here = Applied()
    here.add(submitted(T, PIN), SetItem("item-1", "inc-1", "ben", T + 1.0, "done"))
    here.add(SetItem("item-1", "inc-1", "ben", T + 2.0, "dropped", comment="late"))
    assert here.states() == {"item-1": "done"}


def test_a_review_takes_no_item_of_another_incident() -> None:
    here = Applied()
    here.add(submitted(T, PIN), submitted(T + 1.0, PIN, incident_id="inc-2"))
    here.add(SetItem("item-1", "inc-2", "ben", T + 2.0, "done"))
    assert (here.item().incident_id, here.item().state) == ("inc-1", "open")


def test_what_is_recorded_of_an_item_waits_for_its_review() -> None:
    here = Applied()
    here.add(SetItem("item-1", "inc-1", "ben", T + 1.0, "done"))
    assert here.log == []
    here.add(submitted(T, PIN))
    assert here.states() == {"item-1": "done"}


def test_another_partition_is_left_alone() -> None:
    desk = ReviewDesk()
    desk.add(submitted(T, PIN))
    assert desk.next_change(lambda subject, incident: (subject, incident) != ("review/inc-1", "inc-1")) is None


def test_an_old_review_is_forgotten_once_no_item_is_open() -> None:
    here = Applied()
    here.add(submitted(T, PIN))
    later_s = T + 2.0 * KEEP_S
    assert list(here.desk.finished(later_s, lambda *_: True)) == []
    here.add(SetItem("item-1", "inc-1", "ben", T + 1.0, "done"))
    assert list(here.desk.finished(T + KEEP_S, lambda *_: True)) == []
    ((review, items),) = here.desk.finished(later_s, lambda *_: True)
    assert (review.incident_id, [one.id for one in items]) == ("inc-1", ["item-1"])


def test_items_are_told_by_due_date_and_only_the_day_after_it_are_they_overdue() -> None:
    here = Applied()
    late, never = ListedItem("item-2", "b", due=date(2026, 11, 1)), ListedItem("item-3", "c")
    here.add(submitted(T, never, PIN, late))
    assert [one.id for one in here.desk.records.open_items()] == ["item-2", "item-1", "item-3"]
    assert [here.item().is_overdue(day) for day in (DUE, date(2026, 12, 2))] == [False, True]
    assert not here.item("item-3").is_overdue(DUE)


@pytest.mark.parametrize("event", ["open", "done", "dropped", "unlist"])
def test_a_removed_item_stays_so_until_a_review_names_it_again(event: ItemEvent) -> None:
    assert ("removed", event) not in TRANSITIONS


@pytest.mark.parametrize(("build", "error"), [
    (lambda: submitted(T, PIN, PIN), "item 'item-1' is listed twice"),
    (lambda: submitted(T, *[ListedItem(f"item-{one}", "x") for one in range(MAX_ITEMS + 1)]), "31 items, expected at"),
    (lambda: ListedItem("item-1", "x" * (MAX_ITEM_TEXT + 1)), "text of 301 characters, expected 1 to 300"),
    (lambda: SetItem("item-1", "inc-1", "ben", T), "no change, expected a mark, an owner or a due date"),
    (lambda: SetItem("item-1", "inc-1", "ben", T, "dropped", comment=" "), "the reason why it is dropped"),
    (
        lambda: SubmitReview("inc-1", "final", "", "", (), "anna", T),  # type: ignore[arg-type]
        "state 'final', expected one of draft, published",
    ),
    (lambda: SubmitReview("inc-1", "draft", "x" * 1001, "", (), "anna", T), "1001 characters"),
])
def test_what_cannot_be_recorded_is_refused_with_what_was_expected(build: object, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        build()  # type: ignore[operator]


MARKS: st.SearchStrategy[ItemMark] = st.sampled_from(["open", "done", "dropped"])
DIRECTIVES = st.lists(
    st.one_of(
        st.builds(
            lambda at, names, ticked: submitted(
                T + at, *[ListedItem(f"item-{name}", "x", is_done=ticked) for name in sorted(names)],
            ),
            st.integers(0, 9), st.sets(st.integers(0, 2)), st.booleans(),
        ),
        st.builds(
            lambda at, name, mark: SetItem(f"item-{name}", "inc-1", "ben", T + at + 0.5, mark, comment="x"),
            st.integers(0, 9), st.integers(0, 2), MARKS,
        ),
    ), max_size=8, unique_by=lambda one: one.at_s,
)


@given(DIRECTIVES, st.sets(st.integers(0, 8)))
def test_in_order_restarts_and_repeats_come_to_the_same_records(
    directives: Sequence[ForReviews], restarts: set[int],
) -> None:
    ordered = sorted(directives, key=lambda one: one.at_s)
    once, restarted = Applied(), Applied()
    for number, one in enumerate(ordered):
        once.add(one)
        if number in restarts:
            restarted.restart()
        restarted.add(*ordered[:number + 1])
    assert restarted.desk.records.items() == once.desk.records.items()
    assert restarted.desk.records.reviews() == once.desk.records.reviews()
