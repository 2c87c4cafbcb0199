"""Attribution of one metric: the part that stands out on it, the whole service, or two parts with causes of their own.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from classifiers.evidence.attribution import (
    DIMENSIONS,
    WHOLE,
    Attribution,
    Dimension,
    Shown,
    alike,
    dimension_of,
    leader,
    named_version,
)
from classifiers.evidence.evidence_table import Onset
from classifiers.evidence.series_snapshot import SUSTAINED_EWMA, UNOBSERVED, SeriesSnapshot
from classifiers.evidence.two_part_regression import PartDeviation, two_parts
from classifiers.model import Direction, Scope

PART_SHARE_MAX = 0.6
"""Above this share of the traffic a part is nearly the whole, as a version in the middle of a deployment."""
EARLIER_S = 6.0
"""A part must have deviated for at least so long before its siblings, onset errors aside, to count as earlier."""

PartDeviations = dict[Dimension, dict[str, tuple[float, SeriesSnapshot]]]
"""By dimension and value, the deviation in the direction of the alarm (0 or more) and the series."""
LeadingParts = dict[Dimension, tuple[str, float]]
"""By dimension, the value that deviates most, and how far it is ahead of the next, 0..1."""


def part_deviations(
    snapshots: Mapping[Scope, SeriesSnapshot], sign: float, values: Mapping[Dimension, set[str]],
) -> PartDeviations:
    """By part, its deviation in the metric's direction. sign: 1 for up, -1 for down.

    values: parts that count as not deviating when they have no series here.
    """
    found: PartDeviations = {
        dimension: dict.fromkeys(sorted(known), (0.0, UNOBSERVED)) for dimension, known in values.items()
    }
    for scope, series in snapshots.items():
        dimension = dimension_of(scope)
        if dimension is not None:
            found.setdefault(dimension, {})[getattr(scope, dimension)] = max(0.0, sign * series.deviation), series
    return found


def leading_parts(deviations: PartDeviations) -> LeadingParts:
    """The leading part of each dimension that has several values, one of which deviates."""
    found: LeadingParts = {}
    for dimension in DIMENSIONS:
        parts = deviations.get(dimension, {})
        if len(parts) < 2:
            continue
        sure = {
            value: size if series.sure_deviation is None else min(size, abs(series.sure_deviation))
            for value, (size, series) in parts.items()
        }
        first, lead = leader({value: size for value, (size, _) in parts.items()}, sure)
        if sure[first] > 0.0:
            found[dimension] = first, lead
    return found


def attribute_metric(
    snapshots: Mapping[Scope, SeriesSnapshot], deviations: PartDeviations, leading: LeadingParts,
    whole: SeriesSnapshot, direction: Direction, concentration_min: float, additive: bool, rolling: bool = False,
) -> list[Attribution]:
    """One attribution, or two where two parts deviate for reasons of their own.

    Two parts where the regression over all series needs two. Else the part that stands out. Else the whole, and before
    it the part that deviated alone for a while. snapshots: of this metric. deviations, leading: of its parts. whole:
    the series of the whole service. additive: see `two_part_regression.two_parts`. rolling: the service runs several
    versions.
    """
    two = _two_parts(snapshots, whole, direction, additive)
    return two or _leading_part(deviations, leading, whole.samples, concentration_min, rolling)


def _two_parts(
    snapshots: Mapping[Scope, SeriesSnapshot], whole: SeriesSnapshot, direction: Direction, additive: bool,
) -> list[Attribution]:
    """Two parts that deviate at once, where the regression needs two; else none."""
    if sum(series.alarm_ewma >= SUSTAINED_EWMA for series in snapshots.values()) < 2:
        return []
    sign = -1.0 if direction == "down" else 1.0
    parts = [
        PartDeviation(
            dimension, getattr(scope, dimension), sign * series.deviation * _unit(series.expected, whole.expected),
            series.samples, series.alarm_ewma >= SUSTAINED_EWMA,
        )
        for scope, series in snapshots.items() if (dimension := dimension_of(scope)) is not None
    ]
    return list(two_parts(parts, whole.samples, PART_SHARE_MAX, additive) or ())


def _unit(expected: float | None, whole_expected: float | None) -> float:
    """The factor that makes deviations of parts comparable where a common cause acts.

    Log-probabilities are negative and shift by a difference, not by a share: their deviations are scaled to the whole.
    """
    if expected is None or whole_expected is None or max(expected, whole_expected) >= 0.0:
        return 1.0
    return expected / whole_expected


def _leading_part(
    deviations: PartDeviations, leading: LeadingParts, whole_samples: int, concentration_min: float, rolling: bool,
) -> list[Attribution]:
    """The part furthest ahead of its siblings, if far enough; else the whole, after a part that deviated earlier."""
    candidates = []
    for dimension, (value, lead) in leading.items():
        series = deviations[dimension][value][1]
        nearly_all = dimension == "version" and series.samples > PART_SHARE_MAX * whole_samples
        if lead >= concentration_min and series.alarms and not nearly_all:
            candidates.append(Attribution(dimension, value, lead))
    if not candidates:
        return [*_earlier_part(deviations, rolling), WHOLE]
    best = max(candidates, key=lambda attribution: attribution.concentration)
    if best.dimension != "replica":
        return [best]
    assert best.value is not None
    versions = {value: _shown(part) for value, part in deviations.get("version", {}).items()}
    return [named_version(best, _shown(deviations["replica"][best.value]), versions)]


def _shown(part: tuple[float, SeriesSnapshot]) -> Shown:
    return part[0], float(part[1].samples)


def _earlier_part(deviations: PartDeviations, rolling: bool) -> list[Attribution]:
    """The part that deviated alone for a while before all its siblings did: it has a cause of its own.

    Not so a replica whose version deviates as much: it was the first one that the version was rolled out to.
    """
    for dimension in ("replica", "tenant"):
        parts = {value: series for value, (_, series) in deviations.get(dimension, {}).items()}
        onsets = {
            value: series.onset for value, series in parts.items()
            if series.onset is not None and series.alarm_ewma >= SUSTAINED_EWMA
        }
        if len(parts) < 2 or len(onsets) < len(parts):
            continue
        first, second = sorted(onsets, key=lambda value: (_bound_s(onsets[value], 1.0), value))[:2]
        if dimension == "replica" and rolling and _deviates_as_much(deviations, first):
            continue
        if _bound_s(onsets[first], 1.0) + EARLIER_S < _bound_s(onsets[second], -1.0):
            return [Attribution(dimension, first, 1.0)]
    return []


def _deviates_as_much(deviations: PartDeviations, replica: str) -> bool:
    """Whether a version deviates about as much as this replica, and has at least its samples."""
    size, series = deviations["replica"][replica]
    versions = deviations.get("version", {}).values()
    return any(alike(size, of_version) and own.samples >= series.samples for of_version, own in versions)


def _bound_s(onset: Onset, side: float) -> float:
    """The latest (side 1) or earliest (side -1) time of an onset."""
    return onset.at_s + side * (onset.error_s or 0.0)
