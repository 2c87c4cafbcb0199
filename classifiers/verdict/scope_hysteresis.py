"""Hysteresis of the part that an incident hits: it widens at once, and narrows only once that has held for a while.

A wrong replica that is acted upon costs more than a right one that is named late. The first readings of a fault that
hits all alike come from one replica before the others, and the last ones too. So the whole takes effect at once in
place of a part. A part takes effect in place of the whole, or of another part, when it was found for half as long as
that has been in force, for `SHORTEST_S` to `LONGEST_S`.
"""

from __future__ import annotations

from dataclasses import dataclass

from classifiers.evidence.attribution import Attribution, Dimension

SHORTEST_S, LONGEST_S = 3.0, 60.0


@dataclass(slots=True)
class ScopeHysteresis:
    """State of one incident, JSON-able. Times in seconds of event time.

    dimension, value: the part in force since since_s, both None for the whole. candidate: the part that would replace
    it, found without a break since candidate_since_s. since_s is None before the first part.
    """

    dimension: Dimension | None = None
    value: str | None = None
    since_s: float | None = None
    candidate: tuple[Dimension, str] | None = None
    candidate_since_s: float = 0.0

    def update(self, found: Attribution, now_s: float) -> bool:
        """Whether the part that was found at `now_s` is, or now comes, into force."""
        if self.since_s is None or found.dimension is None or found.value is None:
            self._enforce(found, now_s)
            return True
        if self.holds(found):
            self.candidate = None
            return True
        part = found.dimension, found.value
        if part != self.candidate:
            self.candidate, self.candidate_since_s = part, now_s
        held_s = self.candidate_since_s - self.since_s
        if now_s - self.candidate_since_s < min(max(held_s / 2.0, SHORTEST_S), LONGEST_S):
            return False
        self._enforce(found, self.candidate_since_s)
        return True

    def holds(self, part: Attribution) -> bool:
        """Whether this part is in force, or none has been yet."""
        return self.since_s is None or (part.dimension, part.value) == (self.dimension, self.value)

    @property
    def part(self) -> Attribution:
        """The part in force."""
        return Attribution(self.dimension, self.value, 0.0 if self.dimension is None else 1.0)

    def _enforce(self, found: Attribution, since_s: float) -> None:
        if self.since_s is None or not self.holds(found):
            self.since_s = since_s
        self.dimension, self.value, self.candidate = found.dimension, found.value, None
