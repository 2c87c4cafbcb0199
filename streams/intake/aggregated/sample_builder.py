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
        self._metrics: dict[str, tuple[list[int], list[float], list[float], list[float]]] = {}

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
            index, column, trials, resolutions = self._metrics.setdefault(metric, ([], [], [], []))
            for into, known in ((trials, values.trials.get(metric)), (resolutions, values.resolutions.get(metric))):
                if known is not None:
                    into += [nan] * (len(column) - len(into))
                    into.append(known)
            index.append(number)
            column.append(amount)

    def samples(self) -> Samples:
        """All samples, in the order in which they were added."""
        if self._scope:
            scope: IntArray = np.array(self._scope, np.intp).T.copy()
        else:
            scope = np.empty((1 + len(self._scopes.marginals), 0), np.intp)
        columns = tuple(
            Column(
                metric, np.array(index, np.intp), np.array(values), _filled(trials, len(values)),
                _filled(resolutions, len(values)),
            )
            for metric, (index, values, trials, resolutions) in self._metrics.items()
        )
        return Samples(
            np.array(self._ts_s), scope, np.array(self._offset, np.int64), columns, np.array(self._span_s),
        )


def _filled(known: list[float], size: int) -> FloatArray | None:
    """(size,) what is known of values, NaN behind the last one; None without any."""
    return np.array(known + [nan] * (size - len(known))) if known else None
