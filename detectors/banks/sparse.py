"""A bank for the few: rows that never use a detector cost it no memory.

Stands before a bank and hands its rows out to those that are tracked or learned, on their first window. Row 0 of the
inner bank is nobody's and stays cold: it answers for all that have none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from detectors.banks.banked import Bank
from detectors.banks.table import check_array
from detectors.base import Block, IntArray, Scores, State

_FIRST = 4
_HELD = "held"


class Sparse:
    """Behaves as the bank that `build` makes, for rows below `capacity`."""

    def __init__(self, build: Callable[[int], Bank], capacity: int) -> None:
        self.inner = build(_FIRST)
        self._room = _FIRST
        self._slot = np.zeros(capacity, dtype=np.intp)
        self._free: list[int] = []
        self._used = 1

    def slots(self, rows: IntArray) -> IntArray:
        """(n,) the inner rows of these, handed out where there is none yet."""
        missing = np.unique(rows[self._slot[rows] == 0])
        for row in missing.tolist():
            if self._free:
                self._slot[row] = self._free.pop()
            else:
                self._slot[row] = self._used
                self._used += 1
        if self._used > self._room:
            self._room = max(2 * self._room, self._used)
            self.inner.grow(self._room)
        return self._slot[rows]

    def held(self, rows: IntArray) -> IntArray:
        """(n,) the inner rows of these, 0 where there is none."""
        return self._slot[rows]

    def score(self, block: Block) -> Scores:
        """The inner bank's scores."""
        return self.inner.score(block.moved(self._slot[block.rows]))

    def track(self, block: Block) -> None:
        """Take every window as evidence."""
        self.inner.track(block.moved(self.slots(block.rows)))

    def settle(self, block: Block) -> None:
        """Learn from tracked windows that may be learned from."""
        self.inner.settle(block.moved(self.slots(block.rows)))

    def learn(self, block: Block) -> None:
        """Both."""
        self.inner.learn(block.moved(self.slots(block.rows)))

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`."""
        if capacity > len(self._slot):
            self._slot = np.concatenate([self._slot, np.zeros(capacity - len(self._slot), dtype=np.intp)])

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state, and what they held to those to come."""
        held = np.unique(self._slot[rows])
        held = held[held > 0]
        self.inner.forget(held)
        self._free.extend(held.tolist())
        self._slot[rows] = 0

    def snapshot(self, rows: IntArray) -> State:
        """The state of those rows that have any, and which these are; no cells at all where none has."""
        held = self._slot[rows] > 0
        return {_HELD: held} | self.inner.snapshot(self._slot[rows[held]]) if held.any() else {}

    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `ValueError` unless `restore` would accept this snapshot."""
        if not state:
            return
        if _HELD not in state:
            raise ValueError(f"state: columns {sorted(state)}, expected {_HELD} among them")
        check_array(_HELD, state[_HELD], np.bool_, (len(rows),))
        self.inner.check(rows[state[_HELD].astype(np.bool_)], _rest(state))

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Put a snapshot back; raises `ValueError` when it is not the inner bank's."""
        self.check(rows, state)
        self.forget(rows)
        if state:
            held = rows[state[_HELD].astype(np.bool_)]
            self.inner.restore(self.slots(held), _rest(state))


def _rest(state: Mapping[str, NDArray[np.generic]]) -> State:
    return {name: cells for name, cells in state.items() if name != _HELD}
