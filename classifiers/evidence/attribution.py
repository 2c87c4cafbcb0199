"""Blast radius: which replica, tenant or version is hit alone, read from which marginal series deviate.

A fault on one replica moves that replica's series and, diluted, those of the whole and of every tenant; a fault of one
tenant does the same along the other dimension. So the dimension with one value far ahead of its siblings is the one
that is to blame; when siblings deviate alike, the whole is hit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from classifiers.evidence.evidence_table import ABSENCE, GAP, EvidenceTable, SeriesEvidence
from classifiers.model import Scope

Dimension = Literal["replica", "tenant", "version"]
DIMENSIONS: tuple[Dimension, ...] = ("replica", "tenant", "version")


@dataclass(frozen=True, slots=True)
class Attribution:
    """The scope singled out, or the whole: `concentration` in 0..1 says how far ahead of its siblings it is."""

    dimension: Dimension | None
    value: str | None
    concentration: float


WHOLE = Attribution(None, None, 0.0)


def dimension_of(scope: Scope) -> Dimension | None:
    """The marginal a scope belongs to, None for the whole service and model."""
    for name in DIMENSIONS:
        if getattr(scope, name) is not None:
            return name
    return None


def localise(tally: EvidenceTable, weights: Mapping[str, float], concentration_min: float) -> Attribution:
    """The value that stands out on these metrics, if its concentration reaches the bar; else the whole.

    Concentration of one metric and dimension is 1 - second/first of the deviations in the alarm's direction; metrics
    vote with their weight. A dimension with a single value cannot be told from the whole and never wins.
    """
    best = WHOLE
    for dimension in DIMENSIONS:
        values = _values(tally, dimension)
        if len(values) < 2:
            continue
        votes: dict[str, float] = dict.fromkeys(values, 0.0)
        total = 0.0
        for metric, weight in weights.items():
            first, concentration = _standout(tally, metric, dimension, values)
            total += weight
            if first is not None:
                votes[first] += weight * concentration
        value = max(sorted(votes), key=lambda name: votes[name])
        share = votes[value] / total if total else 0.0
        if share >= concentration_min and share > best.concentration:
            best = Attribution(dimension, value, share)
    return best


def _values(tally: EvidenceTable, dimension: Dimension) -> list[str]:
    seen = {getattr(scope, dimension) for _, scope in tally.lines}
    return sorted(value for value in seen if value is not None)


def _standout(tally: EvidenceTable, metric: str, dimension: Dimension, values: list[str]) -> tuple[str | None, float]:
    """The value that deviates most on a metric, and how far it is ahead of the next, 0..1."""
    lines: dict[str, SeriesEvidence] = {
        getattr(scope, dimension): line
        for (name, scope), line in tally.lines.items()
        if name == metric and getattr(scope, dimension) is not None
    }
    sign = -1.0 if metric in (ABSENCE, GAP) or tally.direction(metric) == "down" else 1.0
    size = {value: max(0.0, sign * lines[value].deviation) if value in lines else 0.0 for value in values}
    ranked = sorted(values, key=lambda value: (-size[value], value))
    first, second = ranked[0], ranked[1]
    if size[first] <= 0.0 or first not in lines or not lines[first].alarms:
        return None, 0.0
    return first, 1.0 - size[second] / size[first]
