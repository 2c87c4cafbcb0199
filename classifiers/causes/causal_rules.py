"""Causal rules of a serving stack: long prompts delay first tokens, a full batch slows token generation, and so on.

Two tables and a matcher. `EFFECTS` says which signal may cause which. `PART_RULES` says where the effect may show,
given the part of the service that the cause hits. A symptom that another explains is an effect and no cause of its own.
Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from classifiers.evidence.attribution import Attribution, Dimension
from classifiers.evidence.evidence_table import ABSENCE, DEPARTURE, GAP, MONITORING, SOURCE, Signal
from classifiers.model import Direction

_LOADED: tuple[Signal, ...] = ("decode", "first_token", "queueing", "saturation", "latency", "errors", GAP)
LOAD = frozenset(_LOADED)
"""Signals of a resource that all requests share: the load of one tenant delays everybody."""
DELAYS = LOAD - {"errors", GAP}
EFFECTS: dict[Signal, frozenset[Signal]] = {
    ABSENCE: frozenset({"traffic", "lull", "tokens_in", "tokens_out", *LOAD}),
    "breach": frozenset({"attack", "tokens_out", "quality"}),
    "attack": frozenset({"tokens_in", "tokens_out", "traffic", "lull", "quality", *LOAD}),
    "inputs": frozenset({"tokens_in", "tokens_out", "context", "quality", "lull", *LOAD}),
    "context": frozenset({"tokens_in", "tokens_out", "truncation", "quality", *LOAD}) - {"errors"},
    "tokens_in": frozenset({"truncation", "cache", "quality", "tokens_out", "lull", *LOAD}),
    "truncation": frozenset({"quality", "tokens_out"}),
    "quality": frozenset({"tokens_out", "lull", *LOAD}) - {"errors"},
    "tokens_out": frozenset({"lull", *LOAD}),
    "cache": frozenset({"lull", *LOAD}),
    "traffic": LOAD,
    "decode": frozenset({"first_token", "queueing", "saturation", "latency", "errors", "lull", "tokens_out", GAP}),
    "first_token": frozenset({"queueing", "saturation", "latency", "errors", "lull", "tokens_out", GAP}),
    "queueing": frozenset({"saturation", "latency", "errors", "lull", "tokens_in", "tokens_out", GAP}),
    "saturation": frozenset({"latency", "errors", "lull"}),
    "latency": frozenset({"errors", "lull", GAP}),
    "errors": frozenset({"lull", "tokens_in", "tokens_out", GAP}),
    "lull": frozenset({"queueing", "saturation", GAP}),
}
"""By signal, its possible effects. `lull` is less traffic than before, `traffic` is more. Traffic is counted when it is
answered: where answers stop, the traffic falls and the queue grows, and either may show first."""
EITHER_FIRST: frozenset[Signal] = frozenset({"lull"})
"""Signals that also cause what stands before them in `CAUSAL_ORDER`."""
IMMEDIATE = frozenset({"breach", "attack", "inputs", "context", "truncation", "quality"})
"""Signals of the content of requests and answers. Their effects show at once, and in the same part."""
CAUSAL_ORDER: tuple[Signal, ...] = (
    SOURCE, MONITORING, ABSENCE, DEPARTURE, "breach", "attack", "inputs", "context", "tokens_in", "truncation",
    "quality", "tokens_out", "cache", "traffic", "decode", "first_token", "queueing", "saturation", "latency", "errors",
    "lull", GAP, "other",
)
"""From cause to effect: of two signals that may cause each other, the first is taken for the cause."""
_RANK = {signal: rank for rank, signal in enumerate(CAUSAL_ORDER)}
SMALL_DELAY, FULLER_BATCH = 0.45, 0.6
"""Largest relative delay that other answers cause without alarming as longer; and largest relative slowdown of token
generation where a replica falls silent and the others run fuller batches."""


@dataclass(frozen=True, slots=True)
class Shift:
    """The shift that a metric shows: its signal, direction, attribution, and relative deviation (`size`, 0 or more)."""

    signal: Signal
    direction: Direction
    attribution: Attribution
    size: float = 0.0

    @property
    def node(self) -> Signal:
        """The key in `EFFECTS`: less traffic has other effects than more, and so a node of its own."""
        return "lull" if self.signal == "traffic" and self.direction == "down" else self.signal

    @property
    def rank(self) -> int:
        """The place of the node in `CAUSAL_ORDER`."""
        return _RANK[self.node]


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """An effect larger than `size` is not explained by these causes. direction: of the cause, None for any."""

    causes: frozenset[Signal]
    effects: frozenset[Signal]
    size: float
    direction: Direction | None = None


SIZE_LIMITS = (
    SizeLimit(IMMEDIATE, DELAYS, SMALL_DELAY),
    SizeLimit(frozenset({"tokens_in", "tokens_out"}), DELAYS, SMALL_DELAY, "down"),
    SizeLimit(frozenset({ABSENCE}), frozenset({"decode"}), FULLER_BATCH),
)
"""How large an effect may be."""

Place = Literal["same part", "part to whole", "whole to part", "siblings", "other dimension"]
"""Where a cause and its effect are attributed: to the same part (or both to the whole), one to a part and the other to
the whole, to two parts of one dimension, or to parts of different dimensions."""


@dataclass(frozen=True, slots=True)
class PartRule:
    """A condition under which a cause explains an effect; every field that is set must fit.

    causes, effects: signals, None for any. dimensions: of the effect's part, None for any. leads: the part of the cause
    leads its siblings on the effect too (for a cause that hits the whole: the other way round).
    """

    causes: frozenset[Signal] | None = None
    effects: frozenset[Signal] | None = None
    dimensions: frozenset[Dimension] | None = None
    leads: bool = False


_ANY = frozenset(CAUSAL_ORDER)
_SHARED_CAUSES = _ANY - IMMEDIATE
_SHARED_EFFECTS = LOAD | {"lull"}
_REROUTING = frozenset({ABSENCE, "errors", "lull"})
"""Signals that send traffic elsewhere: the siblings get more of it."""
PART_RULES: dict[Place, tuple[PartRule, ...]] = {
    "same part": (PartRule(),),
    "part to whole": (
        PartRule(_SHARED_CAUSES, _SHARED_EFFECTS),
        PartRule(leads=True),
        PartRule(_REROUTING, frozenset({"traffic"})),
    ),
    # All replicas get the same load, but not all have the same capacity for it.
    "whole to part": (
        PartRule(effects=_SHARED_EFFECTS - {"decode"}, dimensions=frozenset({"replica"})),
        PartRule(effects=_SHARED_EFFECTS - {"decode", "errors"}),
        PartRule(LOAD, leads=True),
    ),
    # The traffic of a failing part goes to its siblings.
    "siblings": (PartRule(_REROUTING, _SHARED_EFFECTS | {"traffic"}),),
    "other dimension": (PartRule(_SHARED_CAUSES, _SHARED_EFFECTS, leads=True),),
}
"""By place, when a cause explains an effect there. One rule that fits is enough."""


def connected(a: Shift, b: Shift) -> bool:
    """Whether either may cause the other, wherever they show."""
    return b.node in EFFECTS.get(a.node, ()) or a.node in EFFECTS.get(b.node, ())


def explains(cause: Shift, effect: Shift, leads: bool) -> bool:
    """Whether one is the cause of the other. leads: the part that the cause hits leads on the effect too."""
    if effect.node not in EFFECTS.get(cause.node, ()) or (cause.rank >= effect.rank and cause.node not in EITHER_FIRST):
        return False
    if any(_exceeds(limit, cause, effect) for limit in SIZE_LIMITS):
        return False
    rules = PART_RULES[place_of(cause.attribution, effect.attribution)]
    return any(_fits(rule, cause, effect, leads) for rule in rules)


def place_of(cause: Attribution, effect: Attribution) -> Place:
    """Where the effect shows in relation to the cause."""
    if same_part(cause, effect):
        return "same part"
    if effect.dimension is None:
        return "part to whole"
    if cause.dimension is None:
        return "whole to part"
    return "siblings" if cause.dimension == effect.dimension else "other dimension"


def same_part(a: Attribution, b: Attribution) -> bool:
    """Whether two attributions name the same part."""
    return (a.dimension, a.value) == (b.dimension, b.value)


def _exceeds(limit: SizeLimit, cause: Shift, effect: Shift) -> bool:
    return (
        effect.size > limit.size and effect.node in limit.effects and cause.node in limit.causes
        and limit.direction in (None, cause.direction)
    )


def _fits(rule: PartRule, cause: Shift, effect: Shift, leads: bool) -> bool:
    return (
        (leads or not rule.leads) and _within(cause.node, rule.causes) and _within(effect.node, rule.effects)
        and _within(effect.attribution.dimension, rule.dimensions)
    )


def _within(value: object, allowed: Collection[object] | None) -> bool:
    return allowed is None or value in allowed
