"""The subjects that changed, each with its newest revision: as a compacted topic, from which a viewer catches up.

A viewer that was away for any time gets each subject that changed once, in its present state. Memory: one entry a
subject, `MAX_SUBJECTS` at most; a viewer from before a dropped one begins anew. Pure.
"""

from __future__ import annotations

from typing import Literal

MAX_SUBJECTS = 20_000
Kind = Literal["incident", "approval", "text", "force", "series", "item"]
"""text: one that waits for a person, by its digest. force: what is in force at targets, and the storm brake. series:
windows of an incident or a service. item: an action item of a review."""
Subject = tuple[Kind, str]


class ChangeLog:
    """revision: of the last change, 0 before the first."""

    def __init__(self, max_subjects: int = MAX_SUBJECTS) -> None:
        self.revision = 0
        self._max_subjects = max_subjects
        self._revisions: dict[Subject, int] = {}
        self._dropped = 0

    def note(self, kind: Kind, key: str) -> None:
        """A subject changed."""
        self.revision += 1
        self._revisions.pop((kind, key), None)
        self._revisions[kind, key] = self.revision
        while len(self._revisions) > self._max_subjects:
            self._dropped = self._revisions.pop(next(iter(self._revisions)))

    def since(self, revision: int) -> list[Subject] | None:
        """The subjects that changed after a revision, oldest change first; None where that is not known any more."""
        if revision > self.revision or revision < self._dropped:
            return None
        found: list[Subject] = []
        for subject in reversed(self._revisions):
            if self._revisions[subject] <= revision:
                break
            found.append(subject)
        return found[::-1]
