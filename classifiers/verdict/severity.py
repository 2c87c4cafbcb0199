"""How bad it is: P0 to P4 from declared factors. Points are added; the sum names the severity; every factor is told.

The steps and points put the definitions into numbers: P0 a full outage, a breach, or over half the quality of a good
part of production; P1 significant harm or partial unavailability; P2 moderate harm, a single tenant; P3 minor harm and
drifted configuration; P4 a trend that nobody suffers from, and what is not in production.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from classifiers.evidence.attribution import Attribution
from classifiers.evidence.evidence_table import EvidenceTable
from classifiers.model import Factor, Severity
from classifiers.verdict.impact import Harms, SizeParams

STEPS: tuple[tuple[float, Severity], ...] = ((5.75, "P0"), (4.5, "P1"), (1.5, "P2"), (-2.0, "P3"))
CRITICAL_TIER, SPARE_TIER = 1, 3
CRITICAL, SPARE, LASTING, BURNING = 0.5, -8.0, 0.5, 0.5
"""Points: a critical service hit as a whole, one that is not in production, long duration (again at four times that),
a token budget that will not last."""


@dataclass(frozen=True, slots=True)
class SeverityParams:
    """long_s: seconds after which duration weighs, and again after four times as many. rise_after_s: a worse verdict is
    told when it held for so long; fall_after_s: a milder one."""

    sizes: SizeParams = field(default_factory=SizeParams)
    long_s: float = 300.0
    rise_after_s: float = 3.0
    fall_after_s: float = 30.0

    def __post_init__(self) -> None:
        if self.long_s <= 0:
            raise ValueError(f"long_s is {self.long_s}, expected seconds above 0")
        for name in ("rise_after_s", "fall_after_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected seconds, 0 or more")


def judge(
    tally: EvidenceTable, blame: Attribution, pattern: str, tier: int, age_s: float, params: SeverityParams,
) -> tuple[Severity, tuple[Factor, ...]]:
    """Severity and the factors that make it. The worst harm counts, not their sum: they are one cause's."""
    harms = Harms(tally, blame, params.sizes)
    worst = harms.worst(pattern)
    factors = [*worst.factors(harms.share, blame.value or blame.dimension or "all")]
    errors = harms.errors()
    if errors is not None and worst.name != "errors":
        factors.append(Factor("errors", round(errors, 3), 0.0, f"{errors:.0%} of all requests fail"))
    if tier == CRITICAL_TIER and blame.dimension is None:
        factors.append(Factor("tier", float(tier), CRITICAL, "a critical service, hit as a whole"))
    elif tier == SPARE_TIER:
        factors.append(Factor("tier", float(tier), SPARE, "not in production"))
    if age_s >= params.long_s:
        weight = LASTING * (2.0 if age_s >= 4.0 * params.long_s else 1.0)
        factors.append(Factor("duration", age_s, weight, f"lasting for {age_s:.0f} s"))
    if any(line.alarms and line.peak.detector == "token_burn" for line in tally.lines.values()):
        factors.append(Factor("budget", None, BURNING, "the token budget will not last its period"))
    total = sum(factor.weight for factor in factors)
    severity: Severity = next((name for bar, name in STEPS if total >= bar), "P4")
    return severity, tuple(factors)
