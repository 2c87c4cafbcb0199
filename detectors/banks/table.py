"""Tables of state: the arrays behind a bank, one row per series, and how they grow, forget, are saved and restored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors.base import FloatArray, IntArray, State

Cells = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One array of a table. dtype: its type. cold: the value in a cold row. shape: of one row's cell."""

    dtype: type[np.generic]
    cold: float
    shape: tuple[int, ...] = ()


class Table:
    """Columns of equal length, one row per series. Cells are read and written by indexing: ``table["sum"][rows]``.

    `restore` raises `ValueError`, naming the column, when names, dtypes or shapes are not this table's; in that case
    nothing was written.
    """

    def __init__(self, columns: Mapping[str, Column], capacity: int) -> None:
        self._columns = dict(columns)
        self._cells: dict[str, Cells] = {name: _cold(column, capacity) for name, column in self._columns.items()}
        self.capacity = capacity

    def __getitem__(self, name: str) -> Cells:
        return self._cells[name]

    def take(self, name: str, rows: IntArray) -> Cells:
        """The cells of these rows: what indexing gives, but ten times as fast for cells of several values."""
        return self._cells[name].take(rows, axis=0)

    def put_pairs(self, name: str, rows: IntArray, values: FloatArray) -> None:
        """Write cells of two numbers, (n, 2): what indexing does, but ten times as fast."""
        _as_single(self._cells[name])[rows] = _as_single(np.ascontiguousarray(values))

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
        """Write a snapshot into these rows."""
        self.check(rows, state)
        for name in self._columns:
            self._cells[name][rows] = state[name]


def _as_single(pairs: FloatArray) -> NDArray[np.complex128]:
    """(n,) a view of (n, 2): both numbers as one element."""
    single: NDArray[np.complex128] = pairs.view(np.complex128)[:, 0]
    return single


class TableComponent:
    """A component whose whole state is one table, `_rows`."""

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
        """Restore a snapshot; raises `ValueError`, and changes nothing, when it is not this component's."""
        self._rows.restore(rows, state)


class Component(Protocol):
    """Anything whose state can be saved and restored as columns: a table, or a bank made of tables."""

    def snapshot(self, rows: IntArray) -> State:
        """Copies of these rows."""

    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `ValueError` unless `restore` would accept this snapshot."""

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Write a snapshot into these rows."""


def snapshot_components(rows: IntArray, components: Mapping[str, Component]) -> State:
    """One snapshot of several components: their columns as ``component.column``."""
    return {
        f"{name}.{column}": cells
        for name, component in components.items() for column, cells in component.snapshot(rows).items()
    }


def check_components(
    rows: IntArray, state: Mapping[str, NDArray[np.generic]], components: Mapping[str, Component],
) -> None:
    """Raise `ValueError` unless every component would accept its columns and no column is left over."""
    unknown = sorted(name for name in state if name.partition(".")[0] not in components)
    if unknown:
        raise ValueError(f"state: unknown columns {unknown}, expected components {sorted(components)}")
    for name, component in components.items():
        component.check(rows, columns_of(name, state))


def restore_components(
    rows: IntArray, state: Mapping[str, NDArray[np.generic]], components: Mapping[str, Component],
) -> None:
    """Restore a snapshot of several components, all or none; `ValueError` as in `check_components`."""
    check_components(rows, state, components)
    for name, component in components.items():
        component.restore(rows, columns_of(name, state))


def check_array(name: str, cells: NDArray[np.generic], dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    """Raise `ValueError` unless an array from outside has exactly this type and shape."""
    if cells.dtype != np.dtype(dtype) or cells.shape != shape:
        raise ValueError(f"state: {name} is {cells.dtype}{list(cells.shape)}, expected {np.dtype(dtype)}{list(shape)}")


def columns_of(name: str, state: Mapping[str, NDArray[np.generic]]) -> State:
    """The columns of one component in a snapshot of several."""
    prefix = f"{name}."
    return {column.removeprefix(prefix): cells for column, cells in state.items() if column.startswith(prefix)}


def _cold(column: Column, rows: int) -> Cells:
    return np.full((rows, *column.shape), column.cold, dtype=column.dtype)
