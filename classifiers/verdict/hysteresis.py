"""Keeps a severity from fluttering: it rises when it held for a moment, and falls only when it held for long.

The first verdict of an incident is told at once, being the best there is, and may be taken back as fast as it may rise:
only few windows have said by then how far the fault reaches. What was taken back so early is no peak.
"""

from __future__ import annotations

from dataclasses import dataclass

from classifiers.model import Severity

ORDER: tuple[Severity, ...] = ("P0", "P1", "P2", "P3", "P4")


def worse(a: Severity, b: Severity) -> Severity:
    """The more severe of the two."""
    return min(a, b, key=ORDER.index)


@dataclass(slots=True)
class SeverityHysteresis:
    """State of one incident, JSON-able. Times in seconds of event time.

    told: the severity in force, since since_s. waiting: another one that verdicts ask for, all of them since
    waiting_since_s: the mildest of a rise, the worst of a fall. peak: the worst that held.
    """

    told: Severity | None = None
    since_s: float = 0.0
    waiting: Severity | None = None
    waiting_since_s: float = 0.0
    peak: Severity | None = None

    def settle(self, verdict: Severity, now_s: float, rise_after_s: float, fall_after_s: float) -> Severity:
        """The severity to tell, now that a verdict came."""
        if self.told is None:
            self.told, self.since_s = verdict, now_s
            return verdict
        young = self.peak is None
        if verdict == self.told:
            self.waiting = None
        else:
            self._wait(verdict, now_s)
            assert self.waiting is not None
            rises = worse(verdict, self.told) == verdict
            if now_s - self.waiting_since_s >= (rise_after_s if rises or young else fall_after_s):
                self.told, self.since_s, self.waiting = self.waiting, self.waiting_since_s, None
        if now_s - self.since_s > rise_after_s and self.waiting is None:
            self.peak = self.told if self.peak is None else worse(self.peak, self.told)
        return self.told

    @property
    def worst(self) -> Severity | None:
        """The peak to tell: the worst that held, or what is told now."""
        return self.told if self.told is None or self.peak is None else worse(self.peak, self.told)

    def _wait(self, verdict: Severity, now_s: float) -> None:
        assert self.told is not None
        waiting, rises = self.waiting, worse(verdict, self.told) == verdict
        if waiting is None or (worse(waiting, self.told) == waiting) != rises:
            self.waiting, self.waiting_since_s = verdict, now_s
        else:
            milder = verdict if worse(waiting, verdict) == waiting else waiting
            self.waiting = milder if rises else worse(waiting, verdict)
