"""Signs to causes: what nothing else explains is a root, roots of one origin are one cause, effects go to their cause.

Two roots are of one origin when they are the same signal of parts that do not exclude each other, or hit the same part
and began together. Different parts on signals that do not explain each other, or signals that began apart where neither
explains the other, are two causes. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from classifiers.causes.paths import AT_ONCE, LOAD, SLOWLY, explains, overlap
from classifiers.causes.symptoms import Symptom
from classifiers.evidence.evidence_table import ABSENCE

MOST_ERROR_S = 3.0
WAITING = frozenset({"queueing", "latency", "first_token"})
BACKLOG = WAITING | {"decode", "tokens_out", "saturation", "errors"}
"""What holds requests up: when it ends they are answered all at once, which looks like traffic."""
FLUSH_S = 3.0
LAG_S = 4.0
"""What comes of other answers or requests comes with them; only load builds up slowly."""
ANSWERS = frozenset({"truncation", "cache", "quality", "tokens_out"})
"""What answers are: other requests bring it along at once."""
TIMES_OUT = 2.0
"""Growth of the wait, beyond what was expected and as a share of it, from which on requests may time out."""
TIMING_OUT = frozenset({
    "tokens_in", "tokens_out", "cache", "traffic", "decode", "first_token", "queueing", "saturation", "latency",
})
"""What makes requests fail only by making them wait."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause as it shows now: its roots, upstream first, and all signs that are its."""

    roots: tuple[Symptom, ...]
    signs: tuple[Symptom, ...]

    @property
    def key(self) -> str:
        """A name made from the cause alone."""
        blame = self.roots[0].sign.blame
        where = "all" if blame.dimension is None else f"{blame.dimension}={blame.value}"
        return f"{where} {self.roots[0].sign.node}"

    @property
    def past(self) -> bool:
        """Whether nothing of it alarms now: it is nobody's reason any more, and no news."""
        return all(seen.past for seen in self.signs)

    @property
    def over(self) -> bool:
        """Whether its roots alarm no longer, whatever of its effects still does."""
        return all(seen.past for seen in self.roots)

    @property
    def weight(self) -> float:
        return sum(seen.weight for seen in self.signs if not seen.past)

    @property
    def onset_s(self) -> float:
        """No earlier than this, errors included."""
        return min(seen.onset_s - seen.onset_error_s for seen in self.roots)


def causes_of(seen: Sequence[Symptom], window_s: float) -> list[Cause]:
    """The causes behind these signs, in order of key. window_s: onsets so close began together, errors aside."""
    waits = max((one.sign.size for one in seen if one.sign.node in WAITING), default=0.0)
    reasons = [
        [
            a for a in range(len(seen))
            if _is_reason(seen[a], b, window_s) and not _too_soon(seen[a], b, waits) and not _apart(seen[a], b, seen)
        ]
        for b in seen
    ]
    roots = [at for at, found in enumerate(reasons) if not found]
    home = _united(seen, roots, window_s)
    waiting = sorted(set(range(len(seen))) - home.keys(), key=lambda at: (seen[at].sign.rank, seen[at].metric))
    while waiting:
        known = [at for at in waiting if any(reason in home for reason in reasons[at])]
        for at in known:
            best = max((one for one in reasons[at] if one in home), key=lambda one: _likeness(seen[one], seen[at]))
            home[at] = home[best]
        if not known:
            # They explain each other in a circle: the one that began first is the cause.
            first = min(waiting, key=lambda at: (seen[at].onset_s, at))
            home[first] = first
            roots.append(first)
        waiting = [at for at in waiting if at not in home]
    members: dict[int, list[int]] = {}
    for at, first in home.items():
        members.setdefault(first, []).append(at)
    found = []
    for group in members.values():
        signs = sorted((seen[at] for at in group), key=lambda one: (one.sign.rank, -one.weight, one.metric))
        own = [seen[at] for at in group if at in roots]
        own.sort(key=lambda one: (one.sign.rank, -one.weight, one.metric))
        found.append(Cause(tuple(own), tuple(signs)))
    return sorted(found, key=lambda cause: cause.key)


def _is_reason(a: Symptom, b: Symptom, window_s: float) -> bool:
    """Whether one explains the other, did not surely begin after it, nor so long before that it would have shown."""
    later_s = b.onset_s - a.onset_s
    errors_s = _error_s(a) + _error_s(b)
    if b.sign.node == "traffic" and a.sign.node in BACKLOG:
        return (a.past or a.sign.node in WAITING) and later_s > errors_s + FLUSH_S
    leads = a.leads(b.sign.blame) if a.sign.blame.dimension is None else b.leads(a.sign.blame)
    if a is b or not explains(a.sign, b.sign, leads):
        return False
    at_once = b.sign.node not in SLOWLY if a.sign.node in AT_ONCE else b.sign.node in ANSWERS
    if at_once and later_s > errors_s + window_s + LAG_S:
        return False
    return later_s >= -errors_s - window_s


def _too_soon(a: Symptom, b: Symptom, waits: float) -> bool:
    """Whether requests fail though they do not wait long enough to time out: no load is the reason of that."""
    elsewhere = a.sign.node == ABSENCE and not overlap(a.sign.blame, b.sign.blame)
    return b.sign.node == "errors" and (a.sign.node in TIMING_OUT or elsewhere) and waits < TIMES_OUT


def _apart(a: Symptom, b: Symptom, seen: Sequence[Symptom]) -> bool:
    """Whether only one replica shows what load that all share would have brought to others too.

    Requests fail by waiting where they wait longest. What is rerouted goes to all that are left; if it goes to one
    alone, that one's traffic says so.
    """
    here, there = a.sign.blame, b.sign.blame
    if there.dimension != "replica" or overlap(here, there):
        return False
    if here.dimension is None and b.sign.node == "errors" and a.sign.node in TIMING_OUT:
        waiting = [one for one in seen if one.sign.node in WAITING]
        return not any(overlap(one.sign.blame, there) or one.leads(there) for one in waiting)
    rerouted = here.dimension == "replica" and b.sign.node in LOAD
    return rerouted and not b.others <= {here.value}


def _error_s(seen: Symptom) -> float:
    """How far off the onset may be; what is not sure at all says nothing against another's."""
    return min(seen.onset_error_s, MOST_ERROR_S)


def _likeness(reason: Symptom, effect: Symptom) -> tuple[bool, bool, float, str]:
    same = overlap(reason.sign.blame, effect.sign.blame)
    return same, effect.leads(reason.sign.blame), reason.weight, reason.metric


def _united(seen: Sequence[Symptom], roots: Sequence[int], window_s: float) -> dict[int, int]:
    """By root, the first root of the same cause."""
    home = {at: at for at in roots}
    for place, at in enumerate(roots):
        for other in roots[:place]:
            if home[at] != home[other] and _one_origin(seen[at], seen[other], window_s):
                old, new = max(home[at], home[other]), min(home[at], home[other])
                home = {root: new if first == old else first for root, first in home.items()}
    return home


def _one_origin(a: Symptom, b: Symptom, window_s: float) -> bool:
    here, there = a.sign.blame, b.sign.blame
    if a.sign.node == b.sign.node:
        if overlap(here, there) or a.twin or b.twin:
            return overlap(here, there)
        if here.dimension is None or there.dimension is None:
            return True
        return here.dimension == there.dimension and not (a.sure and b.sure)
    if not overlap(here, there):
        return False
    return abs(a.onset_s - b.onset_s) <= _error_s(a) + _error_s(b) + window_s
