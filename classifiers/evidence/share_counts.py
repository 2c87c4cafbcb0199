"""Counts behind the readings of a share, and by how much it surely deviates.

A share of few trials says little: two failures of six requests are 33 %, and may well be 1 %. What is read from a share
is therefore a confidence bound: of the deviation, what is left at the low end of a one-sided 95 % interval. Pure.

Source: Wilson 1927 (the interval).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

RECENT_KEPT = 0.88
"""Share of the older counts that is kept at each window in the recent counts: about 8 windows."""
LASTING_KEPT = 63.0 / 64.0
"""The same of the lasting counts: about 64 windows."""
_QUANTILE = 1.645
"""Of the normal distribution, one-sided 95 %."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Hits out of trials, and the hits that were expected. Fractions come from counts that fade."""

    hits: float = 0.0
    trials: float = 0.0
    expected: float = 0.0

    def plus(self, more: Counts, kept: float = 1.0) -> Counts:
        """With more counts. kept: share of the present ones that remains."""
        return Counts(
            kept * self.hits + more.hits, kept * self.trials + more.trials, kept * self.expected + more.expected,
        )

    @property
    def deviation(self) -> float:
        """Of the share from the expected share."""
        return (self.hits - self.expected) / self.trials if self.trials > 0.0 else 0.0

    @property
    def sure_deviation(self) -> float:
        """The deviation nearest to 0 that is still plausible, signed; 0 where the expected share is plausible."""
        if self.trials <= 0.0:
            return 0.0
        expected = self.expected / self.trials
        low, high = wilson_bounds(self.hits, self.trials)
        return max(low - expected, 0.0) + min(high - expected, 0.0)


@dataclass(frozen=True, slots=True)
class ShareCounts:
    """The counts of a series within an episode, of the last few windows and of many."""

    recent: Counts = Counts()
    lasting: Counts = Counts()

    def plus(self, window: Counts) -> ShareCounts:
        """With one more window."""
        return ShareCounts(self.recent.plus(window, RECENT_KEPT), self.lasting.plus(window, LASTING_KEPT))

    def merged(self, other: ShareCounts) -> ShareCounts:
        """With the counts of another episode."""
        return ShareCounts(self.recent.plus(other.recent), self.lasting.plus(other.lasting))

    @property
    def sure_deviation(self) -> float:
        """The larger of both: the recent counts follow a change, the lasting ones prove a small deviation."""
        return max(self.recent.sure_deviation, self.lasting.sure_deviation, key=abs)


def wilson_bounds(hits: float, trials: float) -> tuple[float, float]:
    """The one-sided 95 % bounds of a share, below and above."""
    share, square = hits / trials, _QUANTILE * _QUANTILE / trials
    half = sqrt(max(share * (1.0 - share), 0.0) * square + 0.25 * square * square)
    return (share + 0.5 * square - half) / (1.0 + square), (share + 0.5 * square + half) / (1.0 + square)
