"""Values by scope and instant to columns of samples, the last step of every codec of aggregated metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan

import numpy as np

from detectors.base import FloatArray, IntArray
from streams.intake.aggregated.instant import ScopeValues
from streams.intake.columns import Column, Samples
from streams.intake.scopes import NONE, ScopeTable

KNOWN = ("trials", "resolutions", "numbers", "variances")
"""Fields of `ScopeValues`, in the order in which a `Column` has them."""


@dataclass(slots=True)
class _ColumnBuilder:
    """One metric of a batch. known: what is known of the values by its name in `ScopeValues`, NaN in gaps; it may end
    before the values do.
    """

    index: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    known: dict[str, list[float]] = field(default_factory=dict)

    def add(self, number: int, metric: str, values: ScopeValues) -> None:
        for name in KNOWN:
            amount = getattr(values, name).get(metric)
            if amount is not None:
                into = self.known.setdefault(name, [])
                into += [nan] * (len(self.values) - len(into))
                into.append(amount)
        self.index.append(number)
        self.values.append(values.metrics[metric])

    def column(self, metric: str) -> Column:
        return Column(metric, np.array(self.index, np.intp), np.array(self.values), *map(self._filled, KNOWN))

    def _filled(self, name: str) -> FloatArray | None:
        known = self.known.get(name)
        return None if known is None else np.array(known + [nan] * (len(self.values) - len(known)))


class SampleBuilder:
    """Collects the samples of a batch; a scope without values gives none."""

    def __init__(self, scopes: ScopeTable) -> None:
        self._scopes = scopes
        self._ts_s: list[float] = []
        self._scope: list[list[int]] = []
        self._offset: list[int] = []
        self._span_s: list[float] = []
        self._metrics: dict[str, _ColumnBuilder] = {}

    def add(self, values: ScopeValues, ts_s: float, offset: int) -> None:
        """Add the values of one scope at an instant. offset: of the last record that they came in."""
        if not values.metrics:
            return
        scope = self._scopes.intern(values.labels)
        if not values.whole:
            scope[0] = NONE
        number = len(self._ts_s)
        self._ts_s.append(ts_s)
        self._scope.append(scope)
        self._offset.append(offset)
        self._span_s.append(values.span_s)
        for metric in values.metrics:
            self._metrics.setdefault(metric, _ColumnBuilder()).add(number, metric, values)

    def samples(self) -> Samples:
        """All samples, in the order in which they were added."""
        if self._scope:
            scope: IntArray = np.array(self._scope, np.intp).T.copy()
        else:
            scope = np.empty((1 + len(self._scopes.marginals), 0), np.intp)
        columns = tuple(builder.column(metric) for metric, builder in self._metrics.items())
        return Samples(
            np.array(self._ts_s), scope, np.array(self._offset, np.int64), columns, np.array(self._span_s),
        )
