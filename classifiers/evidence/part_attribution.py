"""Which part of a service stands out on one metric: one, the whole, or two of them for reasons of their own. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from classifiers.evidence.attribution import DIMENSIONS, WHOLE, Attribution, Dimension, dimension_of
from classifiers.evidence.mixture import Part, two_parts
from classifiers.evidence.series_snapshot import SURE, UNSEEN, SeriesSnapshot
from classifiers.model import Direction, Scope

MOST = 0.6
"""Share of the traffic from which on a part is nearly the whole, as a version in the midst of a deployment."""
ALONE_S = 6.0
"""For so long at least a part must have been off before the others, errors aside."""

Sizes = dict[Dimension, dict[str, tuple[float, SeriesSnapshot]]]
Tops = dict[Dimension, tuple[str, float]]


def sizes_of(lines: Mapping[Scope, SeriesSnapshot], sign: float, values: Mapping[Dimension, set[str]]) -> Sizes:
    """By part, its deviation in the metric's direction. values: parts that count as not deviating when not seen."""
    found: Sizes = {
        dimension: dict.fromkeys(sorted(known), (0.0, UNSEEN)) for dimension, known in values.items()
    }
    for scope, mark in lines.items():
        dimension = dimension_of(scope)
        if dimension is not None:
            found.setdefault(dimension, {})[getattr(scope, dimension)] = max(0.0, sign * mark.deviation), mark
    return found


def tops_of(sizes: Sizes) -> Tops:
    """By dimension with several values, the one that deviates most and how far it is ahead of the next, 0..1."""
    found: Tops = {}
    for dimension in DIMENSIONS:
        ranked = sorted(sizes.get(dimension, {}).items(), key=lambda item: (-item[1][0], item[0]))
        if len(ranked) >= 2 and ranked[0][1][0] > 0.0:
            found[dimension] = ranked[0][0], 1.0 - ranked[1][1][0] / ranked[0][1][0]
    return found


def blames_of(
    lines: Mapping[Scope, SeriesSnapshot], sizes: Sizes, tops: Tops, base: SeriesSnapshot, direction: Direction,
    concentration_min: float, additive: bool,
) -> list[Attribution]:
    """Two parts where what all series show asks for two; else the part that stands out, or the whole, and the part
    before it that was off on its own for a while. tops: of the sizes. base: the whole service. additive: see
    `mixture.two_parts`.
    """
    return _mixed(lines, base, direction, additive) or _foremost(sizes, tops, base.samples, concentration_min)


def _mixed(
    lines: Mapping[Scope, SeriesSnapshot], base: SeriesSnapshot, direction: Direction, additive: bool,
) -> list[Attribution]:
    """Two parts that are hit at once, where what all parts show asks for two."""
    if sum(mark.heat >= SURE for mark in lines.values()) < 2:
        return []
    sign = -1.0 if direction == "down" else 1.0
    parts = [
        Part(
            dimension, getattr(scope, dimension), sign * mark.deviation * _unit(mark.expected, base.expected),
            mark.samples, mark.heat >= SURE,
        )
        for scope, mark in lines.items() if (dimension := dimension_of(scope)) is not None
    ]
    return list(two_parts(parts, base.samples, MOST, additive) or ())


def _unit(expected: float | None, base: float | None) -> float:
    """What makes deviations alike where a common cause does: of log-probabilities, the difference and not the share."""
    return expected / base if expected is not None and base is not None and max(expected, base) < 0.0 else 1.0


def _foremost(sizes: Sizes, tops: Tops, whole: int, concentration_min: float) -> list[Attribution]:
    alone = [
        Attribution(dimension, value, lead) for dimension, (value, lead) in tops.items()
        if lead >= concentration_min and sizes[dimension][value][1].alarms
        and not (dimension == "version" and sizes[dimension][value][1].samples > MOST * whole)
    ]
    if alone:
        return [max(alone, key=lambda blame: blame.concentration)]
    return [*_earlier(sizes), WHOLE]


def _earlier(sizes: Sizes) -> list[Attribution]:
    """The part that was off on its own for a while before all others were: it has a cause of its own."""
    for dimension in ("replica", "tenant"):
        known = sizes.get(dimension, {})
        marks = [mark for _, mark in known.values()]
        if len(marks) < 2 or any(mark.heat < SURE or mark.onset_s is None for mark in marks):
            continue
        ranked = sorted(known, key=lambda value: (_onset_s(known[value][1], 1.0), value))
        if _onset_s(known[ranked[0]][1], 1.0) + ALONE_S < _onset_s(known[ranked[1]][1], -1.0):
            return [Attribution(dimension, ranked[0], 1.0)]
    return []


def _onset_s(mark: SeriesSnapshot, side: float) -> float:
    """The latest (side 1) or earliest (-1) that it may have begun."""
    assert mark.onset_s is not None
    return mark.onset_s + side * min(mark.onset_error_s or 0.0, 3.0)
