"""Rows as they were before a planned change, by which windows are scored while the change is expected.

Each row keeps a copy of its state in the suite, and the range in which its level may lie. That part of a deviation
which is planned is divided out of a window before it is scored: a value within the range counts as what was expected,
a value beyond it counts by its distance from the range. So the copy is compared with what would have been measured
without the change, and its spread, its calibration and its minimum deviation stay valid. The copy takes windows in as
evidence and never learns, while the suite itself learns what the change made normal.

Fixed limits and token budgets are never planned away: the suite itself judges them. Crash: part of the shard's
snapshot. Cost: that of the suite for the windows of the rows concerned; memory of a second suite for these rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.banks.table import Column, Table
from detectors.base import Block, BoolArray, FloatArray, IntArray, State
from detectors.suite import Suite, SuiteParams, SuiteScores

KEPT = ("absence.", "token_burn.")
"""Columns of a snapshot of the suite that hold nothing about the level of values."""
FIRM = ("static_limits", "token_burn")
"""Detectors whose alarms stand whatever is planned."""
_FIRST_SLOTS = 8


class PlannedReference:
    """See the module. Rows are those of the suite that is copied from; each has a slot here."""

    def __init__(self, params: SuiteParams) -> None:
        unlimited = tuple(replace(one, low=None, high=None, token_budget=None) for one in params.profiles)
        self._suite = Suite(replace(params, profiles=unlimited), _FIRST_SLOTS)
        self._range = Table(
            {name: Column(np.float64, cold) for name, cold in
             (("low", 1.0), ("high", 1.0), ("lowest", np.nan), ("highest", np.nan))}, _FIRST_SLOTS,
        )
        self._slot: dict[int, int] = {}
        self._free: list[int] = []
        self._firm = [Suite.names.index(name) for name in FIRM]

    def __contains__(self, row: object) -> bool:
        return row in self._slot

    def __len__(self) -> int:
        return len(self._slot)

    def take(self, rows: IntArray, suite: Suite, allowed: FloatArray) -> None:
        """Copy rows of a suite. allowed: (n, 4) the range of each: low and high as factors of what is expected, lowest
        and highest in the metric's unit, NaN for none."""
        self.forget(rows)
        for row in rows.tolist():
            self._slot[row] = self._free.pop() if self._free else len(self._slot)
        self._grow(max(self._slot.values(), default=-1) + 1)
        slots = self._slots(rows)
        self._suite.assign(slots, suite.profile_of(rows))
        self._suite.restore(slots, suite.snapshot(rows))
        for column, values in zip(("low", "high", "lowest", "highest"), allowed.T, strict=True):
            self._range[column][slots] = values

    def score(self, block: Block, scores: SuiteScores) -> SuiteScores:
        """The scores of windows of its rows, as if the planned part of the change had not been made, and record the
        windows as evidence.

        scores: of the suite itself. Its alarms by a fixed limit or a token budget stand. `expected` is what was planned
        to be there: the nearest value within the range.
        """
        slots = self._slots(block.rows)
        factor, shift = self._planned(slots, block.value, self._suite.expected(slots))
        planned = replace(
            block.with_rows(slots), value=(block.value - shift) / factor, std=block.std / factor,
            minimum=(block.minimum - shift) / factor, maximum=(block.maximum - shift) / factor,
        )
        found = self._suite.score(planned)
        self._suite.observe(planned)
        found = replace(found, expected=found.expected * factor + shift)
        firm: BoolArray = np.asarray((scores.levels[self._firm] >= 1.0).any(axis=0))
        return merged(found, scores, firm) if firm.any() else found

    def forget(self, rows: IntArray) -> None:
        """Drop the copies of these rows."""
        known = [row for row in rows.tolist() if row in self._slot]
        slots = np.array([self._slot.pop(row) for row in known], np.intp)
        self._suite.forget(slots)
        self._range.forget(slots)
        self._free.extend(slots.tolist())

    def snapshot(self) -> State:
        """The copies with their ranges and rows; empty when there are none."""
        if not self._slot:
            return {}
        rows = np.array(sorted(self._slot), np.intp)
        slots = self._slots(rows)
        parts = {"range": self._range.snapshot(slots), "suite": self._suite.snapshot(slots)}
        columns = {f"{part}.{name}": cells for part, state in parts.items() for name, cells in state.items()}
        return {"rows": rows, "profiles": self._suite.profile_of(slots), **columns}

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Put a snapshot into a new reference; raises `ValueError` or `LookupError` when it is not one."""
        if not state:
            return
        rows = state["rows"].astype(np.intp)
        self._slot = {row: slot for slot, row in enumerate(rows.tolist())}
        self._grow(len(rows))
        slots = self._slots(rows)
        self._suite.assign(slots, state["profiles"].astype(np.intp))
        for part in (self._range, self._suite):
            prefix = "range." if part is self._range else "suite."
            part.restore(slots, {
                name.removeprefix(prefix): cells for name, cells in state.items() if name.startswith(prefix)
            })

    def _planned(self, slots: IntArray, value: FloatArray, centre: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(n,), (n,): the planned part of each deviation, a factor and, where nothing is expected to be there, a shift.
        """
        cells = self._range
        lowest = np.fmin(cells["low"][slots] * centre, np.fmin(cells["lowest"][slots], centre))
        highest = np.fmax(cells["high"][slots] * centre, np.fmax(cells["highest"][slots], centre))
        nearest = np.clip(value, lowest, highest)
        grows = (centre > 0.0) & (nearest > 0.0)
        factor = np.where(grows, nearest / np.where(grows, centre, 1.0), 1.0)
        shift = np.where(grows | ~np.isfinite(nearest - centre), 0.0, nearest - centre)
        return factor, shift

    def _slots(self, rows: IntArray) -> IntArray:
        return np.array([self._slot[row] for row in rows.tolist()], np.intp)

    def _grow(self, capacity: int) -> None:
        if capacity > self._range.capacity:
            size = max(capacity, 2 * self._range.capacity)
            self._suite.grow(size)
            self._range.grow(size)


def merged(scores: SuiteScores, others: SuiteScores, at: BoolArray) -> SuiteScores:
    """Scores of one block, with those of `others` where `at` says so: (n,)."""
    fields = ("level", "detector", "direction", "expected", "levels", "onset_s", "onset_error_s", "score", "novelty")
    return SuiteScores(*(np.where(at, getattr(others, name), getattr(scores, name)) for name in fields))


def relearn(suite: Suite, rows: IntArray) -> None:
    """Let rows learn their level anew; what they learned about arrivals and what they spent of a budget stays."""
    kept = {name: cells for name, cells in suite.snapshot(rows).items() if name.startswith(KEPT)}
    suite.forget(rows)
    suite.restore(rows, {**suite.snapshot(rows), **kept})
