"""The verdict on an episode: scope, category and severity from the tally so far, with every reason told."""

from __future__ import annotations

from dataclasses import dataclass

from classifiers.evidence.attribution import Attribution
from classifiers.evidence.evidence_table import EvidenceTable
from classifiers.model import Factor, Severity
from classifiers.verdict.category import Pattern, categorise
from classifiers.verdict.severity import SeverityParams, judge


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence says now."""

    blame: Attribution
    pattern: Pattern
    severity: Severity
    factors: tuple[Factor, ...]


def assess(
    tally: EvidenceTable, part: Attribution | None, age_s: float, tier: int, concentration_min: float,
    params: SeverityParams,
) -> Verdict:
    """What the tally amounts to, for an incident that opened `age_s` ago. About 50 us; only while an episode alarms.

    part: what is known to be hit, None where the tally has to say it.
    """
    pattern, blame = categorise(tally, concentration_min, part)
    severity, factors = judge(tally, blame, pattern.name, tier, age_s, params)
    named = Factor("pattern", pattern.name, 0.0, pattern.text)
    scope = Factor("scope", blame.value, 0.0, f"concentration {blame.concentration:.2f} on {blame.dimension or 'all'}")
    return Verdict(blame, pattern, severity, (*factors, named, scope))
