"""Values by scope and instant to columns of samples, the last step of every codec of aggregated metrics."""

from __future__ import annotations

from math import nan

import numpy as np

from detectors.base import FloatArray, IntArray
from streams.intake.aggregated.instant import ScopeValues
from streams.intake.columns import Column, Samples
from streams.intake.scopes import NONE, ScopeTable


class SampleBuilder:
    """Collects the samples of a batch; a scope without values gives none."""

    def __init__(self, scopes: ScopeTable) -> None:
        self._scopes = scopes
        self._ts_s: list[float] = []
        self._scope: list[list[int]] = []
        self._offset: list[int] = []
        self._span_s: list[float] = []
        self._metrics: dict[str, tuple[list[int], list[float], list[float]]] = {}

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
        for metric, amount in values.metrics.items():
            index, column, trials = self._metrics.setdefault(metric, ([], [], []))
            index.append(number)
            column.append(amount)
            if (counted := values.trials.get(metric)) is not None:
                trials += [nan] * (len(column) - 1 - len(trials))
                trials.append(counted)

    def samples(self) -> Samples:
        """All samples, in the order in which they were added."""
        if self._scope:
            scope: IntArray = np.array(self._scope, np.intp).T.copy()
        else:
            scope = np.empty((1 + len(self._scopes.marginals), 0), np.intp)
        columns = tuple(
            Column(metric, np.array(index, np.intp), np.array(values), _filled(trials, len(values)))
            for metric, (index, values, trials) in self._metrics.items()
        )
        return Samples(
            np.array(self._ts_s), scope, np.array(self._offset, np.int64), columns, np.array(self._span_s),
        )


def _filled(trials: list[float], size: int) -> FloatArray | None:
    """(size,) the denominators, NaN behind the last known one; None without any."""
    return np.array(trials + [nan] * (size - len(trials))) if trials else None
