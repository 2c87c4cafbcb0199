"""An incident that ended, as far as a later one may repeat it. Incidents that come and go are one occurrence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

JOINED_S = 60.0
"""Incidents of one kind are the same occurrence where the next one opens at most so long after the last alarm."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One or more incidents of one kind that ended.

    id: of the first of them. lasted_s: from opening to the last alarm. deviations: by metric the highest mean
    deviation in the part that was hit. by_itself: it ended by itself, and could be part of a habit. is_note: it
    paged nobody. number: which of its habit it was, 1 for none. published_id, published_at_s: the last incident of
    its habit that was told, and when; None where it is this one. joined: ids of the further incidents.
    """

    id: str
    fingerprints: tuple[str, ...]
    opened_at_s: float
    lasted_s: float
    deviations: Mapping[str, float]
    by_itself: bool
    is_note: bool = False
    number: int = 1
    published_id: str | None = None
    published_at_s: float | None = None
    joined: tuple[str, ...] = ()

    @property
    def ended_s(self) -> float:
        """When its last alarm was."""
        return self.opened_at_s + self.lasted_s

    @property
    def last_published(self) -> tuple[str, float]:
        """The last incident of its habit that was told, and when it was."""
        return self.published_id or self.id, self.opened_at_s if self.published_at_s is None else self.published_at_s

    def continues(self, opened_at_s: float) -> bool:
        """Whether an incident of its kind that opens then is part of it."""
        return self.opened_at_s <= opened_at_s <= self.ended_s + JOINED_S

    def covers(self, opened_at_s: float, now_s: float, within_s: float) -> bool:
        """Whether an incident that goes on with it says nothing new: this one is a note that was told within that time,
        and the other one lasts no longer than this one did, or `JOINED_S`."""
        lasts_s = now_s - opened_at_s
        is_recent = opened_at_s - self.last_published[1] < within_s
        return self.is_note and is_recent and lasts_s <= max(self.lasted_s, JOINED_S)

    def with_part(self, other: Occurrence) -> Occurrence:
        """The same with another one that it continues, or that continues it."""
        first, second = sorted((self, other), key=lambda one: (one.opened_at_s, one.id))
        highest = {
            metric: max(first.deviations.get(metric, 0.0), second.deviations.get(metric, 0.0))
            for metric in {**first.deviations, **second.deviations}
        }
        latest = max(first.last_published, second.last_published, key=lambda one: (one[1], one[0]))
        return replace(
            first, fingerprints=tuple(dict.fromkeys((*first.fingerprints, *second.fingerprints))),
            lasted_s=max(first.ended_s, second.ended_s) - first.opened_at_s, deviations=highest,
            by_itself=first.by_itself and second.by_itself, is_note=first.is_note and second.is_note,
            number=max(first.number, second.number), published_id=latest[0], published_at_s=latest[1],
            joined=(*first.joined, second.id, *second.joined),
        )
