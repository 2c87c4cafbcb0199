"""Sparse banks: rows that never use a detector cost no memory.

A sparse bank wraps an inner bank. A row gets a row of the inner bank, its slot, when its first window is observed or
learned. Slot 0 is never assigned and stays cold: it gives the scores of all rows without a slot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from detectors.banks.composite import Bank
from detectors.banks.sparse_columns import HAS_SLOT, inner_columns
from detectors.banks.table import check_array
from detectors.base import Block, IntArray, Scores, State

_INITIAL_SLOTS = 4


class SparseBank:
    """Behaves as the bank that `build` makes, for rows below `capacity`."""

    def __init__(self, build: Callable[[int], Bank], capacity: int) -> None:
        self.inner = build(_INITIAL_SLOTS)
        self._inner_capacity = _INITIAL_SLOTS
        self._slot = np.zeros(capacity, dtype=np.intp)
        self._free: list[int] = []
        self._used = 1

    def allocate(self, rows: IntArray) -> IntArray:
        """(n,) the slots of these rows; rows without one get one."""
        missing = np.unique(rows[self._slot[rows] == 0])
        for row in missing.tolist():
            if self._free:
                self._slot[row] = self._free.pop()
            else:
                self._slot[row] = self._used
                self._used += 1
        if self._used > self._inner_capacity:
            self._inner_capacity = max(2 * self._inner_capacity, self._used)
            self.inner.grow(self._inner_capacity)
        return self._slot[rows]

    def slots(self, rows: IntArray) -> IntArray:
        """(n,) the slots of these rows, 0 where there is none."""
        return self._slot[rows]

    def score(self, block: Block) -> Scores:
        """The inner bank's scores."""
        return self.inner.score(block.with_rows(self._slot[block.rows]))

    def observe(self, block: Block) -> None:
        """Record every window as evidence."""
        self.inner.observe(block.with_rows(self.allocate(block.rows)))

    def learn(self, block: Block) -> None:
        """Learn from observed windows that may be learned from."""
        self.inner.learn(block.with_rows(self.allocate(block.rows)))

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`."""
        if capacity > len(self._slot):
            self._slot = np.concatenate([self._slot, np.zeros(capacity - len(self._slot), dtype=np.intp)])

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state and free their slots."""
        freed = np.unique(self._slot[rows])
        freed = freed[freed > 0]
        self.inner.forget(freed)
        self._free.extend(freed.tolist())
        self._slot[rows] = 0

    def snapshot(self, rows: IntArray) -> State:
        """The state of the rows that have a slot, and a mask of them; empty when no row has one."""
        has_slot = self._slot[rows] > 0
        return {HAS_SLOT: has_slot} | self.inner.snapshot(self._slot[rows[has_slot]]) if has_slot.any() else {}

    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `ValueError` unless `restore` would accept this snapshot."""
        if not state:
            return
        if HAS_SLOT not in state:
            raise ValueError(f"state: columns {sorted(state)}, expected {HAS_SLOT} among them")
        check_array(HAS_SLOT, state[HAS_SLOT], np.bool_, (len(rows),))
        self.inner.check(rows[state[HAS_SLOT].astype(np.bool_)], inner_columns(state))

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Restore a snapshot; raises `ValueError` when it is not the inner bank's."""
        self.check(rows, state)
        self.forget(rows)
        if state:
            restored = rows[state[HAS_SLOT].astype(np.bool_)]
            self.inner.restore(self.allocate(restored), inner_columns(state))
