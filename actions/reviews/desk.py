"""What people record about reviews, applied: each directive once, the newest counts; and drafts without a person. Pure.

Crash: records and directives are read again from their topics; a directive that is not newer than what it changes
changes nothing. Order: a directive that comes late is passed over. Memory: that of the records, and `MAX_GIVEN`
directives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from actions.bounded import remember
from actions.reviews.drafts import DraftRule, DueDrafts
from actions.reviews.record import AUTHOR, TRANSITIONS, UNLISTED, ActionItem, ItemEvent, Review
from actions.reviews.records import ReviewRecords
from classifiers.by_hand import ForReviews
from classifiers.model import AuditEntry, Incident
from classifiers.reviews_by_hand import ListedItem, SetItem, SubmitReview

MAX_GIVEN = 5_000
KEEP_S = 365 * 86_400.0
"""A review that nobody changed for so long is forgotten, if none of its items is open."""
Mine = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class ReviewChange:
    """What a directive changes, written together. review: None where that stays. entry: of the audit."""

    review: Review | None
    items: tuple[ActionItem, ...]
    entry: AuditEntry


class ReviewDesk:
    """records: as they stand in the log. rule: which incidents get a draft without a person, None for none."""

    def __init__(self, rule: DraftRule | None = None) -> None:
        self.records = ReviewRecords()
        self._drafts = DueDrafts(rule)
        self._given: dict[str, ForReviews] = {}

    def add(self, directive: ForReviews) -> None:
        """A verified directive of a person who may record reviews."""
        if self._is_news(directive):
            remember(self._given, directive.id, directive, MAX_GIVEN)

    def add_incident(self, incident: Incident) -> None:
        """An incident as told."""
        self._drafts.add_incident(incident)

    def next_change(self, mine: Mine) -> ReviewChange | None:
        """What the oldest directive changes that waits; None where none does. mine: by subject and incident.

        It comes again until it is recorded.
        """
        for directive in sorted(self._given.values(), key=lambda one: (one.at_s, one.id)):
            if not self._is_news(directive):
                del self._given[directive.id]
            elif mine(self._subject(directive), directive.incident_id):
                change = self._submit(directive) if isinstance(directive, SubmitReview) else self._set(directive)
                if change is not None:
                    return change
        return None

    def drafts(self, now_s: float, mine: Mine) -> Iterator[ReviewChange]:
        """The drafts that are due, the first one first. An incident with any review gets none.

        A draft comes again, from another call, until it is recorded. What people gave is to be applied before.
        """
        for incident in self._drafts.due(now_s):
            if self.records.review(incident.id) is not None:
                self._drafts.discard(incident.id)
                continue
            review = Review(incident.id, 1, "draft", "", "", AUTHOR, now_s, is_automatic=True)
            if mine(review.subject, incident.id):
                reason = f"{incident.peak_severity} at its worst, and over: its review was begun"
                yield ReviewChange(review, (), AuditEntry(now_s, incident.id, "review", None, "draft", reason))

    def record(self, change: ReviewChange) -> None:
        """A change was written."""
        if change.review is not None:
            self.records.add_review(change.review)
        for one in change.items:
            self.records.add_item(one)

    def finished(self, now_s: float, mine: Mine) -> Iterator[tuple[Review, list[ActionItem]]]:
        """Reviews to be forgotten, each with its items."""
        for review in self.records.reviews():
            if now_s - review.changed_at_s < KEEP_S or not mine(review.subject, review.incident_id):
                continue
            items = self.records.items(review.incident_id)
            if all(one.state != "open" and now_s - one.changed_at_s >= KEEP_S for one in items):
                yield review, items

    def _is_news(self, directive: ForReviews) -> bool:
        if isinstance(directive, SubmitReview):
            review = self.records.review(directive.incident_id)
            return review is None or review.is_automatic or review.changed_at_s < directive.at_s
        item = self.records.item(directive.item_id)
        return item is None or item.changed_at_s < directive.at_s

    def _subject(self, directive: ForReviews) -> str:
        name = directive.incident_id if isinstance(directive, SubmitReview) else directive.item_id
        return f"{'review' if isinstance(directive, SubmitReview) else 'item'}/{name}"

    def _submit(self, given: SubmitReview) -> ReviewChange:
        known = self.records.review(given.incident_id)
        review = Review(
            given.incident_id, 1 if known is None else known.version + 1, given.state, given.place, given.summary,
            given.by, given.at_s,
        )
        listed = {one.id for one in given.items}
        gone = [
            one for one in self.records.items(given.incident_id)
            if one.id not in listed and not one.id.startswith(UNLISTED)
        ]
        items = [_listed(given, one, self.records.item(one.id)) for one in given.items]
        items += [_moved(one, "unlist", given.by, given.at_s) for one in gone]
        reason = f"review recorded as {given.state}, {len(given.items)} action items"
        entry = AuditEntry(
            given.at_s, given.incident_id, "review", None if known is None else known.state, given.state, reason,
            given.by,
        )
        return ReviewChange(review, tuple(one for one in items if one is not None), entry)

    def _set(self, given: SetItem) -> ReviewChange | None:
        known = self.records.item(given.item_id)
        if known is None or known.incident_id != given.incident_id:
            return None
        moved = known if given.mark is None else _moved(known, given.mark, given.by, given.at_s)
        if moved is None:
            return None
        item = replace(
            moved, version=known.version + 1, by=given.by, changed_at_s=given.at_s, owner=given.owner or moved.owner,
            due=given.due or moved.due,
        )
        reason = f"action item {item.text!r}" + (f": {given.comment}" if given.comment else "")
        entry = AuditEntry(given.at_s, given.incident_id, "item", known.state, item.state, reason, given.by)
        return ReviewChange(None, (item,), entry)


def _listed(given: SubmitReview, one: ListedItem, known: ActionItem | None) -> ActionItem | None:
    """An item as a review lists it; None where that is no news, or the item is of another incident."""
    state = TRANSITIONS[None if known is None else known.state, "list_done" if one.is_done else "list"]
    if known is None:
        return ActionItem(
            one.id, given.incident_id, 1, state, one.text, one.owner, one.due, given.by, given.at_s,
        )
    same = (state, one.text, one.owner, one.due) == (known.state, known.text, known.owner, known.due)
    if same or known.incident_id != given.incident_id or known.changed_at_s >= given.at_s:
        return None
    return replace(
        known, version=known.version + 1, state=state, text=one.text, owner=one.owner, due=one.due, by=given.by,
        changed_at_s=given.at_s,
    )


def _moved(one: ActionItem, event: ItemEvent, by: str, at_s: float) -> ActionItem | None:
    """An item after an event; None where its state does not know the event, or something newer is known of it."""
    state = TRANSITIONS.get((one.state, event))
    if state is None or one.changed_at_s >= at_s:
        return None
    return replace(one, version=one.version + 1, state=state, by=by, changed_at_s=at_s)
