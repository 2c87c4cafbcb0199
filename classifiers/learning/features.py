"""An incident as numbers to learn from: what moved and how far, how wide, how long, and what the rules made of it.

Every number is within -1 and 1 by a fixed scale, so that nothing needs to be learned before one can be compared with
another. None names a service, a replica or a tenant: what is learned of one holds for all.
"""

from __future__ import annotations

from math import log1p
from typing import get_args

from classifiers.evidence.evidence_table import ABSENCE, LOUD, deviation_of, loudness
from classifiers.evidence.families import family_of
from classifiers.model import Anomaly, Category, Incident, Severity
from classifiers.verdict.hysteresis import ORDER

ABOVE = tuple(f"rules above {severity}" for severity in ORDER[:-1])
"""One for each severity but the mildest: 1.0 where the rules' one is milder than it."""
CATEGORY = "category "
CATEGORIES: tuple[Category, ...] = get_args(Category)
RULES = "rules"
"""The factor that tells the rules' severity, where an advisor has a say too."""
MANY = 12.0
LONG_S = 1800.0
Features = dict[str, float]


def features(incident: Incident, rules: Severity | None = None) -> Features:
    """The numbers, by name; what is 0 is left out. About 40 us.

    Taken from what is published, so that whoever reads the incident can name them in a feedback. rules: what the rules
    say, where that is not told yet.
    """
    found: Features = {"bias": 1.0, f"{CATEGORY}{incident.category}": 1.0, f"breadth {_breadth(incident)}": 1.0}
    rank = ORDER.index(rules or rules_severity(incident))
    found.update(dict.fromkeys(ABOVE[:rank], 1.0))
    for reading in incident.evidence:
        _add_reading(found, reading)
    factors = {factor.name: factor for factor in incident.factors}
    if "pattern" in factors:
        found[f"pattern {factors['pattern'].value}"] = 1.0
    tier = factors["tier"].value if "tier" in factors else None
    if isinstance(tier, float):
        found["tier"] = tier - 2.0
    lasted_s = max((reading.end_s for reading in incident.evidence), default=incident.onset_at_s) - incident.onset_at_s
    found["duration"] = min(1.0, log1p(max(0.0, lasted_s)) / log1p(LONG_S))
    found["series"] = min(1.0, len(incident.evidence) / MANY)
    found["metrics"] = min(1.0, len({reading.metric for reading in incident.evidence}) / MANY)
    found["effects"] = min(1.0, sum(related.relation == "causes" for related in incident.related) / MANY)
    return {name: value for name, value in found.items() if value != 0.0}


def rules_severity(incident: Incident) -> Severity:
    """The severity that the rules gave, before the advisor had its say."""
    told = next((factor.value for factor in incident.factors if factor.name == RULES), None)
    return next((severity for severity in ORDER if severity == told), incident.severity)


def rules_said(numbers: Features) -> tuple[Severity, Category | None]:
    """The rules' severity and category, read back from features; no category where none is told."""
    rank = sum(numbers.get(name, 0.0) > 0.5 for name in ABOVE)
    return ORDER[rank], next((known for known in CATEGORIES if numbers.get(f"{CATEGORY}{known}", 0.0) > 0.5), None)


def _breadth(incident: Incident) -> str:
    names = ("replica", "tenant", "version")
    return next((name for name in names if getattr(incident, name) is not None), "all")


def _add_reading(found: Features, reading: Anomaly) -> None:
    """The loudest level, and the widest deviation, of each family and direction."""
    family = ABSENCE if reading.detector == ABSENCE else family_of(reading.metric)
    name = f"{family} {reading.direction}"
    found[f"{name} level"] = max(found.get(f"{name} level", 0.0), min(max(loudness(reading), 0.0), LOUD) / LOUD)
    change = abs(deviation_of(reading))
    found[f"{name} change"] = max(found.get(f"{name} change", 0.0), change / (1.0 + change))
    if family == "errors" and reading.value is not None:
        found["error share"] = max(found.get("error share", 0.0), min(max(reading.value, 0.0), 1.0))
