"""Action items as tasks of a tracker: with labels made inert, and with where they come from. Pure."""

from __future__ import annotations

from actions.audiences.labels import label
from actions.trackers.kinds import Task
from streams.review.items import Item


def task_of(item: Item) -> Task:
    """The task that a tracker gets."""
    due = None if item.due is None else item.due.isoformat()
    terms = f"Owner: {label(item.owner or 'nobody')}. Due: {due or 'no date'}."
    text = f"From the review of incident {label(item.incident_id)}. {terms}"
    return Task(item.id, label(item.text), text, item.due)
