"""All reviews and action items that are known, from their records. Pure.

Duplicate: of two records with one key the higher version counts. Memory: `MAX_REVIEWS` reviews and `MAX_ITEMS` items,
those that changed last.
"""

from __future__ import annotations

from datetime import date

from actions.bounded import remember
from actions.reviews.record import ActionItem, Review

MAX_REVIEWS = 5_000
MAX_ITEMS = 20_000


class ReviewRecords:
    """See the module."""

    def __init__(self) -> None:
        self._reviews: dict[str, Review] = {}
        self._items: dict[str, ActionItem] = {}

    def add_review(self, one: Review) -> bool:
        """A review as it stands; whether that is news."""
        known = self._reviews.get(one.incident_id)
        if known is not None and known.version >= one.version:
            return False
        remember(self._reviews, one.incident_id, one, MAX_REVIEWS)
        return True

    def add_item(self, one: ActionItem) -> bool:
        """An action item as it stands; whether that is news."""
        known = self._items.get(one.id)
        if known is not None and known.version >= one.version:
            return False
        remember(self._items, one.id, one, MAX_ITEMS)
        return True

    def forget_review(self, incident_id: str) -> None:
        """The log has no review of this incident any more."""
        self._reviews.pop(incident_id, None)

    def forget_item(self, item_id: str) -> None:
        """The log has no such item any more."""
        self._items.pop(item_id, None)

    def review(self, incident_id: str) -> Review | None:
        """The review of an incident; None where none is recorded."""
        return self._reviews.get(incident_id)

    def reviews(self) -> list[Review]:
        """All reviews, the one that changed last at the end."""
        return list(self._reviews.values())

    def item(self, item_id: str) -> ActionItem | None:
        """An item; None where none of this id is recorded."""
        return self._items.get(item_id)

    def items(self, incident_id: str | None = None) -> list[ActionItem]:
        """The items of an incident, or all, by due date; those without one last, and the names decide ties."""
        found = [one for one in self._items.values() if incident_id in (None, one.incident_id)]
        return sorted(found, key=lambda one: (one.due is None, one.due or date.max, one.incident_id, one.id))

    def open_items(self) -> list[ActionItem]:
        """The items that are not done, over all reviews, in the same order: overdue ones are first."""
        return [one for one in self.items() if one.state == "open"]
