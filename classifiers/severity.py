"""How bad it is: P0 to P4 from declared factors. Points are added; the sum names the severity; every factor is told."""

from __future__ import annotations

from dataclasses import dataclass

from classifiers.families import family_of
from classifiers.localise import Blame
from classifiers.model import Category, Factor, Severity
from classifiers.tally import ABSENCE, Tally

BREADTH: dict[str, float] = {"all": 3.0, "version": 3.0, "replica": 2.0, "tenant": 1.0}
HARM: dict[Category, float] = {
    "availability": 2.0, "security": 3.0, "model_degradation": 2.0, "resource_exhaustion": 2.0, "context_pipeline": 2.0,
    "performance_degradation": 1.0, "data_quality": 1.0,
}
TIER: dict[int, float] = {1: 1.0, 2: 0.0, 3: -1.0}
STEPS: tuple[tuple[float, Severity], ...] = ((7.0, "P0"), (5.0, "P1"), (4.0, "P2"), (2.0, "P3"))
ORDER: tuple[Severity, ...] = ("P0", "P1", "P2", "P3", "P4")


@dataclass(frozen=True, slots=True)
class SeverityParams:
    """large_loss: share of quality lost that counts as large. large_growth: factor over the expected latency or queue.

    error_share: of failed requests that counts as large. long_s: seconds after which duration adds a point.
    """

    large_loss: float = 0.5
    large_growth: float = 4.0
    error_share: float = 0.25
    long_s: float = 300.0

    def __post_init__(self) -> None:
        if not 0 < self.large_loss <= 1:
            raise ValueError(f"large_loss is {self.large_loss}, expected a share in (0, 1]")
        if self.large_growth <= 1:
            raise ValueError(f"large_growth is {self.large_growth}, expected a factor above 1")
        if not 0 < self.error_share <= 1:
            raise ValueError(f"error_share is {self.error_share}, expected a share in (0, 1]")
        if self.long_s <= 0:
            raise ValueError(f"long_s is {self.long_s}, expected seconds above 0")


def worse(a: Severity, b: Severity) -> Severity:
    """The more severe of the two."""
    return min(a, b, key=ORDER.index)


def judge(
    tally: Tally, blame: Blame, category: Category, tier: int, age_s: float, params: SeverityParams,
) -> tuple[Severity, tuple[Factor, ...]]:
    """Severity and the factors that make it, in the order they are added."""
    scope = blame.dimension or "all"
    size_points, size_text = _size(tally, params)
    factors = [
        Factor("breadth", blame.value or scope, BREADTH[scope], f"{scope} is hit"),
        Factor("harm", category, HARM[category], f"category {category}"),
        Factor("deviation", size_text, size_points, f"largest deviation: {size_text}"),
    ]
    error_share = _error_share(tally)
    if error_share is not None and error_share >= params.error_share:
        factors.append(Factor("errors", round(error_share, 3), 1.0, f"{error_share:.0%} of requests fail"))
    if TIER[tier]:
        factors.append(Factor("tier", float(tier), TIER[tier], f"service tier {tier}"))
    if age_s >= params.long_s:
        factors.append(Factor("duration", age_s, 1.0, f"lasting for {age_s:.0f} s"))
    total = sum(factor.weight for factor in factors)
    severity: Severity = next((name for bar, name in STEPS if total >= bar), "P4")
    return severity, tuple(factors)


def _size(tally: Tally, params: SeverityParams) -> tuple[float, str]:
    """One point for a large deviation on a driving metric: silence, half the quality gone, several times the wait."""
    points, loudest, text = 0.0, 0.0, "small"
    drivers = tally.drivers()
    for (metric, _), line in tally.lines.items():
        if not line.alarms or metric not in drivers:
            continue
        change = line.deviation
        family = family_of(metric)
        large = (
            metric == ABSENCE
            or (family == "quality" and change <= -params.large_loss and (line.peak.expected or 0.0) >= 0.0)
            or (family in ("latency", "queueing", "decode") and change >= params.large_growth - 1.0)
        )
        points = max(points, float(large))
        if abs(change) > loudest:
            loudest, text = abs(change), f"{metric} {change:+.0%}"
    return points, text


def _error_share(tally: Tally) -> float | None:
    shares = [
        line.peak.value
        for (metric, _), line in tally.lines.items()
        if line.alarms and family_of(metric) == "errors" and line.peak.value is not None
    ]
    return max(shares, default=None)
