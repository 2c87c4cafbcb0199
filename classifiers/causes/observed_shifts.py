"""How far the series of an incident shifted, as expectations: what a human who calls it expected wants to see no more.

The size is the mean deviation while the incident alarmed, and not the highest window, with a margin for its error.
"""

from __future__ import annotations

from dataclasses import dataclass

from classifiers.evidence.attribution import Attribution, Dimension, dimension_of
from classifiers.evidence.evidence_table import ABSENCE, GAP, EvidenceTable, SeriesEvidence
from classifiers.evidence.families import deviation_floor, family_of
from classifiers.expectations import MAX_FACTOR, Expectation

MARGIN = 1.25
"""A deviation is expected again up to this multiple of the mean that was observed."""
MAX_SHIFTS = 32


@dataclass(frozen=True, slots=True)
class ObservedShifts:
    """The shifts of an incident. dimension, part: that it hit, None for all. of_part: those of the part, or of every
    series where none was hit alone; of_whole: those of the whole service where a part was hit."""

    service: str
    model: str | None
    dimension: Dimension | None
    part: str | None
    of_part: tuple[Expectation, ...]
    of_whole: tuple[Expectation, ...] = ()


def observed_shifts(service: str, model: str | None, part: Attribution, evidence: EvidenceTable) -> ObservedShifts:
    """The shifts that the evidence of an incident shows. About 2 us a series.

    Silence and failures are left out: they are never expected.
    """
    of_part: dict[tuple[str, str], Expectation] = {}
    of_whole: dict[tuple[str, str], Expectation] = {}
    for (metric, scope), series in evidence.series.items():
        if not series.alarms or metric in (ABSENCE, GAP) or family_of(metric) == "errors":
            continue
        is_part = part.dimension is None or getattr(scope, part.dimension) == part.value
        if is_part or dimension_of(scope) is None:
            _add(of_part if is_part else of_whole, metric, series)
    return ObservedShifts(
        service, model, part.dimension, part.value, tuple(of_part.values())[:MAX_SHIFTS],
        tuple(of_whole.values())[:MAX_SHIFTS],
    )


def _add(found: dict[tuple[str, str], Expectation], metric: str, series: SeriesEvidence) -> None:
    """The widest bound of each metric and direction counts."""
    expected, deviation = series.peak.expected, MARGIN * series.deviation
    if expected is None or deviation == 0.0:
        return
    bound = expected + deviation * max(abs(expected), deviation_floor(metric))
    op = "<=" if deviation > 0.0 else ">="
    is_relative = expected > 0.0 and bound >= 0.0
    size = round(min(bound / expected, MAX_FACTOR) if is_relative else bound, 3)
    known = found.get((metric, op))
    wider = known is None or known.relative != is_relative or (size > known.bound) == (op == "<=")
    if wider:
        found[metric, op] = Expectation(metric, "<=" if op == "<=" else ">=", size, is_relative)
