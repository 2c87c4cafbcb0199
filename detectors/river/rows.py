"""River objects by row: how they are created, saved in a snapshot and restored.

There is one object per row, created with the row's first window, so that rows that never use a detector cost nothing. A
snapshot holds each object as bytes that its `ObjectCodec` writes and reads field by field. Nothing is pickled, since
reading a pickle executes it. The bytes follow their length and a CRC-32 that is seeded with river's version. Damaged
bytes, and bytes of another version of river whose objects may have other fields, are refused before river reads them.
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


class ObjectCodec(Protocol[T]):
    """Creates and serialises one kind of river object. `unpack` gets only bytes that `check` accepted. It returns an
    object with the same answers as the packed one, bit for bit.
    """

    def new(self) -> T:
        """A cold object."""

    def pack(self, one: T) -> bytes:
        """All learned state that its answers depend on, as bytes; never empty."""

    def check(self, body: bytes) -> None:
        """Raise `ValueError` unless `unpack` can read these bytes."""

    def unpack(self, body: bytes) -> T:
        """The object."""


class RiverRows(Generic[T]):
    """The objects of a bank, one per row that has one. A component of a bank, as a table is."""

    def __init__(self, codec: ObjectCodec[T]) -> None:
        self._codec = codec
        self._objects: dict[int, T] = {}

    def get(self, row: int) -> T:
        """The object of this row; it is created if there is none."""
        one = self._objects.get(row)
        if one is None:
            one = self._objects[row] = self._codec.new()
        return one

    def grow(self, capacity: int) -> None:
        """Does nothing: objects are created when a row first needs one."""

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state."""
        for row in rows.tolist():
            self._objects.pop(row, None)

    def snapshot(self, rows: IntArray) -> State:
        """(n, bytes) the objects of these rows, padded to the longest; length 0 where there is none."""
        cells = [self._cell(row) for row in rows.tolist()]
        padded = np.zeros((len(rows), max(map(len, cells), default=_HEADER)), dtype=np.uint8)
        for at, cell in enumerate(cells):
            padded[at, : len(cell)] = np.frombuffer(cell, dtype=np.uint8)
        return {_CELLS: padded}

    def _cell(self, row: int) -> bytes:
        one = self._objects.get(row)
        if one is None:
            return _NO_OBJECT
        body = self._codec.pack(one)
        return len(body).to_bytes(4, "little") + zlib.crc32(body, _SEED).to_bytes(4, "little") + body

    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `ValueError` unless `restore` would accept this snapshot."""
        if set(state) != {_CELLS} or state[_CELLS].ndim != 2 or state[_CELLS].shape[1] < _HEADER:
            raise ValueError(f"state: {sorted(state)}, expected {_CELLS} of at least {_HEADER} columns")
        check_array(_CELLS, state[_CELLS], np.uint8, (len(rows), state[_CELLS].shape[1]))
        for cell in state[_CELLS]:
            body = _body(cell.tobytes())
            if body:
                self._codec.check(body)

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Restore a snapshot; raises `ValueError`, and changes nothing, when it is damaged or of another kind of
        object.
        """
        self.check(rows, state)
        self.forget(rows)
        for row, cell in zip(rows.tolist(), state[_CELLS], strict=True):
            body = _body(cell.tobytes())
            if body:
                self._objects[row] = self._codec.unpack(body)


def floats(body: bytes) -> FloatArray:
    """The numbers of a packed object; raises `ValueError` when bytes are missing or a number is NaN."""
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
