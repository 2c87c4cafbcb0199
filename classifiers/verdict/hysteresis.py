"""Hysteresis of a severity: it rises once a worse one has held for a moment, and falls only once a milder one has held
for long.

The first severity of an incident takes effect at once, since it is the best estimate there is. For a short while it may
fall as fast as it may rise: the first few windows do not show how far a fault reaches. A severity that was corrected so
early does not count as the peak.
"""

from __future__ import annotations

from dataclasses import dataclass

from classifiers.model import Severity

SEVERITY_ORDER: tuple[Severity, ...] = ("P0", "P1", "P2", "P3", "P4")
"""From the worst to the mildest."""


def worse(a: Severity, b: Severity) -> Severity:
    """The more severe of the two."""
    return min(a, b, key=SEVERITY_ORDER.index)


@dataclass(slots=True)
class SeverityHysteresis:
    """State of one incident, JSON-able. Times in seconds of event time.

    current: the severity in force since since_s, None before the first one. candidate: the severity that would replace
    it, asked for by every rating since candidate_since_s: the mildest of a rise, the worst of a fall. peak: the worst
    severity that held.
    """

    current: Severity | None = None
    since_s: float = 0.0
    candidate: Severity | None = None
    candidate_since_s: float = 0.0
    peak: Severity | None = None

    def update(self, rated: Severity, now_s: float, rise_after_s: float, fall_after_s: float) -> Severity:
        """The severity in force after a rating at now_s.

        rise_after_s, fall_after_s: for how long a worse or a milder one must have been rated.
        """
        if self.current is None:
            self.current, self.since_s = rated, now_s
            return rated
        correctable = self.peak is None
        if rated == self.current:
            self.candidate = None
        else:
            self._nominate(rated, now_s)
            assert self.candidate is not None
            rises = worse(rated, self.current) == rated
            if now_s - self.candidate_since_s >= (rise_after_s if rises or correctable else fall_after_s):
                self.current, self.since_s, self.candidate = self.candidate, self.candidate_since_s, None
        if now_s - self.since_s > rise_after_s and self.candidate is None:
            self.peak = self.current if self.peak is None else worse(self.peak, self.current)
        return self.current

    @property
    def worst(self) -> Severity | None:
        """The peak severity to publish: the worst that held, or the current one if that is worse."""
        return self.current if self.current is None or self.peak is None else worse(self.peak, self.current)

    def _nominate(self, rated: Severity, now_s: float) -> None:
        """A candidate in the other direction replaces the old one; one in the same direction narrows it."""
        assert self.current is not None
        candidate, rises = self.candidate, worse(rated, self.current) == rated
        if candidate is None or (worse(candidate, self.current) == candidate) != rises:
            self.candidate, self.candidate_since_s = rated, now_s
        else:
            milder = rated if worse(candidate, rated) == candidate else candidate
            self.candidate = milder if rises else worse(candidate, rated)
