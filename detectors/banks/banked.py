"""What most banks share: several tables that grow, empty, leave and come back together, and learning in two steps.

`track` takes evidence: every window, whatever anyone thinks of it. `settle` learns from those that may be learned from,
after `track` had them. `learn` is both, for callers that hold nothing back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.banks.table import Part, check_parts, restore_parts, snapshot_parts
from detectors.base import Block, Detector, IntArray, State


class Rowed(Part, Protocol):
    """A part of a bank."""

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`."""

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state."""


class Bank(Detector, Part, Protocol):
    """A detector whose learning has the two steps."""

    def track(self, block: Block) -> None:
        """Take every window as evidence."""

    def settle(self, block: Block) -> None:
        """Learn from tracked windows that may be learned from."""


class Parted:
    """Rows whose state is in several parts, by the name that each has in a snapshot."""

    def __init__(self, parts: Mapping[str, Rowed]) -> None:
        self._parts = dict(parts)

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`."""
        for part in self._parts.values():
            part.grow(capacity)

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state."""
        for part in self._parts.values():
            part.forget(rows)

    def snapshot(self, rows: IntArray) -> State:
        """Everything learned of these rows."""
        return snapshot_parts(rows, self._parts)

    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `ValueError` unless `restore` would accept this snapshot."""
        check_parts(rows, state, self._parts)

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Put a snapshot back; raises `ValueError`, and changes nothing, when it is not of these parts."""
        restore_parts(rows, state, self._parts)


class Banked(Parted):
    """The shared half of a bank, whose parts are its tables and calibrators."""

    def track(self, block: Block) -> None:
        """Take every window as evidence."""
        raise NotImplementedError

    def settle(self, block: Block) -> None:
        """Learn from tracked windows that may be learned from."""
        raise NotImplementedError

    def learn(self, block: Block) -> None:
        """Take each window as evidence, and learn from it."""
        self.track(block)
        self.settle(block)
