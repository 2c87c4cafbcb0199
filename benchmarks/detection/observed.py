"""How often something alarmed, and whether that is as often as expected."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import chi2


@dataclass(frozen=True, slots=True)
class Observed:
    """False alarms in so many windows of all rows. alarming: windows that alarmed, all of a long alarm."""

    alarms: int
    windows: int
    alarming: int = 0

    @property
    def interval(self) -> float:
        """Windows between alarms; infinite without any."""
        return self.windows / self.alarms if self.alarms else float("inf")

    def bounds(self) -> tuple[float, float]:
        """95 % Poisson interval of `interval`, shortest first."""
        most = float(chi2.ppf(0.975, 2 * self.alarms + 2)) / 2
        least = float(chi2.ppf(0.025, 2 * self.alarms)) / 2 if self.alarms else 0.0
        return self.windows / most, self.windows / least if least else float("inf")

    def verdict(self, expected: float) -> str:
        """right: within a factor of 2. too often, too seldom: surely not (95 %). unsure: too few alarms to decide."""
        low, high = self.bounds()
        if expected / 2 <= self.interval <= expected * 2:
            return "right"
        if high < expected / 2:
            return "too often"
        return "too seldom" if low > expected * 2 else "unsure"
