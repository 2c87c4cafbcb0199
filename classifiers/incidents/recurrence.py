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

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from classifiers.causes.causal_rules import DELAYS
from classifiers.evidence.attribution import Attribution, dimension_of
from classifiers.evidence.evidence_table import EvidenceTable, Signal, signal_of
from classifiers.model import Factor, Incident, Severity
from classifiers.verdict.assess import Verdict
from classifiers.verdict.hysteresis import SEVERITY_ORDER

MAX_KEPT = 3_000
"""Occurrences that one shard keeps, about 0.5 KB each. Beyond that the kind that was seen longest ago is dropped."""
MAX_OCCURRENCES = 40
"""Occurrences kept of one kind: over a month of a daily habit."""
KEEP_S = 35 * 86_400.0
"""Four weeks and a few days: a weekly habit is told from the fourth week on."""
MAX_ACTED_ON = 2_000
BEFORE = 3
"""So many occurrences, each a period apart, make the next one a habit."""
TOLERANCE = 0.05
"""Share of the period by which an opening may be off, between `LEAST_OFF_S` and `MOST_OFF_S`."""
LEAST_OFF_S, MOST_OFF_S = 30.0, 900.0
STRAY_MAX = 1
"""Occurrences within those periods that belong to no habit, at most. With more, the distance is chance."""
LONGER, HIGHER = 1.5, 1.25
"""A habit may last this multiple of the longest before, and deviate by this multiple of the highest before."""
LONGER_S, HIGHER_BY = 10.0, 0.1
"""How much at least is longer, in seconds, and higher, in relative deviation."""
FEW_ALARMS = 2
"""A series with fewer alarms shows nothing yet."""
REGULAR: frozenset[Signal] = DELAYS | {"traffic", "tokens_in", "tokens_out", "cache"}
"""Signals of load and of the delays that follow from it. Only these may be a habit."""
LOAD_UP: frozenset[Signal] = frozenset({"traffic", "tokens_in", "tokens_out"})
"""Of these only more is load: fewer or shorter requests and answers may be lost ones."""
PARTS = frozenset({None, "tenant"})
"""What a habit may hit: the whole service, or one tenant. Load does not single out a replica or a version."""

NOTE: Severity = "P3"
HABIT, BEYOND_HABIT = "habit", "beyond_habit"
"""Names of factors: of an incident that is a habit, and of one that was."""

