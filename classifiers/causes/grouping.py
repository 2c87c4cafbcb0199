"""Grouping of symptoms into causes. Pure.

A symptom that no other explains is a root. Roots of one origin are one cause. Every other symptom is an effect and goes
to the cause that explains it best.

Two roots have one origin in three cases. They show the same signal in parts that do not exclude each other. They show
in the same part and began together. Or one of them is more requests, and the other shows that these are of another
kind. Different parts on signals that do not explain each other are two causes. So are signals that began apart where
neither explains the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from classifiers.causes.causal_rules import DELAYS, IMMEDIATE, LOAD, explains, same_part
from classifiers.causes.symptoms import Symptom
from classifiers.evidence.evidence_table import ABSENCE

ONSET_ERROR_MAX_S = 3.0
"""A larger onset error counts as this: an onset that is not known at all says nothing against another's."""
WAITING = frozenset({"queueing", "latency", "first_token"})
BACKLOG = WAITING | {"decode", "tokens_out", "saturation", "errors"}
"""Signals of requests that are held up. When that ends they are answered all at once, which looks like traffic."""
FLUSH_S = 3.0
"""Traffic that begins at least so long after a backlog may be its flush."""
LAG_S = 4.0
"""An immediate effect shows within so long. Only load builds up slowly."""
ANSWERS = frozenset({"truncation", "cache", "quality", "tokens_out"})
"""Signals of answers: other requests change them at once."""
OF_REQUESTS = frozenset({"tokens_in", "tokens_out", "cache"})
"""Signals of what is asked for: more requests may be other requests."""
TIMEOUT_GROWTH = 2.0
"""Relative growth of the wait from which on requests may time out."""
TIMING_OUT = frozenset({
    "tokens_in", "tokens_out", "cache", "traffic", "decode", "first_token", "queueing", "saturation", "latency",
})
"""Signals that make requests fail only by making them wait."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause at one instant: its root symptoms, upstream first, and all of its symptoms, roots included."""

    roots: tuple[Symptom, ...]
    symptoms: tuple[Symptom, ...]

    @property
    def key(self) -> str:
        """A name made from the cause alone."""
        attribution = self.roots[0].shift.attribution
        where = "all" if attribution.dimension is None else f"{attribution.dimension}={attribution.value}"
        return f"{where} {self.roots[0].shift.node}"

    @property
    def past(self) -> bool:
        """Whether none of its symptoms alarms now: it explains nothing any more, and opens no episode."""
        return all(symptom.past for symptom in self.symptoms)

    @property
    def roots_past(self) -> bool:
        """Whether its roots alarm no longer, though some of its effects may."""
        return all(symptom.past for symptom in self.roots)

    @property
    def weight(self) -> float:
        """Sum of the weights of the symptoms that alarm now."""
        return sum(symptom.weight for symptom in self.symptoms if not symptom.past)

    @property
    def onset_s(self) -> float:
        """The earliest time at which it may have begun, onset errors included."""
        return min(symptom.onset.at_s - (symptom.onset.error_s or 0.0) for symptom in self.roots)


def group_symptoms(symptoms: Sequence[Symptom], window_s: float) -> list[Cause]:
    """The causes behind these symptoms, in order of key.

    window_s: onsets so close together, errors aside, began together. Cost: quadratic in the symptoms.
    """
    reasons = _reasons(symptoms, window_s)
    roots = [at for at, found in enumerate(reasons) if not found]
    root_of = _unite_roots(symptoms, roots, window_s)
    roots += _assign_effects(symptoms, reasons, root_of)
    return _causes(symptoms, frozenset(roots), root_of)


def _reasons(symptoms: Sequence[Symptom], window_s: float) -> list[list[int]]:
    """By symptom, the places of the symptoms that explain it."""
    wait_growth = max((one.shift.size for one in symptoms if one.shift.node in WAITING), default=0.0)
    return [
        [
            at for at, cause in enumerate(symptoms)
            if _may_explain(cause, effect, window_s) and not _fails_without_waiting(cause, effect, wait_growth)
            and not _misses_siblings(cause, effect, symptoms)
        ]
        for effect in symptoms
    ]


def _assign_effects(
    symptoms: Sequence[Symptom], reasons: Sequence[Sequence[int]], root_of: dict[int, int],
) -> list[int]:
    """Adds every effect to `root_of`, under the root of the reason that fits best, upstream first.

    Returns new roots. Symptoms that explain each other in a circle have no root: the one that began first becomes one.
    """
    new_roots = []
    pending = sorted(
        set(range(len(symptoms))) - root_of.keys(), key=lambda at: (symptoms[at].shift.rank, symptoms[at].metric),
    )
    while pending:
        explained = [at for at in pending if any(reason in root_of for reason in reasons[at])]
        for at in explained:
            best = max(
                (reason for reason in reasons[at] if reason in root_of),
                key=lambda reason: _fit_of_reason(symptoms[reason], symptoms[at]),
            )
            root_of[at] = root_of[best]
        if not explained:
            first = min(pending, key=lambda at: (symptoms[at].onset.at_s, at))
            root_of[first] = first
            new_roots.append(first)
        pending = [at for at in pending if at not in root_of]
    return new_roots


def _causes(symptoms: Sequence[Symptom], roots: frozenset[int], root_of: Mapping[int, int]) -> list[Cause]:
    """One cause for each root that others were united with, in order of key."""
    members: dict[int, list[int]] = {}
    for at, root in root_of.items():
        members.setdefault(root, []).append(at)
    found = [
        Cause(
            _upstream_first([symptoms[at] for at in group if at in roots]),
            _upstream_first([symptoms[at] for at in group]),
        )
        for group in members.values()
    ]
    return sorted(found, key=lambda cause: cause.key)


