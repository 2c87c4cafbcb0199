"""Reviews and action items as they stand on the response topic, and the states of an item as a table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from classifiers.reviews_by_hand import ItemMark, ReviewState

ItemState = Literal["open", "done", "dropped", "removed"]
ItemEvent = Literal["list", "list_done", "unlist", "open", "done", "dropped"]
"""list, list_done: a review names the item, not ticked or ticked. unlist: a review names it no more. open, done,
dropped: a person says so."""

TRANSITIONS: Mapping[tuple[ItemState | None, ItemEvent], ItemState] = {
    (None, "list"): "open",
    (None, "list_done"): "done",
    ("open", "list"): "open",
    ("open", "list_done"): "done",
    ("open", "unlist"): "removed",
    ("open", "open"): "open",
    ("open", "done"): "done",
    ("open", "dropped"): "dropped",
    ("done", "list"): "done",
    ("done", "list_done"): "done",
    ("done", "open"): "open",
    ("done", "done"): "done",
    ("dropped", "list"): "dropped",
    ("dropped", "list_done"): "done",
    ("dropped", "open"): "open",
    ("dropped", "done"): "done",
    ("dropped", "dropped"): "dropped",
    ("removed", "list"): "open",
    ("removed", "list_done"): "done",
}
"""A pair that is not listed changes nothing. A review that does not tick an item does not open it again: the file may
be older than what a person said. Only an open item can be dropped."""

AUTHOR = "tocsin"
"""Who recorded what no person asked for."""
UNLISTED = "auto-"
"""The ids of items that no review listed begin so: a review that does not name such an item leaves it as it is."""


@dataclass(frozen=True, slots=True)
class Review:
    """The review of an incident. version: one more with each change. place: where people keep it, empty for nowhere.
    summary: of people. by: who recorded it last. changed_at_s: when, seconds since the epoch. is_automatic: whether the
    role respond recorded it by itself; whatever a person records replaces it.
    """

    incident_id: str
    version: int
    state: ReviewState
    place: str
    summary: str
    by: str
    changed_at_s: float
    is_automatic: bool = False

    @property
    def subject(self) -> str:
        """Its key on the response topic."""
        return f"review/{self.incident_id}"


@dataclass(frozen=True, slots=True)
class ActionItem:
    """What is to be done after an incident. version: one more with each change. owner, due: None where none is named.
    by: who changed it last. changed_at_s: when, seconds since the epoch.
    """

    id: str
    incident_id: str
    version: int
    state: ItemState
    text: str
    owner: str | None
    due: date | None
    by: str
    changed_at_s: float

    @property
    def subject(self) -> str:
        """Its key on the response topic."""
        return f"item/{self.id}"

    def why_not(self, mark: ItemMark) -> str | None:
        """Why a person cannot mark it so; None where that is possible.

        >>> ActionItem("item-1", "inc-1", 1, "done", "x", None, None, "ben", 1.0).why_not("dropped")
        'the item is done, so it cannot become dropped; expected open before it'
        """
        if (self.state, mark) in TRANSITIONS:
            return None
        return f"the item is {self.state}, so it cannot become {mark}; expected open before it"

    def is_overdue(self, today: date) -> bool:
        """Whether it is open after its due date. today: in UTC."""
        return self.state == "open" and self.due is not None and self.due < today
