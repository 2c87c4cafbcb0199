"""What is known of one series of an aggregated input: whose it is, what becomes of it, and the key of its state.

Looked up by name and attributes, and found out once: points of a known series cost a dictionary look-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.intake.aggregated.aliases import Alias, Target, target_of
from streams.intake.aggregated.labels import Own, labels_of
from streams.intake.columns import Labels
from streams.intake.validation import Fault, Rules, label_fault, names_fault

CACHED = 200_000
"""Series remembered; a cache only, which begins anew when it is full."""


@dataclass(frozen=True, slots=True)
class Series:
    """key: of its state in `Cumulative`."""

    labels: Labels
    target: Target
    key: bytes


@dataclass(frozen=True, slots=True)
class Naming:
    """How attributes become labels: the operator's own names, and the rules that labels must keep."""

    rules: Rules
    own: Own = field(default_factory=dict)

    def series(self, alias: Alias, attributes: Mapping[str, str], unit: str, key: bytes) -> Series | Fault:
        """The series, or what is wrong with its labels. attributes: those of the resource and of the point."""
        labels = labels_of(attributes, self.own)
        fault = label_fault(labels, self.rules)
        if fault is not None:
            if fault.reason == "missing_service":
                tried = "service.name or job"
                fault = Fault("missing_service", f"service: none, expected an attribute or label such as {tried}")
            return fault
        target = target_of(alias, attributes, unit)
        unnamed = None if target.metric is None else names_fault((target.metric,), self.rules)
        return unnamed or Series(labels, target, key)
