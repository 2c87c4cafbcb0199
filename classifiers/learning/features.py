"""The features of an incident: which families shifted and how far, the breadth, the duration, and the rules' verdict.

Every feature is within -1 and 1 on a fixed scale, so that features are comparable before anything is learned. None
names a service, a replica or a tenant: what is learned from one holds for all.
"""

from __future__ import annotations

from math import log1p
from typing import get_args

from classifiers.evidence.evidence_table import ABSENCE, LEVEL_CAP, alarm_level, deviation_of
from classifiers.evidence.families import family_of
from classifiers.model import Anomaly, Category, Incident, ServiceCategory, Severity
from classifiers.verdict.hysteresis import SEVERITY_ORDER

ABOVE = tuple(f"rules above {severity}" for severity in SEVERITY_ORDER[:-1])
"""One feature for each severity but the mildest: 1.0 where the rules' severity is milder than it."""
CATEGORY = "category "
CATEGORIES: tuple[Category, ...] = get_args(ServiceCategory)
RULES = "rules"
"""The factor with the rules' severity, where the advisor gave advice too."""
MANY = 12.0
LONG_S = 1800.0
Features = dict[str, float]
Weights = dict[str, dict[str, float]]
"""Learned weights by class and feature."""


def features(incident: Incident, rules: Severity | None = None) -> Features:
    """The features by name, without those that are 0. About 40 us.

    Computed from the published incident, so that any reader of it can put them into a feedback. rules: the rules'
    severity, where it is not published yet.
    """
    found: Features = {"bias": 1.0, f"{CATEGORY}{incident.category}": 1.0, f"breadth {_breadth(incident)}": 1.0}
    rank = SEVERITY_ORDER.index(rules or rules_severity(incident))
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
    """The severity that the rules gave, before the advisor moved it."""
    rules = next((factor.value for factor in incident.factors if factor.name == RULES), None)
    return next((severity for severity in SEVERITY_ORDER if severity == rules), incident.severity)


def rules_verdict(numbers: Features) -> tuple[Severity, Category | None]:
    """The rules' severity and category, read back from features. The category is None where none is in them."""
    rank = sum(numbers.get(name, 0.0) > 0.5 for name in ABOVE)
    category = next((known for known in CATEGORIES if numbers.get(f"{CATEGORY}{known}", 0.0) > 0.5), None)
    return SEVERITY_ORDER[rank], category


def _breadth(incident: Incident) -> str:
    names = ("replica", "tenant", "version")
    return next((name for name in names if getattr(incident, name) is not None), "all")


def _add_reading(found: Features, reading: Anomaly) -> None:
    """The highest level and the largest deviation of each family and direction."""
    family = ABSENCE if reading.detector == ABSENCE else family_of(reading.metric)
    name = f"{family} {reading.direction}"
    level = min(max(alarm_level(reading), 0.0), LEVEL_CAP) / LEVEL_CAP
    found[f"{name} level"] = max(found.get(f"{name} level", 0.0), level)
    change = abs(deviation_of(reading))
    found[f"{name} change"] = max(found.get(f"{name} change", 0.0), change / (1.0 + change))
    if family == "errors" and reading.value is not None:
        found["error share"] = max(found.get("error share", 0.0), min(max(reading.value, 0.0), 1.0))
