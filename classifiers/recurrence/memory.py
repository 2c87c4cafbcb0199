"""Recurrence: whether an incident is a habit, that is, one that comes back at a regular distance and ends by itself.

An incident is a habit when its kind opened one, two and three periods before it, and each of these ended by itself, hit
nothing but load and delays, and was not acted on by people or by us. So the fourth is the first that is told as one. It
is a note and starts no action. It is a habit no more when it lasts longer or gets higher than those before, or shows on
another metric or in another part.

A kind that people acted on never becomes a habit, until a human says that one of it was a false alarm or expected.
Failures, silence and what is wrong with answers never become one either: repeating makes no fault normal. Pure; bounded
by `MAX_KEPT` and `MAX_OCCURRENCES`; part of the snapshot.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import pairwise

from classifiers.recurrence.habit import Habit, tolerance_s
from classifiers.recurrence.occurrence import Occurrence

MAX_KEPT = 3_000
"""Occurrences that one shard keeps, about 0.5 KB each. Beyond that the kind that was seen longest ago is dropped."""
MAX_OCCURRENCES = 40
"""Occurrences kept of one kind: over a month of a daily habit."""
KEEP_S = 35 * 86_400.0
"""Four weeks and a few days: a weekly habit is told from the fourth week on."""
MAX_ACTED_ON = 2_000
BEFORE = 3
"""So many occurrences, each a period apart, make the next one a habit."""
STRAY_MAX = 1
"""Occurrences within those periods that belong to no habit, at most. With more, the distance is chance."""


class Recurrence:
    """The occurrences of each kind of incident, and the kinds that people acted on."""

    def __init__(self) -> None:
        self._kinds: dict[str, list[Occurrence]] = {}
        self._acted_on: dict[str, None] = {}

    @property
    def occurrences(self) -> tuple[Occurrence, ...]:
        """All that are kept, each once, in order of opening."""
        found = {one.id: one for known in self._kinds.values() for one in known}
        return tuple(sorted(found.values(), key=lambda one: (one.opened_at_s, one.id)))

    @property
    def acted_on(self) -> tuple[str, ...]:
        """The kinds that people acted on, in the order in which that was last said."""
        return tuple(self._acted_on)

    def record(self, occurrence: Occurrence) -> None:
        """Add an incident that ended. It is one occurrence with those that it continues, and that continue it."""
        while (part := self._part_of(occurrence)) is not None:
            self._forget(part)
            occurrence = occurrence.with_part(part)
        for kind in occurrence.fingerprints:
            known = sorted([*self._kinds.get(kind, []), occurrence], key=lambda one: (one.opened_at_s, one.id))
            since_s = occurrence.opened_at_s - KEEP_S
            self._kinds[kind] = [one for one in known if one.opened_at_s >= since_s][-MAX_OCCURRENCES:]
        while sum(map(len, self._kinds.values())) > MAX_KEPT:
            del self._kinds[min(self._kinds, key=lambda kind: (self._kinds[kind][-1].opened_at_s, kind))]

    def act_on(self, kinds: Iterable[str]) -> None:
        """People acted on incidents of these kinds: none of them becomes a habit."""
        for kind in kinds:
            self._acted_on.pop(kind, None)
            self._acted_on[kind] = None
        while len(self._acted_on) > MAX_ACTED_ON:
            del self._acted_on[next(iter(self._acted_on))]

    def dismiss(self, kinds: Iterable[str]) -> None:
        """A human said that an incident of these kinds was nothing: they may become a habit again."""
        for kind in kinds:
            self._acted_on.pop(kind, None)

    def kinds_of(self, incident_id: str) -> tuple[str, ...]:
        """The kinds of an incident that ended, empty where it is not kept."""
        return next((one.fingerprints for one in self.occurrences if incident_id in (one.id, *one.joined)), ())

    def habit(self, fingerprints: Collection[str], opened_at_s: float, least_period_s: float) -> Habit | None:
        """The habit that an incident of these kinds is part of, None where there is none. The shortest period counts.

        least_period_s: what comes more often flaps.
        """
        if not self._acted_on.keys().isdisjoint(fingerprints):
            return None
        found = {one.id: one for one in self._of(fingerprints)}
        continued = self.continued(fingerprints, opened_at_s)
        if continued is not None:
            if not continued.by_itself:
                return None
            del found[continued.id]
            opened_at_s = continued.opened_at_s
        known = sorted(found.values(), key=lambda one: (-one.opened_at_s, one.id))
        for last in known:
            period_s = opened_at_s - last.opened_at_s
            if period_s >= least_period_s:
                before = _periods_before(known, last, opened_at_s, period_s)
                if before is not None and all(self._acted_on.keys().isdisjoint(one.fingerprints) for one in before):
                    return _habit(before, opened_at_s, continued)
        return None

    def continued(self, fingerprints: Collection[str], opened_at_s: float) -> Occurrence | None:
        """The occurrence that an incident of these kinds goes on with, None for one that is new."""
        same = [one for one in self._of(fingerprints) if one.continues(opened_at_s)]
        return min(same, key=lambda one: (one.opened_at_s, one.id), default=None)

    def is_acted_on(self, fingerprint: str) -> bool:
        """Whether people acted on one of this kind."""
        return fingerprint in self._acted_on

    def _of(self, kinds: Iterable[str]) -> Iterable[Occurrence]:
        return (one for kind in kinds for one in self._kinds.get(kind, ()))

    def _part_of(self, occurrence: Occurrence) -> Occurrence | None:
        """An occurrence that is the same as this one."""
        return next((
            one for one in self._of(occurrence.fingerprints)
            if one.continues(occurrence.opened_at_s) or occurrence.continues(one.opened_at_s)
        ), None)

    def _forget(self, occurrence: Occurrence) -> None:
        for kind in occurrence.fingerprints:
            if kind in self._kinds:
                self._kinds[kind] = [one for one in self._kinds[kind] if one.id != occurrence.id]
                if not self._kinds[kind]:
                    del self._kinds[kind]


def _periods_before(
    known: list[Occurrence], last: Occurrence, opened_at_s: float, period_s: float,
) -> list[Occurrence] | None:
    """The occurrences one, two and three periods before an opening, latest first; None where they are no habit."""
    before = [last]
    while len(before) < BEFORE:
        at_s = before[-1].opened_at_s - period_s
        near = min(known, key=lambda one: abs(one.opened_at_s - at_s))
        if near in before:
            return None
        before.append(near)
    openings = [opened_at_s, *(one.opened_at_s for one in before)]
    period_s = (opened_at_s - before[-1].opened_at_s) / BEFORE
    off_s = tolerance_s(period_s)
    if any(abs(later - earlier - period_s) > off_s for later, earlier in pairwise(openings)):
        return None
    if not all(one.by_itself for one in before):
        return None
    within = [one for one in known if before[-1].opened_at_s <= one.opened_at_s]
    all_openings = [*(one.opened_at_s for one in known), opened_at_s]
    stray = sum(
        not any(abs(abs(one.opened_at_s - other) - period_s) <= off_s for other in all_openings)
        for one in within if one not in before
    )
    return before if stray <= STRAY_MAX else None


def _habit(before: list[Occurrence], began_s: float, continued: Occurrence | None) -> Habit:
    """continued: the occurrence that it is a further part of."""
    highest: dict[str, float] = {}
    for one in before:
        for metric, deviation in one.deviations.items():
            highest[metric] = max(highest.get(metric, 0.0), deviation)
    last = before[0]
    ours = [last] if continued is None else [last, continued]
    published_id, published_at_s = max((one.last_published for one in ours), key=lambda one: one[1])
    kinds = dict.fromkeys(kind for one in before for kind in one.fingerprints)
    return Habit(
        period_s=(began_s - before[-1].opened_at_s) / BEFORE, number=max(last.number, BEFORE) + 1, last_id=published_id,
        longest_s=max(one.lasted_s for one in before), highest=highest, fingerprints=tuple(kinds), began_s=began_s,
        published_at_s=published_at_s, is_known=any(one.number > BEFORE for one in ours),
    )
