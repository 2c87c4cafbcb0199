"""How often something alarmed, and whether that is what was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import chi2


@dataclass(frozen=True, slots=True)
class Observed:
    """False alarms over so many windows of all rows. lit: windows that alarmed, those of a lasting alarm included."""

    alarms: int
    windows: int
    lit: int = 0

    @property
    def interval(self) -> float:
        """Windows between alarms; infinite without any."""
        return self.windows / self.alarms if self.alarms else float("inf")

    def bounds(self) -> tuple[float, float]:
        """95 % Poisson interval of `interval`, shortest first."""
        most = float(chi2.ppf(0.975, 2 * self.alarms + 2)) / 2
        least = float(chi2.ppf(0.025, 2 * self.alarms)) / 2 if self.alarms else 0.0
        return self.windows / most, self.windows / least if least else float("inf")

    def verdict(self, asked: float) -> str:
        """right: within a factor of 2. too often, too seldom: surely not. unsure: too few alarms to tell."""
        low, high = self.bounds()
        if asked / 2 <= self.interval <= asked * 2:
            return "right"
        if high < asked / 2:
            return "too often"
        return "too seldom" if low > asked * 2 else "unsure"