def _upstream_first(symptoms: Sequence[Symptom]) -> tuple[Symptom, ...]:
    return tuple(sorted(symptoms, key=lambda one: (one.shift.rank, -one.weight, one.metric)))


def _may_explain(cause: Symptom, effect: Symptom, window_s: float) -> bool:
    """Whether one explains the other by the causal rules and by their onsets.

    The effect must not surely have begun before the cause, with its whole onset error granted. Nor, where the effect is
    immediate, long after it. Onsets that are estimated anew do not divide what one episode has had for a while.
    """
    later_s = effect.onset.at_s - cause.onset.at_s
    errors_s = _onset_error_s(cause) + _onset_error_s(effect)
    if effect.shift.node == "traffic" and cause.shift.node in BACKLOG:
        return (cause.past or cause.shift.node in WAITING) and later_s > errors_s + FLUSH_S
    if cause is effect or not explains(cause.shift, effect.shift, _leads_on_both(cause, effect)):
        return False
    if cause.owner is not None and cause.owner == effect.owner:
        return True
    if _immediate(cause, effect) and later_s > errors_s + window_s + LAG_S:
        return False
    return later_s >= -max(errors_s, effect.onset.error_s or 0.0) - window_s


def _leads_on_both(cause: Symptom, effect: Symptom) -> bool:
    """Whether the part that one of the two is attributed to leads on the other; the cause's part if it has one."""
    here, there = cause.shift.attribution, effect.shift.attribution
    return cause.leads(there) if here.dimension is None else effect.leads(here)


def _immediate(cause: Symptom, effect: Symptom) -> bool:
    """Whether the effect shows as soon as the cause does."""
    if cause.shift.node in IMMEDIATE:
        return effect.shift.node not in DELAYS
    return effect.shift.node in ANSWERS


def _fails_without_waiting(cause: Symptom, effect: Symptom, wait_growth: float) -> bool:
    """Whether requests fail though they do not wait long enough to time out: then load does not explain the failures.
    """
    elsewhere = cause.shift.node == ABSENCE and not same_part(cause.shift.attribution, effect.shift.attribution)
    by_load = cause.shift.node in TIMING_OUT or elsewhere
    return effect.shift.node == "errors" and by_load and wait_growth < TIMEOUT_GROWTH


def _misses_siblings(cause: Symptom, effect: Symptom, symptoms: Sequence[Symptom]) -> bool:
    """Whether one replica alone shows what shared load would show in its siblings too.

    Requests time out where they wait longest. Rerouted traffic goes to all replicas that are left; if it goes to one
    alone, the traffic of that one shows it.
    """
    here, there = cause.shift.attribution, effect.shift.attribution
    if there.dimension != "replica" or same_part(here, there):
        return False
    if here.dimension is None and effect.shift.node == "errors" and cause.shift.node in TIMING_OUT:
        waiting = [one for one in symptoms if one.shift.node in WAITING]
        return not any(same_part(one.shift.attribution, there) or one.leads(there) for one in waiting)
    rerouted = here.dimension == "replica" and effect.shift.node in LOAD
    return rerouted and not effect.siblings <= {here.value}


def _onset_error_s(symptom: Symptom) -> float:
    return min(symptom.onset.error_s or 0.0, ONSET_ERROR_MAX_S)


def _fit_of_reason(reason: Symptom, effect: Symptom) -> tuple[bool, bool, float, str]:
    """Sort key, best last: the same part, a part that leads on the effect, the weight."""
    same = same_part(reason.shift.attribution, effect.shift.attribution)
    return same, effect.leads(reason.shift.attribution), reason.weight, reason.metric


def _unite_roots(symptoms: Sequence[Symptom], roots: Sequence[int], window_s: float) -> dict[int, int]:
    """By root, the first root of the same cause."""
    root_of = {at: at for at in roots}
    for place, at in enumerate(roots):
        for other in roots[:place]:
            if root_of[at] != root_of[other] and _same_origin(symptoms[at], symptoms[other], window_s):
                old, new = max(root_of[at], root_of[other]), min(root_of[at], root_of[other])
                root_of = {root: new if first == old else first for root, first in root_of.items()}
    return root_of


def _same_origin(a: Symptom, b: Symptom, window_s: float) -> bool:
    """Whether two roots are one cause."""
    here, there = a.shift.attribution, b.shift.attribution
    if a.shift.node == b.shift.node:
        if same_part(here, there) or a.co_located or b.co_located:
            return same_part(here, there)
        if here.dimension is None or there.dimension is None:
            return True
        return here.dimension == there.dimension and not (a.sustained and b.sustained)
    if not same_part(here, there):
        return False
    if _other_requests(a, b, window_s) or _other_requests(b, a, window_s):
        return True
    return abs(a.onset.at_s - b.onset.at_s) <= _onset_error_s(a) + _onset_error_s(b) + window_s


def _other_requests(traffic: Symptom, other: Symptom, window_s: float) -> bool:
    """Whether the mean of all requests shifts since the further ones are of another kind.

    A mean falls at most to its share of the traffic of before. It does not show long before the traffic does.
    """
    if (traffic.shift.node, traffic.shift.direction) != ("traffic", "up") or other.shift.node not in OF_REQUESTS:
        return False
    growth, fall = traffic.shift.size, other.shift.size if other.shift.direction == "down" else 0.0
    earlier_s = traffic.onset.at_s - other.onset.at_s
    errors_s = _onset_error_s(traffic) + _onset_error_s(other)
    return fall <= growth / (1.0 + growth) and earlier_s <= errors_s + window_s + LAG_S
