"""Banks of river objects, one object per row: what all wrapped river detectors share.

There are two kinds. A `ScorerBank` holds scorers: a scorer scores a value before it learns it, and learns only what may
be learned from. A `DriftBank` holds drift detectors: a drift detector updates its statistic with a value, so it gets
every window as evidence, and a window counts in the scores after it. Both ignore NaN, have the level NaN until a row is
warm, and calibrate the statistic (`TailCalibrator`). Faults of river are worked around in each detector's adapter,
which stands beside its parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.banks.composite import CompositeBank
from detectors.banks.table import Column, Table
from detectors.base import Block, FloatArray, IntArray, Scores
from detectors.calibration.calibrator import TailCalibrator
from detectors.river.autocorrelation import AutocorrelationInflation
from detectors.river.rows import ObjectCodec, RiverRows

T = TypeVar("T")


class ScorerAdapter(ObjectCodec[T], Protocol[T]):
    """A river scorer behind an interface that works around its faults."""

    def score(self, one: T, value: float, /) -> tuple[float, float]:
        """The signed statistic of a value, and the expected value. Changes nothing."""

    def learn(self, one: T, value: float, number: int, /) -> None:
        """Learn a value. number: how many the row has learned, this one included."""


class DriftAdapter(ObjectCodec[T], Protocol[T]):
    """A river drift detector behind an interface that works around its faults."""

    def update(
        self, one: T, value: float, return_levels: tuple[float, float], shift: float, inflation: float, /,
    ) -> tuple[float, float]:
        """Add a value; returns the signed statistic after it, and the shift found, in spreads.

        return_levels: the statistics that are level 1.0, above and below. shift: the shift returned for the value
        before. inflation: `AutocorrelationInflation` of the row.
        """


class ScorerBank(CompositeBank, Generic[T]):
    """The bank of a `ScorerAdapter`. warm_up: windows learned before the row has a level."""

    def __init__(self, adapter: ScorerAdapter[T], tail: TailCalibrator, warm_up: int, capacity: int) -> None:
        self._adapter = adapter
        self._warm_up = warm_up
        self._rows = Table({"learned": Column(np.int64, 0)}, capacity)
        self._river: RiverRows[T] = RiverRows(adapter)
        self._tail = tail
        # Scoring, observing and learning need the same score: by row, the last value and its score, until the row
        # learns.
        self._last: dict[int, tuple[float, tuple[float, float]]] = {}
        super().__init__({"rows": self._rows, "river": self._river, "tail": tail})

    def score(self, block: Block) -> Scores:
        """Score each window against what its row has learned."""
        statistic, expected = self._statistics(block)
        direction = np.sign(np.nan_to_num(statistic)).astype(np.intp)
        return Scores(self._tail.level(block.rows, statistic), np.abs(statistic), direction, expected)

    def _statistics(self, block: Block) -> tuple[FloatArray, FloatArray]:
        """(n,), (n,): signed statistics and expected values, NaN where the row is cold or the value unknown."""
        found = np.full((2, len(block)), np.nan)
        warm = (self._rows["learned"][block.rows] >= self._warm_up) & ~np.isnan(block.value)
        part = block.select(warm)
        if len(part):
            pairs = zip(part.rows.tolist(), part.value.tolist(), strict=True)
            found[:, warm] = np.transpose([self._score_once(row, value) for row, value in pairs])
        return found[0], found[1]

    def _score_once(self, row: int, value: float) -> tuple[float, float]:
        last = self._last.get(row)
        if last is None or last[0] != value:
            last = self._last[row] = value, self._adapter.score(self._river.get(row), value)
        return last[1]

    def observe(self, block: Block) -> None:
        """Add every window's statistic to the tail's evidence."""
        self._tail.observe(block.rows, self._statistics(block)[0])

    def learn(self, block: Block) -> None:
        """Let scorers and tails learn from windows that may be learned from."""
        block = block.select(~np.isnan(block.value))
        statistic, _ = self._statistics(block)
        known = np.isfinite(statistic)
        if known.any():
            self._tail.learn(block.rows[known], statistic[known])
        self._rows["learned"][block.rows] += 1
        number = self._rows["learned"][block.rows].tolist()
        for row, value, at in zip(block.rows.tolist(), block.value.tolist(), number, strict=True):
            self._adapter.learn(self._river.get(row), value, at)
            self._last.pop(row, None)

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state."""
        super().forget(rows)
        self._last.clear()

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Restore a snapshot; raises `ValueError` when it is not this bank's."""
        super().restore(rows, state)
        self._last.clear()


class DriftBank(CompositeBank, Generic[T]):
    """The bank of a `DriftAdapter`. Its input is residuals. `Scores.raw` is the shift found, in spreads, in the
    direction of the statistic. warm_up: windows observed before the row has a level.
    """

    def __init__(self, adapter: DriftAdapter[T], tail: TailCalibrator, warm_up: int, capacity: int) -> None:
        self._adapter = adapter
        self._warm_up = warm_up
        self._rows = Table(
            {"seen": Column(np.int64, 0), "statistic": Column(np.float64, 0.0), "shift": Column(np.float64, 0.0)},
            capacity,
        )
        self._river: RiverRows[T] = RiverRows(adapter)
        self._inflation = AutocorrelationInflation(capacity)
        self._tail = tail
        super().__init__({"rows": self._rows, "river": self._river, "inflation": self._inflation, "tail": tail})

    def score(self, block: Block) -> Scores:
        """The scores after the windows observed so far; the values of the block do not matter, unless NaN."""
        statistic = np.where(np.isnan(block.value), np.nan, self._statistic(block.rows))
        known = np.isfinite(statistic)
        direction = np.sign(np.nan_to_num(statistic)).astype(np.intp)
        shift = np.maximum(self._rows["shift"][block.rows] * direction, 0.0)
        return Scores(
            self._tail.level(block.rows, statistic), np.where(known, shift, np.nan), direction,
            np.where(known, 0.0, np.nan),
        )

    def _statistic(self, rows: IntArray) -> FloatArray:
        """(n,) NaN for cold rows."""
        cold = self._rows["seen"][rows] < self._warm_up
        return np.where(cold, np.nan, self._rows["statistic"][rows])

    def observe(self, block: Block) -> None:
        """Update each row's detector with its window."""
        block = block.select(~np.isnan(block.value))
        rows, cells = block.rows, self._rows
        found = [
            self._adapter.update(self._river.get(row), value, (above, below), shift, inflation)
            for row, value, (above, below), shift, inflation in zip(
                rows.tolist(), block.value.tolist(), self._tail.return_level(rows).tolist(),
                cells["shift"][rows].tolist(), self._inflation.ratio(rows).tolist(), strict=True,
            )
        ]
        self._inflation.observe(rows, block.value)
        cells["seen"][rows] += 1
        cells["statistic"][rows] = [statistic for statistic, _ in found]
        cells["shift"][rows] = [shift for _, shift in found]
        self._tail.observe(rows, self._statistic(rows))

    def learn(self, block: Block) -> None:
        """Learn how large the statistic becomes in windows that may be learned from."""
        rows = block.rows[~np.isnan(block.value)]
        self._inflation.learn(rows)
        statistic = self._statistic(rows)
        warm = np.isfinite(statistic)
        if warm.any():
            self._tail.learn(rows[warm], statistic[warm])
