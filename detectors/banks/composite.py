"""Banks whose state consists of several components: tables, calibrators, river objects.

The components grow, forget, are saved and are restored together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.banks.sparse_columns import select_rows
from detectors.banks.table import Component, check_components, columns_of, restore_components, snapshot_components
from detectors.base import Block, BoolArray, Detector, IntArray, State


class RowComponent(Component, Protocol):
    """A component that also grows and forgets rows."""

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`."""

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state."""


class Bank(Detector, Component, Protocol):
    """A detector that can check a snapshot without restoring it."""


class Composite:
    """Rows whose state is in several components, by the name that each has in a snapshot."""

    def __init__(self, components: Mapping[str, RowComponent]) -> None:
        self._components = dict(components)

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`."""
        for component in self._components.values():
            component.grow(capacity)

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state."""
        for component in self._components.values():
            component.forget(rows)

    def snapshot(self, rows: IntArray) -> State:
        """A copy of the state of these rows; column names are ``component.column``."""
        return snapshot_components(rows, self._components)

    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `ValueError` unless `restore` would accept this snapshot."""
        check_components(rows, state, self._components)

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Restore a snapshot; raises `ValueError`, and changes nothing, when it is not of these components."""
        restore_components(rows, state, self._components)

    def restore_kept(
        self, rows: IntArray, state: Mapping[str, NDArray[np.generic]], keep: Mapping[str, BoolArray],
    ) -> tuple[str, ...]:
        """Restore of each component the rows that are to be kept; the others stay as they are.

        keep: (n,) by component; one that is not named is not restored. Returns the components that refused their part,
        by name: their rows stay as they are too.
        """
        refused = []
        for name, component in self._components.items():
            kept = keep.get(name)
            if kept is None or not kept.any():
                continue
            columns = columns_of(name, state)
            try:
                component.check(rows, columns)
            except ValueError:
                refused.append(name)
                continue
            component.restore(rows[kept], select_rows(columns, kept))
        return tuple(refused)


class CompositeBank(Composite):
    """The base class of most banks: a composite with the two steps in which a bank takes windows in."""

    def observe(self, block: Block) -> None:
        """Record every window as evidence."""
        raise NotImplementedError

    def learn(self, block: Block) -> None:
        """Learn from observed windows that may be learned from."""
        raise NotImplementedError
