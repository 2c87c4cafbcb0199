"""The verdict on an episode: scope, category and severity, with a factor for every reason."""

from __future__ import annotations

from dataclasses import dataclass

from classifiers.evidence.attribution import Attribution
from classifiers.evidence.evidence_table import EvidenceTable
from classifiers.model import Factor, Severity
from classifiers.verdict.category import Pattern, categorise
from classifiers.verdict.severity import Lasts, SeverityParams, rate_severity


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on the evidence so far: the part that is hit, the kind of incident, and how severe it is."""

    attribution: Attribution
    pattern: Pattern
    severity: Severity
    factors: tuple[Factor, ...]


def assess(
    evidence: EvidenceTable, part: Attribution | None, lasts: Lasts, tier: int, concentration_min: float,
    params: SeverityParams,
) -> Verdict:
    """The verdict on an incident. About 50 us; called only while an episode alarms.

    part: the part that is hit, where it is known; None where it is read from the evidence. lasts: for how long it has.
    tier: of the service, 1 to 3. concentration_min: how far ahead (0..1) a part must be to stand out.
    """
    pattern, scope = categorise(evidence, concentration_min, part)
    severity, factors = rate_severity(evidence, scope, pattern.name, tier, lasts, params)
    named = Factor("pattern", pattern.name, 0.0, pattern.text), Factor("scope", scope.value, 0.0, _scope_text(scope))
    return Verdict(scope, pattern, severity, (*factors, *named))


def _scope_text(scope: Attribution) -> str:
    if scope.dimension is None:
        return "no version, replica or tenant differs from the others"
    return f"{scope.dimension} {scope.value} stands out: {scope.concentration:.0%} ahead of any other"
