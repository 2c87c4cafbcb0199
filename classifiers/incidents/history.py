"""What ended lately: whether an incident is an old one come back, and whether its kind opens too often.

An incident is recognised by its fingerprint: service, model, scope and category. Both the one it opened with and the
one it ended with count, since a verdict may sharpen as evidence comes in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

MAX_ENDED = 2_000
"""Ended incidents that one shard remembers, about 0.5 KB each; beyond that the oldest are forgotten early."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An incident that resolved. prints: its fingerprints. Times in seconds of event time."""

    id: str
    prints: tuple[str, ...]
    opened_at_s: float
    resolved_at_s: float


class History:
    """Incidents that resolved within `keep_s`, found by fingerprint. Bounded; its content is part of the snapshot."""

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._ended: deque[Ended] = deque()
        self._by_print: dict[str, list[Ended]] = {}
        self._ids: set[str] = set()

    def __contains__(self, incident_id: object) -> bool:
        return incident_id in self._ids

    @property
    def ended(self) -> tuple[Ended, ...]:
        """Everything remembered, in the order it resolved."""
        return tuple(self._ended)

    def note(self, ended: Ended) -> None:
        """Remember an incident, and forget what resolved too long before it."""
        self._ended.append(ended)
        self._ids.add(ended.id)
        for fingerprint in ended.prints:
            self._by_print.setdefault(fingerprint, []).append(ended)
        since_s = ended.resolved_at_s - self._keep_s
        while len(self._ended) > MAX_ENDED or self._ended[0].resolved_at_s < since_s:
            self._forget(self._ended.popleft())

    def last(self, prints: Iterable[str], opened_at_s: float, within_s: float) -> Ended | None:
        """The last one of these fingerprints that resolved before an opening, at most so long before it."""
        return max(
            (one for one in self._of(prints) if opened_at_s - within_s <= one.resolved_at_s <= opened_at_s),
            key=lambda one: (one.resolved_at_s, one.id), default=None,
        )

    def openings(self, fingerprint: str, since_s: float) -> int:
        """How many incidents of this fingerprint opened since then."""
        return sum(one.opened_at_s >= since_s for one in self._of([fingerprint]))

    def _of(self, prints: Iterable[str]) -> list[Ended]:
        return [one for fingerprint in prints for one in self._by_print.get(fingerprint, ())]

    def _forget(self, ended: Ended) -> None:
        self._ids.discard(ended.id)
        for fingerprint in ended.prints:
            known = self._by_print[fingerprint]
            known.remove(ended)
            if not known:
                del self._by_print[fingerprint]
