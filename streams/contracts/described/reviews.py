"""The descriptions of the fields of reviews and action items, and of the records by which people change them."""

from __future__ import annotations

from collections.abc import Mapping

from actions.reviews.record import ActionItem, Review
from classifiers.reviews_by_hand import ListedItem, SetItem, SubmitReview

INCIDENT = "The incident."
PLACE = "Where people keep it, such as a URL; empty for nowhere."
SUMMARY = "What people wrote as its summary; empty for nothing."
BY = "The person, whose signature the record must have."
AT = "When, seconds since the epoch."
VIA = "The path by which it came."
VERSION = "One more with each change; of two records the higher version counts."
OWNER = "Who does it, null where nobody is named."
DUE = "The day until which it is to be done, in UTC; null where none is named."

REVIEW_FIELDS: Mapping[type, Mapping[str, str]] = {
    Review: {
        "incident_id": INCIDENT, "version": VERSION, "state": "draft or published.", "place": PLACE,
        "summary": SUMMARY, "by": "Who recorded it last; tocsin for the role respond.", "changed_at_s": AT,
        "is_automatic": "Whether the role respond recorded it by itself; what a person records replaces it.",
    },
    ActionItem: {
        "id": "Its id, of the incident and the text.", "incident_id": "The incident of its review.",
        "version": VERSION, "state": "open, done, dropped by a person, or removed: its review names it no more.",
        "text": "What is to be done.", "owner": OWNER, "due": DUE, "by": "Who changed it last.", "changed_at_s": AT,
    },
    ListedItem: {
        "id": "The id of the item.", "text": "What is to be done.", "is_done": "Whether it is ticked.",
        "owner": OWNER, "due": DUE,
    },
    SubmitReview: {
        "incident_id": INCIDENT, "state": "draft or published.", "place": PLACE, "summary": SUMMARY,
        "items": "All action items of the review, at most 30; an open one that is not among them is removed.",
        "by": BY, "at_s": AT, "via": VIA,
    },
    SetItem: {
        "item_id": "The id of the item.", "incident_id": "The incident of its review.", "by": BY, "at_s": AT,
        "mark": "open, done or dropped; null: that stays.", "owner": "Who does it from now on; null: that stays.",
        "due": "The day until which it is to be done from now on, in UTC; null: that stays.",
        "comment": "Why, in the person's words; needed to drop an item.", "via": VIA,
    },
}
