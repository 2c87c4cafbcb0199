"""Readings for the triage tests: of one series, of one instant of a small fleet, and the evidence of several."""

from __future__ import annotations

from collections.abc import Mapping

from classifiers.evidence.evidence_table import EvidenceTable
from classifiers.model import Anomaly, Direction, Scope

ALL = Scope("chat", "gpt")
R0 = Scope("chat", "gpt", replica="r0")
R1 = Scope("chat", "gpt", replica="r1")
CODE = Scope("chat", "gpt", tenant="code")
PROSE = Scope("chat", "gpt", tenant="prose")
V1 = Scope("chat", "gpt", version="v1")
V2 = Scope("chat", "gpt", version="v2")
FLEET = (ALL, R0, R1, CODE, PROSE)
SERVICE = ("chat", "gpt")


def reading(
    scope: Scope, metric: str, now_s: float, change: float = 0.0, level: float | None = None, detector: str = "robust",
) -> Anomaly:
    """A one-second window whose value is off its expectation of 100 by `change`. A shift has level 1.5 by default."""
    direction: Direction = "up" if change > 0 else "down" if change < 0 else "none"
    known = (1.5 if abs(change) > 0.15 else 0.1) if level is None else level
    return Anomaly(
        scope, metric, detector, now_s - 1.0, now_s, 100.0 * (1.0 + change), 100.0, known, direction, 20, now_s - 1.0,
    )


def silence(scope: Scope, now_s: float) -> Anomaly:
    """Three seconds without `latency_ms`."""
    return Anomaly(scope, "latency_ms", "absence", now_s - 3.0, now_s, None, None, 1.2, "down", 0, now_s - 2.0, 1.0)


def instant(now_s: float, metric: str, changes: Mapping[Scope, float]) -> list[Anomaly]:
    """One reading per scope of the fleet; scopes not named stay as expected."""
    return [reading(scope, metric, now_s, changes.get(scope, 0.0)) for scope in FLEET]


def evidence_of(metric: str, changes: Mapping[Scope, float], instants: int = 3) -> EvidenceTable:
    """The evidence of as many instants of the fleet, one a second from 0."""
    evidence = EvidenceTable()
    for second in range(instants):
        evidence.add(instant(float(second), metric, changes))
    return evidence
