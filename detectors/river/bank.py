"""Banks of river objects, one object a row: what every wrapped river detector shares, whatever is inside.

Two shapes. A `ScorerBank` holds scorers, which judge a value before they learn it and learn only what may be learned. A
`DriftBank` holds drift detectors, which judge by taking a value in; they get every window as evidence, beside by how
much its row wanders by nature, and a window counts in the scores after it. Both pass over NaN, answer NaN until a row
is warm, and turn the statistic into a level through `calibrate`. What river gets wrong is the business of the guard,
which stands beside each detector's parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.banks.banked import Banked
from detectors.banks.table import Column, Table
from detectors.base import Block, FloatArray, IntArray, Scores
from detectors.calibration.calibrator import TailCalibrator
from detectors.river.rows import Kind, RiverRows
from detectors.river.wander import AutocorrelationInflation

T = TypeVar("T")


class ScorerGuard(Kind[T], Protocol[T]):
    """A river scorer and what keeps its faults in."""

    def judge(self, one: T, value: float, /) -> tuple[float, float]:
        """The signed statistic of a value, and the value expected. Changes nothing."""

    def take_in(self, one: T, value: float, number: int, /) -> None:
        """Learn a value, the row's `number`-th."""


class DriftGuard(Kind[T], Protocol[T]):
    """A river drift detector and what keeps its faults in."""

    def feed(
        self, one: T, value: float, heights: tuple[float, float], shift: float, wander: float, /,
    ) -> tuple[float, float]:
        """Take in a value; the signed statistic after it, and the shift found, in spreads.

        heights: the statistics that are level 1.0, above and below. shift: the answer to the value before. wander: by
        how much the means of the row's residuals scatter more widely than those of independent ones.
        """


class ScorerBank(Banked, Generic[T]):
    """The bank of a `ScorerGuard`. warm_up: windows learned before the row is judged."""

    def __init__(self, guard: ScorerGuard[T], tail: TailCalibrator, warm_up: int, capacity: int) -> None:
        self._guard = guard
        self._warm_up = warm_up
        self._rows = Table({"learned": Column(np.int64, 0)}, capacity)
        self._river: RiverRows[T] = RiverRows(guard)
        self._tail = tail
        # Scoring, tracking and settling ask about the same window: by row, the last answer until the row learns.
        self._last: dict[int, tuple[float, tuple[float, float]]] = {}
        super().__init__({"rows": self._rows, "river": self._river, "tail": tail})

    def score(self, block: Block) -> Scores:
        """Judge each window against what its row has learned."""
        statistic, expected = self._judge(block)
        direction = np.sign(np.nan_to_num(statistic)).astype(np.intp)
        return Scores(self._tail.level(block.rows, statistic), np.abs(statistic), direction, expected)

    def _judge(self, block: Block) -> tuple[FloatArray, FloatArray]:
        """(n,), (n,): signed statistics and expected values, NaN where the row is cold or the value unknown."""
        found = np.full((2, len(block)), np.nan)
        warm = (self._rows["learned"][block.rows] >= self._warm_up) & ~np.isnan(block.value)
        part = block.take(warm)
        if len(part):
            pairs = zip(part.rows.tolist(), part.value.tolist(), strict=True)
            found[:, warm] = np.transpose([self._judged(row, value) for row, value in pairs])
        return found[0], found[1]

    def _judged(self, row: int, value: float) -> tuple[float, float]:
        last = self._last.get(row)
        if last is None or last[0] != value:
            last = self._last[row] = value, self._guard.judge(self._river.held(row), value)
        return last[1]

    def track(self, block: Block) -> None:
        """Take every window's score as evidence of the tail."""
        self._tail.track(block.rows, self._judge(block)[0])

    def settle(self, block: Block) -> None:
        """Let the rows' scorers and tails learn from windows that may be learned from."""
        block = block.take(~np.isnan(block.value))
        statistic, _ = self._judge(block)
        judged = np.isfinite(statistic)
        if judged.any():
            self._tail.learn(block.rows[judged], statistic[judged])
        self._rows["learned"][block.rows] += 1
        number = self._rows["learned"][block.rows].tolist()
        for row, value, at in zip(block.rows.tolist(), block.value.tolist(), number, strict=True):
            self._guard.take_in(self._river.held(row), value, at)
            self._last.pop(row, None)

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state."""
        super().forget(rows)
        self._last.clear()

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Put a snapshot back; raises `ValueError` when it is not this bank's."""
        super().restore(rows, state)
        self._last.clear()


class DriftBank(Banked, Generic[T]):
    """The bank of a `DriftGuard`. Takes residuals as values; `Scores.raw` is the shift found, in spreads, in the
    direction of the statistic. warm_up: windows taken in before the row is judged.
    """

    def __init__(self, guard: DriftGuard[T], tail: TailCalibrator, warm_up: int, capacity: int) -> None:
        self._guard = guard
        self._warm_up = warm_up
        self._rows = Table(
            {"seen": Column(np.int64, 0), "statistic": Column(np.float64, 0.0), "shift": Column(np.float64, 0.0)},
            capacity,
        )
        self._river: RiverRows[T] = RiverRows(guard)
        self._wander = AutocorrelationInflation(capacity)
        self._tail = tail
        super().__init__({"rows": self._rows, "river": self._river, "wander": self._wander, "tail": tail})

    def score(self, block: Block) -> Scores:
        """What the windows taken in so far say."""
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

    def track(self, block: Block) -> None:
        """Feed every window to its row's detector."""
        block = block.take(~np.isnan(block.value))
        rows, cells = block.rows, self._rows
        found = [
            self._guard.feed(self._river.held(row), value, (above, below), shift, wander)
            for row, value, (above, below), shift, wander in zip(
                rows.tolist(), block.value.tolist(), self._tail.height(rows).tolist(), cells["shift"][rows].tolist(),
                self._wander.ratio(rows).tolist(), strict=True,
            )
        ]
        self._wander.track(rows, block.value)
        cells["seen"][rows] += 1
        cells["statistic"][rows] = [statistic for statistic, _ in found]
        cells["shift"][rows] = [shift for _, shift in found]
        self._tail.track(rows, self._statistic(rows))

    def settle(self, block: Block) -> None:
        """Learn how large the statistic grows when nothing is wrong."""
        rows = block.rows[~np.isnan(block.value)]
        self._wander.learn(rows)
        statistic = self._statistic(rows)
        warm = np.isfinite(statistic)
        if warm.any():
            self._tail.learn(rows[warm], statistic[warm])
