"""One series of an aggregated input: its labels, its target, and the key of its state.

A series is resolved from its name and attributes once. A further point of it costs a dictionary look-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.intake.aggregated.aliases import Alias, Target, target_of
from streams.intake.aggregated.labels import LabelOverrides, labels_of
from streams.intake.columns import Labels
from streams.intake.validation import Rejection, ValidationLimits, check_labels, check_metric_names

CACHED = 200_000
"""The most series that a cache holds; a full cache is cleared."""


@dataclass(frozen=True, slots=True)
class Series:
    """A resolved series. key: of its state in `CumulativeStates`."""

    labels: Labels
    target: Target
    key: bytes


@dataclass(frozen=True, slots=True)
class SeriesResolver:
    """Resolves series. limits: that labels and names must keep. overrides: attributes to look at first, by label."""

    limits: ValidationLimits
    overrides: LabelOverrides = field(default_factory=dict)

    def resolve(self, alias: Alias, attributes: Mapping[str, str], unit: str, key: bytes) -> Series | Rejection:
        """The series, or what is wrong with its labels. attributes: those of the resource and of the point."""
        labels = labels_of(attributes, self.overrides, alias.stack)
        rejection = check_labels(labels, self.limits)
        if rejection is not None:
            if rejection.reason == "missing_service":
                tried = "service.name or job"
                found = f"service: none, expected an attribute or label such as {tried}"
                rejection = Rejection("missing_service", found)
            return rejection
        target = target_of(alias, attributes, unit)
        unnamed = None if target.metric is None else check_metric_names((target.metric,), self.limits)
        return unnamed or Series(labels, target, key)
