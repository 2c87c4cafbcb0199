"""Rows of state by column: the arrays behind a bank, and how they grow, empty, leave and come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.base import IntArray, State

Cells = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One array of a table: its type, the value of a cold row, and the shape of one row's cell."""

    dtype: type[np.generic]
    cold: float
    shape: tuple[int, ...] = ()


class Table:
    """Columns of equal height, one row a series. Reading and writing cells is plain indexing: ``table["sum"][rows]``.

    `restore` raises `ValueError`, naming the column, when names, dtypes or shapes are not this table's; in that case
    nothing was written.
    """

    def __init__(self, columns: Mapping[str, Column], capacity: int) -> None:
        self._columns = dict(columns)
        self._cells: dict[str, Cells] = {name: _cold(column, capacity) for name, column in self._columns.items()}
        self.capacity = capacity

    def __getitem__(self, name: str) -> Cells:
        return self._cells[name]

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`; never shrinks."""
        if capacity <= self.capacity:
            return
        for name, column in self._columns.items():
            fresh = _cold(column, capacity - self.capacity)
            self._cells[name] = np.concatenate([self._cells[name], fresh])
        self.capacity = capacity

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state."""
        for name, column in self._columns.items():
            self._cells[name][rows] = column.cold

    def snapshot(self, rows: IntArray) -> State:
        """Copies of these rows, by column name."""
        return {name: cells[rows] for name, cells in self._cells.items()}

    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `ValueError` unless `restore` would accept this snapshot."""
        if set(state) != set(self._columns):
            raise ValueError(f"state: columns {sorted(state)}, expected {sorted(self._columns)}")
        for name, column in self._columns.items():
            check_array(name, state[name], column.dtype, (len(rows), *column.shape))

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Write a snapshot back into these rows."""
        self.check(rows, state)
        for name in self._columns:
            self._cells[name][rows] = state[name]


class Tabled:
    """A part whose whole state is one table, `_rows`: it grows, empties, leaves and comes back as the table does."""

    _rows: Table

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`; new rows are cold."""
        self._rows.grow(capacity)

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state."""
        self._rows.forget(rows)

    def snapshot(self, rows: IntArray) -> State:
        """The state of these rows."""
        return self._rows.snapshot(rows)

    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `ValueError` unless `restore` would accept this snapshot."""
        self._rows.check(rows, state)

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Put a snapshot back; raises `ValueError`, and changes nothing, when it is not one of this part's."""
        self._rows.restore(rows, state)


class Part(Protocol):
    """What can leave and come back as columns: tables, and the banks made of them."""

    def snapshot(self, rows: IntArray) -> State:
        """Copies of these rows."""

    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `ValueError` unless `restore` would accept this snapshot."""

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Write a snapshot back."""


def snapshot_parts(rows: IntArray, parts: Mapping[str, Part]) -> State:
    """One snapshot of several parts: their columns as ``part.column``."""
    return {f"{name}.{column}": cells for name, one in parts.items() for column, cells in one.snapshot(rows).items()}


def check_parts(rows: IntArray, state: Mapping[str, NDArray[np.generic]], parts: Mapping[str, Part]) -> None:
    """Raise `ValueError` unless every part would accept its columns and none is left over."""
    strangers = sorted(name for name in state if name.partition(".")[0] not in parts)
    if strangers:
        raise ValueError(f"state: unknown columns {strangers}, expected parts {sorted(parts)}")
    for name, one in parts.items():
        one.check(rows, _columns_of(name, state))


def restore_parts(rows: IntArray, state: Mapping[str, NDArray[np.generic]], parts: Mapping[str, Part]) -> None:
    """Put a snapshot of several parts back, all or none; `ValueError` as in `check_parts`."""
    check_parts(rows, state, parts)
    for name, one in parts.items():
        one.restore(rows, _columns_of(name, state))


def check_array(name: str, cells: NDArray[np.generic], dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    """Raise `ValueError` unless an array from outside has exactly this type and shape."""
    if cells.dtype != np.dtype(dtype) or cells.shape != shape:
        raise ValueError(f"state: {name} is {cells.dtype}{list(cells.shape)}, expected {np.dtype(dtype)}{list(shape)}")


def _columns_of(name: str, state: Mapping[str, NDArray[np.generic]]) -> State:
    start = f"{name}."
    return {column.removeprefix(start): cells for column, cells in state.items() if column.startswith(start)}


def _cold(column: Column, rows: int) -> Cells:
    return np.full((rows, *column.shape), column.cold, dtype=column.dtype)
