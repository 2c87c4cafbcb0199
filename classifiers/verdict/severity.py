"""The severity of an incident: P0 to P4, from the sum of the points of its factors. Every factor is published.

The steps and points put these definitions into numbers:

    P0  a full outage, a breach, or the loss of over half the quality of a large part of production
    P1  a significant impact, or partial unavailability
    P2  a moderate impact, or a single tenant
    P3  a minor impact, or drifted configuration
    P4  a trend without impact on requests, or a service that is not in production
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from classifiers.evidence.attribution import Attribution
from classifiers.evidence.evidence_table import EvidenceTable
from classifiers.model import Factor, Severity
from classifiers.verdict.impact import UNMONITORED, Impacts, SizeParams

STEPS: tuple[tuple[float, Severity], ...] = ((5.75, "P0"), (4.5, "P1"), (1.5, "P2"), (-2.0, "P3"))
CRITICAL_TIER, SPARE_TIER = 1, 3
BRIEF = "brief"
PAGE_AFTER_WINDOWS = 1.5
"""A moderate severity lasts for so many windows of its metrics at least: for the third report after one another, which
may come by half a window early. What an exporter shows twice may be over."""
NAMED = 2
"""How many factors the reason of a change names."""
CRITICAL, SPARE, LASTING, BURNING = 0.5, -8.0, 0.5, 0.5
"""Points of: a critical service hit as a whole, a service that is not in production, a long duration (twice at four
times the duration), a token budget that will not last."""


@dataclass(frozen=True, slots=True)
class SeverityParams:
    """long_s: seconds from which on the duration counts, and again from four times as many. page_after_s: a moderate
    severity (P2) counts as minor (P3) until its alarms have gone on for so long, and for `PAGE_AFTER_WINDOWS`, since
    hardly anyone notices what is over by then; 0 for at once. rise_after_s: a worse severity takes effect when it held
    for so long. fall_after_s: the same for a milder one.
    """

    sizes: SizeParams = field(default_factory=SizeParams)
    long_s: float = 300.0
    page_after_s: float = 10.0
    rise_after_s: float = 3.0
    fall_after_s: float = 30.0

    def __post_init__(self) -> None:
        if self.long_s <= 0:
            raise ValueError(f"long_s is {self.long_s}, expected seconds above 0")
        for name in ("page_after_s", "rise_after_s", "fall_after_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected seconds, 0 or more")


class Lasts(NamedTuple):
    """For how long an incident has lasted, in seconds: since it opened, and since its first alarm. window_s: the
    longest window of the metrics that alarmed."""

    open_s: float
    alarming_s: float
    window_s: float


def rate_severity(
    evidence: EvidenceTable, attribution: Attribution, pattern: str, tier: int, lasts: Lasts, params: SeverityParams,
) -> tuple[Severity, tuple[Factor, ...]]:
    """Severity and its factors. The worst impact counts, not the sum of all: they have one cause.

    attribution: the part that is hit. pattern: name of the category pattern. tier: of the service, 1 to 3. lasts:
    for how long the incident has.
    """
    impacts = Impacts(evidence, attribution, params.sizes)
    worst = impacts.worst(pattern)
    factors = [*worst.factors(impacts.share, attribution.value or attribution.dimension or "all")]
    errors = impacts.errors()
    if errors is not None and worst.name != "errors":
        factors.append(Factor("errors", round(errors, 3), 0.0, f"{errors:.0%} of all requests fail"))
    if tier == CRITICAL_TIER and attribution.dimension is None:
        factors.append(Factor("tier", float(tier), CRITICAL, "a critical service, hit as a whole"))
    elif tier == SPARE_TIER:
        factors.append(Factor("tier", float(tier), SPARE, "not in production"))
    age_s = lasts.open_s
    if age_s >= params.long_s and worst.name != UNMONITORED:
        weight = LASTING * (2.0 if age_s >= 4.0 * params.long_s else 1.0)
        factors.append(Factor("duration", age_s, weight, f"lasting for {age_s:.0f} s"))
    if any(series.alarms and series.peak.detector == "token_burn" for series in evidence.series.values()):
        factors.append(Factor("budget", None, BURNING, "the token budget will not last its period"))
    total = sum(factor.weight for factor in factors)
    severity: Severity = next((name for bar, name in STEPS if total >= bar), "P4")
    page_after_s = max(params.page_after_s, PAGE_AFTER_WINDOWS * lasts.window_s)
    if severity == "P2" and params.page_after_s and lasts.alarming_s < page_after_s:
        severity = "P3"
        text = f"alarming for {lasts.alarming_s:.0f} s, and a moderate impact counts from {page_after_s:g} s on"
        factors.append(Factor(BRIEF, lasts.alarming_s, 0.0, text))
    return severity, tuple(factors)


def severity_change_reason(before: Severity, after: Severity, factors: Sequence[Factor]) -> str:
    """From which severity to which, and why: the heaviest of its factors, and that the alarms are still brief.

    >>> severity_change_reason("P3", "P1", [Factor("breadth", "all", 3.0, "all is hit"), Factor("tier", 1.0, 0.5, "-")])
    'from P3 to P1: all is hit, -'
    """
    heaviest = sorted((one for one in factors if one.weight), key=lambda one: -abs(one.weight))[:NAMED]
    texts = [one.text for one in (*heaviest, *(each for each in factors if each.name == BRIEF))]
    return f"from {before} to {after}: {', '.join(texts) or 'no factor has points'}"