_NAMES: tuple[tuple[float, str], ...] = ((3_600.0, "hourly"), (86_400.0, "daily"), (604_800.0, "weekly"))


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An incident that ended, as far as a later one may repeat it.

    lasted_s: from opening to the last alarm. deviations: by metric the highest mean deviation in the part that was hit.
    by_itself: it ended by itself, and could be part of a habit. number: which of its habit it was, 1 for none.
    """

    id: str
    fingerprints: tuple[str, ...]
    opened_at_s: float
    lasted_s: float
    deviations: Mapping[str, float]
    by_itself: bool
    number: int = 1


@dataclass(slots=True)
class Habit:
    """The habit that an incident is part of. number: which of it. last_id: the one before. longest_s, highest: of those
    before it, the duration and by metric the deviation. fingerprints: theirs. broken: why it is a habit no more."""

    period_s: float
    number: int
    last_id: str
    longest_s: float
    highest: dict[str, float]
    fingerprints: tuple[str, ...]
    broken: str | None = None

    def __str__(self) -> str:
        return f"{period_text(self.period_s)}, the {ordinal(self.number)}"


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
        """Add an incident that ended."""
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
        return next((one.fingerprints for one in self.occurrences if one.id == incident_id), ())

    def habit(self, fingerprints: Collection[str], opened_at_s: float, least_period_s: float) -> Habit | None:
        """The habit that an incident of these kinds is part of, None where there is none. The shortest period counts.

        least_period_s: what comes more often flaps.
        """
        if not self._acted_on.keys().isdisjoint(fingerprints):
            return None
        found = {one.id: one for kind in fingerprints for one in self._kinds.get(kind, ())}
        known = sorted(found.values(), key=lambda one: (-one.opened_at_s, one.id))
        for last in known:
            period_s = opened_at_s - last.opened_at_s
            if period_s >= least_period_s:
                before = _periods_before(known, last, opened_at_s, period_s)
                if before is not None and all(self._acted_on.keys().isdisjoint(one.fingerprints) for one in before):
                    return _habit(before, opened_at_s)
        return None


def is_habit(incident: Incident) -> bool:
    """Whether an incident is told as a habit now: no action is decided for it."""
    return any(factor.name == HABIT for factor in incident.factors)


def broken_by(
    habit: Habit, fingerprint: str, evidence: EvidenceTable, part: Attribution, highest: Mapping[str, float],
    lasted_s: float,
) -> str | None:
    """Why an incident is more than its habit, None while it is not. About 1 us a series.

    highest: by metric its highest mean deviation so far.
    """
    if fingerprint not in habit.fingerprints:
        return f"elsewhere or of another kind than its habit: {fingerprint}"
    if not regular(evidence, part):
        return "more than load and delays"
    if lasted_s > max(LONGER * habit.longest_s, habit.longest_s + LONGER_S):
        return f"longer than its habit: {lasted_s:.0f} s, at most {habit.longest_s:.0f} s before"
    dominant = evidence.metric_weights().keys()
    for metric, deviation in sorted(highest.items()):
        before = habit.highest.get(metric)
        if before is None:
            if metric in dominant:
                return f"on another metric than its habit: {metric}"
        elif deviation > max(HIGHER * before, before + HIGHER_BY):
            return f"higher than its habit: {metric} by {deviation:.0%}, at most {before:.0%} before"
    return None


def regular(evidence: EvidenceTable, part: Attribution) -> bool:
    """Whether an incident may be a habit at all: only load and delays are up, and no replica or version is singled out.
    """
    if part.dimension not in PARTS:
        return False
    return all(
        signal_of(metric) in REGULAR and not (signal_of(metric) in LOAD_UP and series.peak.direction == "down")
        for (metric, _), series in evidence.series.items() if series.alarms >= FEW_ALARMS
    )


def deviations_of(evidence: EvidenceTable, part: Attribution) -> dict[str, float]:
    """By metric that alarmed, the size of the mean deviation in the part that is hit."""
    found: dict[str, float] = {}
    for (metric, scope), series in evidence.series.items():
        own = dimension_of(scope) is None if part.dimension is None else getattr(scope, part.dimension) == part.value
        if own and series.alarms >= FEW_ALARMS:
            found[metric] = max(found.get(metric, 0.0), abs(series.deviation))
    return found


def as_habit(verdict: Verdict, habit: Habit) -> Verdict:
    """The verdict on an incident that is, or was, part of a habit. A habit is P3 at most: it may cost requests
    something, and yet it is known, ends by itself, and nobody needed to act on it."""
    if habit.broken is not None:
        return replace(verdict, factors=(*verdict.factors, Factor(BEYOND_HABIT, str(habit), 0.0, habit.broken)))
    ranks = SEVERITY_ORDER.index(verdict.severity), SEVERITY_ORDER.index(NOTE)
    text = f"{habit}: those before ended by themselves within {habit.longest_s:.0f} s, and nobody acted on any"
    if ranks[0] < ranks[1]:
        text += f"; a note, by the other factors {verdict.severity}"
    factor = Factor(HABIT, str(habit), float(min(0, ranks[0] - ranks[1])), text)
    return replace(verdict, severity=SEVERITY_ORDER[max(ranks)], factors=(*verdict.factors, factor))


def period_text(period_s: float) -> str:
    """A period in words.

    >>> period_text(3590.0), period_text(1500.0), period_text(7200.0)
    ('hourly', 'every 25 min', 'every 2 h')
    """
    for named_s, name in _NAMES:
        if abs(period_s - named_s) <= tolerance_s(named_s):
            return name
    minutes = round(period_s / 60.0)
    return f"every {minutes} min" if minutes < 120 else f"every {period_s / 3600.0:.3g} h"


def ordinal(number: int) -> str:
    """
    >>> [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 13, 21, 112)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '112th']
    """
    last = number % 10 if number % 100 not in (11, 12, 13) else 0
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"


def tolerance_s(period_s: float) -> float:
    """By how much an opening may be off its period."""
    return min(max(TOLERANCE * period_s, LEAST_OFF_S), MOST_OFF_S)


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


def _habit(before: list[Occurrence], opened_at_s: float) -> Habit:
    highest: dict[str, float] = {}
    for one in before:
        for metric, deviation in one.deviations.items():
            highest[metric] = max(highest.get(metric, 0.0), deviation)
    period_s = (opened_at_s - before[-1].opened_at_s) / BEFORE
    kinds = dict.fromkeys(kind for one in before for kind in one.fingerprints)
    return Habit(
        period_s, max(before[0].number, BEFORE) + 1, before[0].id, max(one.lasted_s for one in before), highest,
        tuple(kinds),
    )
