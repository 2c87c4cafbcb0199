"""Attribution of an episode to a scope: which replica, tenant or version alone is hit, or the whole service.

A fault of one replica shows in that replica's series. Diluted, it shows in the whole and in every tenant too. A fault
of one tenant does the same along the other dimension. So an episode is attributed to the dimension in which one value
is far ahead of its siblings. When siblings deviate alike, the whole service is hit.

The first replica of a rolling deploy, or a canary of one replica, shows the same requests as its version. Nothing tells
the two apart then, and the version is named: it is what changed.

A part is one value of one dimension, for instance the replica `r0`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from classifiers.evidence.evidence_table import UNREPORTED, EvidenceTable, SeriesEvidence
from classifiers.model import Scope

Dimension = Literal["replica", "tenant", "version"]
DIMENSIONS: tuple[Dimension, ...] = ("replica", "tenant", "version")


@dataclass(frozen=True, slots=True)
class Attribution:
    """The part that is hit, or the whole where both are None. concentration: how far ahead of its siblings, 0..1."""

    dimension: Dimension | None
    value: str | None
    concentration: float


WHOLE = Attribution(None, None, 0.0)
Shown = tuple[float, float]
"""What a part shows: the size of its deviation, and the samples behind it."""
ALIKE = 0.25
"""A replica and a version show the same requests where their deviations and their samples differ by no larger share."""


def covers(part: Attribution, scope: Scope) -> bool:
    """Whether a scope belongs to a part; the whole covers all."""
    return part.dimension is None or getattr(scope, part.dimension) == part.value


def dimension_of(scope: Scope) -> Dimension | None:
    """The dimension of a marginal series, None for the whole service and model."""
    for name in DIMENSIONS:
        if getattr(scope, name) is not None:
            return name
    return None


def localise(evidence: EvidenceTable, weights: Mapping[str, float], concentration_min: float) -> Attribution:
    """The part that stands out on these metrics, if its concentration reaches the minimum; else the whole.

    The concentration on one metric and dimension is 1 - second/first of the deviations in the alarm's direction. Of a
    share, the first one's deviation is what its trials prove: a replica does not stand out by 2 failures of 6.
    Metrics vote with their weight. A dimension with a single value looks the same as the whole and never wins.
    """
    found: list[Attribution] = []
    for dimension in DIMENSIONS:
        values = _values(evidence, dimension)
        if len(values) < 2:
            continue
        votes: dict[str, float] = dict.fromkeys(values, 0.0)
        total = 0.0
        for metric, weight in weights.items():
            first, concentration = _leading_value(evidence, metric, dimension, values)
            total += weight
            if first is not None:
                votes[first] += weight * concentration
        value = max(sorted(votes), key=lambda name: votes[name])
        share = votes[value] / total if total else 0.0
        if share >= concentration_min:
            found.append(Attribution(dimension, value, share))
    best = max(found, key=lambda one: one.concentration, default=WHOLE)
    if best.dimension != "replica":
        return best
    versions = {value: _shown(evidence, weights, "version", value) for value in _values(evidence, "version")}
    return named_version(best, _shown(evidence, weights, "replica", best.value), versions)


def named_version(replica: Attribution, shown: Shown, versions: Mapping[str, Shown]) -> Attribution:
    """A replica, or in its place the version of the same requests, where the service runs several.

    shown: what the replica shows. versions: what each shows; it need not alarm by itself, as of a new version more
    evidence is asked.
    """
    if len(versions) < 2:
        return replica
    named = (value for value, other in versions.items() if same_requests(shown, other))
    return next((Attribution("version", value, replica.concentration) for value in named), replica)


def same_requests(one: Shown, other: Shown) -> bool:
    """Whether two parts show the same requests, as far as their deviations and their samples tell."""
    return all(map(alike, one, other))


def alike(one: float, other: float) -> bool:
    """Whether two sizes differ by a small share only, `ALIKE` of the larger one."""
    return abs(one - other) <= ALIKE * max(abs(one), abs(other))


def _shown(
    evidence: EvidenceTable, weights: Mapping[str, float], dimension: Dimension, value: str | None,
) -> Shown:
    """What a part shows on these metrics: the weighted sum of its deviations, and its samples."""
    own = [
        (weights[metric] * series.deviation, series.samples) for (metric, scope), series in evidence.series.items()
        if metric in weights and getattr(scope, dimension) == value
    ]
    return sum(deviation for deviation, _ in own), float(sum(samples for _, samples in own))


def _values(evidence: EvidenceTable, dimension: Dimension) -> list[str]:
    known = {getattr(scope, dimension) for _, scope in evidence.series}
    return sorted(value for value in known if value is not None)


def _leading_value(
    evidence: EvidenceTable, metric: str, dimension: Dimension, values: list[str],
) -> tuple[str | None, float]:
    """The value that deviates most on a metric, and how far it is ahead of the next, 0..1.

    None without an alarm, and while most siblings have not reported the metric.
    """
    by_value: dict[str, SeriesEvidence] = {
        getattr(scope, dimension): series
        for (name, scope), series in evidence.series.items()
        if name == metric and getattr(scope, dimension) is not None
    }
    reported = sum(value in by_value for value in values)
    if metric not in UNREPORTED and 2 * reported <= len(values):
        return None, 0.0  # what most siblings do is not known yet
    sign = -1.0 if metric in UNREPORTED or evidence.direction(metric) == "down" else 1.0
    size = {value: max(0.0, sign * by_value[value].deviation) if value in by_value else 0.0 for value in values}
    sure = {value: max(0.0, sign * by_value[value].sure_deviation) if value in by_value else 0.0 for value in values}
    first, lead = leader(size, sure)
    if sure[first] <= 0.0 or first not in by_value or not by_value[first].alarms:
        return None, 0.0
    return first, lead


def leader(size: Mapping[str, float], sure: Mapping[str, float]) -> tuple[str, float]:
    """Of two values or more the one that surely deviates most, and how far it is ahead of the next, 0..1.

    size: by value, its deviation. sure: the part of it that is proved, of a share by its trials. 0 where nothing is.
    """
    first = min(sure, key=lambda value: (-sure[value], value))
    second = max(size[value] for value in size if value != first)
    return first, max(0.0, 1.0 - second / sure[first]) if sure[first] > 0.0 else 0.0
