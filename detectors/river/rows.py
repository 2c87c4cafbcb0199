"""River objects by row: how they are made, leave in a snapshot and come back.

One object a row, made on the row's first window, so that rows which never use a detector cost it nothing. A snapshot
holds what is inside each as plain bytes that its `Kind` writes and reads field by field; nothing is pickled, since to
read a pickle is to run it. Before the bytes stand their length and a CRC-32 begun with river's version: what was
damaged, or written by a river whose objects may hold other fields, is refused before river sees it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from river.__version__ import __version__ as river_version

from detectors.banks.table import check_array
from detectors.base import FloatArray, IntArray, State

T = TypeVar("T")

_CELLS = "cells"
_HEADER = 8
"""Bytes before an object: length and CRC-32, little endian."""
_NO_OBJECT = bytes(_HEADER)
_SEED = zlib.crc32(river_version.encode())


class Kind(Protocol[T]):
    """One sort of river object. `unpack` gets only bytes that `check` let pass and gives back an object that answers as
    the packed one would, bit for bit.
    """

    def new(self) -> T:
        """A cold object."""

    def pack(self, one: T) -> bytes:
        """Everything learned that its answers depend on; never empty."""

    def check(self, body: bytes) -> None:
        """Raise `ValueError` unless `unpack` can read this."""

    def unpack(self, body: bytes) -> T:
        """The object again."""


class RiverRows(Generic[T]):
    """The objects of a bank, one a row that has any. A part of a bank, as a table is."""

    def __init__(self, kind: Kind[T]) -> None:
        self._kind = kind
        self._objects: dict[int, T] = {}

    def held(self, row: int) -> T:
        """The object of this row, made if there is none."""
        one = self._objects.get(row)
        if one is None:
            one = self._objects[row] = self._kind.new()
        return one

    def grow(self, capacity: int) -> None:
        """Nothing: objects are made when a row first needs one."""

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state."""
        for row in rows.tolist():
            self._objects.pop(row, None)

    def snapshot(self, rows: IntArray) -> State:
        """The objects of these rows as bytes, padded to the longest; length 0 where there is none."""
        cells = [self._cell(row) for row in rows.tolist()]
        padded = np.zeros((len(rows), max(map(len, cells), default=_HEADER)), dtype=np.uint8)
        for at, cell in enumerate(cells):
            padded[at, : len(cell)] = np.frombuffer(cell, dtype=np.uint8)
        return {_CELLS: padded}

    def _cell(self, row: int) -> bytes:
        one = self._objects.get(row)
        if one is None:
            return _NO_OBJECT
        body = self._kind.pack(one)
        return len(body).to_bytes(4, "little") + zlib.crc32(body, _SEED).to_bytes(4, "little") + body

    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `ValueError` unless `restore` would accept this snapshot."""
        if set(state) != {_CELLS} or state[_CELLS].ndim != 2 or state[_CELLS].shape[1] < _HEADER:
            raise ValueError(f"state: {sorted(state)}, expected {_CELLS} of at least {_HEADER} columns")
        check_array(_CELLS, state[_CELLS], np.uint8, (len(rows), state[_CELLS].shape[1]))
        for cell in state[_CELLS]:
            body = _body(cell.tobytes())
            if body:
                self._kind.check(body)

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Put a snapshot back; raises `ValueError`, and changes nothing, when it is damaged or not of this kind."""
        self.check(rows, state)
        self.forget(rows)
        for row, cell in zip(rows.tolist(), state[_CELLS], strict=True):
            body = _body(cell.tobytes())
            if body:
                self._objects[row] = self._kind.unpack(body)


def floats(body: bytes) -> FloatArray:
    """The numbers of a packed object; raises `ValueError` unless they are whole and none is NaN."""
    if len(body) % 8:
        raise ValueError(f"state: {len(body)} bytes of a river object, expected a multiple of 8")
    numbers = np.frombuffer(body, dtype="<f8").astype(np.float64)
    if np.isnan(numbers).any():
        raise ValueError("state: a river object holds NaN, expected numbers")
    return numbers


def _body(cell: bytes) -> bytes:
    length = int.from_bytes(cell[:4], "little")
    body = cell[_HEADER : _HEADER + length]
    if cell[:_HEADER] == _NO_OBJECT:
        return b""
    if len(body) != length or zlib.crc32(body, _SEED) != int.from_bytes(cell[4:_HEADER], "little"):
        raise ValueError(
            f"state: a cell of {len(cell)} bytes is damaged or not of river {river_version},"
            " expected length, CRC-32 and body"
        )
    return body
