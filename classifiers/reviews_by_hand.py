"""What people record about the review of an incident and its action items: directives, as in `classifiers.by_hand`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from classifiers.directive_fields import Via, of_person

ReviewState = Literal["draft", "published"]
ItemMark = Literal["open", "done", "dropped"]
"""dropped: it will not be done, for a reason that is on record."""
MAX_ITEMS = 30
MAX_ITEM_TEXT = 300
"""Characters."""
MAX_OWNER = 60
"""Characters."""


@dataclass(frozen=True, slots=True)
class ListedItem:
    """An action item as it stands in a review. owner, due: None where none is named. is_done: whether it is ticked."""

    id: str
    text: str
    is_done: bool = False
    owner: str | None = None
    due: date | None = None

    def __post_init__(self) -> None:
        _short("item", MAX_OWNER, id=self.id)
        _short("item", MAX_ITEM_TEXT, text=self.text)
        if self.owner is not None:
            _short("item", MAX_OWNER, owner=self.owner)


@dataclass(frozen=True, slots=True)
class SubmitReview:
    """The review of an incident as it stands where people keep it. place: where that is, such as a URL, empty for
    nowhere. summary: what people wrote as its summary. items: all of its action items.
    """

    incident_id: str
    state: ReviewState
    place: str
    summary: str
    items: tuple[ListedItem, ...]
    by: str
    at_s: float
    via: Via = "cli"

    def __post_init__(self) -> None:
        of_person("review", self.by, self.via, self.at_s, self.summary, incident_id=self.incident_id)
        of_person("review", self.by, self.via, self.at_s, self.place)
        if self.state not in get_args(ReviewState):
            raise ValueError(f"review: state {self.state!r}, expected one of {', '.join(get_args(ReviewState))}")
        if len(self.items) > MAX_ITEMS:
            raise ValueError(f"review: {len(self.items)} items, expected at most {MAX_ITEMS}")
        ids = [one.id for one in self.items]
        twice = next((one for one in ids if ids.count(one) > 1), None)
        if twice is not None:
            raise ValueError(f"review: item {twice!r} is listed twice, expected each item once")

    @property
    def id(self) -> str:
        """One id for each incident, person and time. Of several the newest counts."""
        return f"review/{self.incident_id}/{self.at_s:.3f}/{self.by}"

    @property
    def subject(self) -> str:
        """The incident."""
        return self.incident_id


@dataclass(frozen=True, slots=True)
class SetItem:
    """An action item is done, dropped or open again, or has another owner or due date. None: that stays as it is.

    comment: why; needed to drop an item.
    """

    item_id: str
    incident_id: str
    by: str
    at_s: float
    mark: ItemMark | None = None
    owner: str | None = None
    due: date | None = None
    comment: str = ""
    via: Via = "cli"

    def __post_init__(self) -> None:
        names = {"item_id": self.item_id, "incident_id": self.incident_id}
        of_person("item", self.by, self.via, self.at_s, self.comment, **names)
        if self.owner is not None:
            _short("item", MAX_OWNER, owner=self.owner)
        if self.mark is not None and self.mark not in get_args(ItemMark):
            raise ValueError(f"item: mark {self.mark!r}, expected one of {', '.join(get_args(ItemMark))}")
        if self.mark is None and self.owner is None and self.due is None:
            raise ValueError("item: no change, expected a mark, an owner or a due date")
        if self.mark == "dropped" and not self.comment.strip():
            raise ValueError(f"item: comment {self.comment!r}, expected the reason why it is dropped")

    @property
    def id(self) -> str:
        """One id for each item, person and time. Of several the newest counts."""
        return f"item/{self.item_id}/{self.at_s:.3f}/{self.by}"

    @property
    def subject(self) -> str:
        """The incident, so that what is recorded about its review stays in order."""
        return self.incident_id


def _short(directive: str, limit: int, /, **given: str) -> None:
    """Raises `ValueError` for a text that is empty or too long."""
    for name, text in given.items():
        if not 1 <= len(text) <= limit:
            raise ValueError(f"{directive}: {name} of {len(text)} characters, expected 1 to {limit}")
