"""What explains what in a serving stack: long prompts make first tokens late, a full batch makes tokens slow, ...

Two facts about two signals: whether one lies upstream of the other, and whether the part that the one hits can be the
reason for the part that the other shows. What is explained is an effect, and no cause of its own. Pure tables.
"""

from __future__ import annotations

from dataclasses import dataclass

from classifiers.evidence.attribution import Attribution
from classifiers.evidence.evidence_table import ABSENCE, GAP, Signal
from classifiers.model import Direction

_LOADED: tuple[Signal, ...] = ("decode", "first_token", "queueing", "saturation", "latency", "errors", GAP)
LOAD = frozenset(_LOADED)
"""Signals of what all requests share: who loads it makes everybody wait."""
SLOWLY = LOAD - {"errors", GAP}
SLIGHT, FULLER = 0.45, 0.6
"""How much slower things get because answers are others, where they do not alarm by being longer; and tokens, because
those who are left when a replica falls silent run fuller batches."""
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
    "lull": frozenset({GAP}),
}
"""By signal, what it brings along. `lull` is less traffic than before; `traffic` is more."""
AT_ONCE = frozenset({"breach", "attack", "inputs", "context", "truncation", "quality"})
"""Signals of what requests and answers are, and not of how many: what they bring along shows at once, and where they
are."""
UPSTREAM: tuple[Signal, ...] = (
    ABSENCE, "breach", "attack", "inputs", "context", "tokens_in", "truncation", "quality", "tokens_out", "cache",
    "traffic", "decode", "first_token", "queueing", "saturation", "latency", "errors", "lull", GAP, "other",
)
"""From cause to effect: of two that bring each other along, the first is taken for the cause."""
_RANK = {signal: rank for rank, signal in enumerate(UPSTREAM)}
_REROUTED = frozenset({ABSENCE, "errors", "lull"})
"""What sends traffic elsewhere: siblings get more of it."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What a metric shows: signal, direction, the part that stands out on it, and how far it deviates."""

    signal: Signal
    direction: Direction
    blame: Attribution
    size: float = 0.0

    @property
    def node(self) -> Signal:
        """Its place in the table; fewer tokens or less load bring nothing along that more of them do."""
        return "lull" if self.signal == "traffic" and self.direction == "down" else self.signal

    @property
    def rank(self) -> int:
        """Its place from cause to effect."""
        return _RANK[self.node]


def connected(a: Sign, b: Sign) -> bool:
    """Whether either may bring the other along, wherever they are seen."""
    return b.node in EFFECTS.get(a.node, ()) or a.node in EFFECTS.get(b.node, ())


def explains(cause: Sign, effect: Sign, leads: bool) -> bool:
    """Whether one is the reason of the other. leads: the part that the cause hits is the foremost on the effect too."""
    if cause.rank >= effect.rank or effect.node not in EFFECTS.get(cause.node, ()):
        return False
    lighter = cause.direction == "down" and cause.node in ("tokens_in", "tokens_out")
    if effect.node in SLOWLY and (lighter or cause.node in AT_ONCE) and effect.size > SLIGHT:
        return False
    if effect.node == "decode" and cause.node == ABSENCE and effect.size > FULLER:
        return False
    here, there = cause.blame, effect.blame
    if overlap(here, there):
        return True
    shared = cause.node not in AT_ONCE and (effect.node in LOAD or effect.node == "lull")
    if there.dimension is None:
        return shared or leads or (cause.node in _REROUTED and effect.node == "traffic")
    if here.dimension is None:
        # All replicas get the same load, but not all have the same room for it.
        load = effect.node in LOAD or effect.node == "lull"
        uneven = load and effect.node != "decode" and (there.dimension == "replica" or effect.node != "errors")
        return uneven or (cause.node in LOAD and leads)
    if here.dimension == there.dimension:
        return cause.node in _REROUTED and (shared or effect.node == "traffic")
    return shared and leads


def overlap(a: Attribution, b: Attribution) -> bool:
    """Whether two blame the same part."""
    return (a.dimension, a.value) == (b.dimension, b.value)
