"""ADWIN: has the mean of the row's residuals changed between an older and a newer part of an adaptive window?

River's ADWIN behind guards. Residuals are clipped and mapped to [0, 1], the range its bound is proved for; flat streams
are fed the middle of it. A detection is news once: the level starts above 1 and fades over `hold` windows. River
objects are made for rows that use them, on their first window.

A snapshot holds river's own binary state, length and CRC before it, because its reader panics on damaged bytes; it is
never unpickled. Rows without a river object have length 0.

Fails: tells of a change some windows late, and only of the mean. Cost: about 2 us per window and series (a Python call
into river's Rust); 1 to 2.5 KB a series that uses it.

Source: Bifet and Gavalda 2007; river 0.26 `drift.ADWIN`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from river._river_rust.drift import AdaptiveWindowing

from detectors.base import Block, IntArray, Scores, State
from detectors.table import Column, Table, check_array

_HEADER = 8
"""Bytes before a river state: its length and its CRC-32, little endian."""


@dataclass(frozen=True, slots=True)
class AdwinParams:
    """clip: residuals are cut to this many spreads. clock: windows between river's checks.

    hold: windows an alarm lasts. start_level: the level right after a detection. warm_up: windows before the row is
    judged.
    """

    every_windows: float = 604_800.0
    clip: float = 4.0
    clock: int = 4
    hold: int = 16
    start_level: float = 2.0
    warm_up: int = 16

    def build(self, capacity: int) -> Adwin:
        """The bank."""
        return Adwin(self, capacity)


class Adwin:
    """The bank; see the module. Takes residuals as values. `Scores.raw` is the size of the last change, in spreads."""

    def __init__(self, params: AdwinParams, capacity: int) -> None:
        self._params = params
        # River checks each row once per clock; its delta bounds the chance of a false detection per check.
        self._delta = min(0.5, params.clock / params.every_windows)
        self._rows = Table(
            {
                "learned": Column(np.int64, 0),
                "since": Column(np.int64, np.iinfo(np.int32).max),
                "shift": Column(np.float64, 0.0),
            },
            capacity,
        )
        self._river: dict[int, AdaptiveWindowing] = {}

    def score(self, block: Block) -> Scores:
        """What the windows learned so far say; the window itself counts once it is learned."""
        rows, params = block.rows, self._params
        cold = self._rows["learned"][rows] < params.warm_up
        left = np.maximum(1.0 - self._rows["since"][rows] / params.hold, 0.0)
        shift = self._rows["shift"][rows]
        raw = np.where(cold, np.nan, np.where(left > 0, np.abs(shift), 0.0))
        direction = np.where((left > 0) & ~cold, np.sign(shift), 0).astype(np.intp)
        return Scores(np.where(cold, np.nan, left * params.start_level), raw, direction, np.where(cold, np.nan, 0.0))

    def learn(self, block: Block) -> None:
        """As `settle`: there is no evidence apart from what is learned."""
        self.settle(block)

    def track(self, block: Block) -> None:
        """Nothing: a change that is not to be learned must not move river's window either."""

    def settle(self, block: Block) -> None:
        """Feed each window to its row's river detector."""
        params, rows = self._params, block.rows
        unit = 0.5 + np.clip(block.value, -params.clip, params.clip) / (2 * params.clip)
        self._rows["learned"][rows] += 1
        self._rows["since"][rows] = np.minimum(self._rows["since"][rows] + 1, np.iinfo(np.int32).max)
        for row, value in zip(rows.tolist(), unit.tolist(), strict=True):
            river = self._river.get(row)
            if river is None:
                river = self._river[row] = self._new()
            before = river.get_total() / max(river.get_width(), 1.0)
            if river.update(value):
                after = river.get_total() / max(river.get_width(), 1.0)
                self._rows["since"][row] = 0
                self._rows["shift"][row] = (after - before) * 2 * params.clip

    def _new(self) -> AdaptiveWindowing:
        return AdaptiveWindowing(self._delta, self._params.clock, 5, 5, self._params.warm_up)

    def grow(self, capacity: int) -> None:
        """Make room for rows below `capacity`."""
        self._rows.grow(capacity)

    def forget(self, rows: IntArray) -> None:
        """Return rows to the cold state."""
        self._rows.forget(rows)
        for row in rows.tolist():
            self._river.pop(row, None)

    def snapshot(self, rows: IntArray) -> State:
        """Counters and river states of these rows; the latter as bytes, padded to the longest."""
        packed = [_pack(self._river.get(row)) for row in rows.tolist()]
        river = np.zeros((len(rows), max(map(len, packed), default=_HEADER)), dtype=np.uint8)
        for at, one in enumerate(packed):
            river[at, : len(one)] = np.frombuffer(one, dtype=np.uint8)
        return self._rows.snapshot(rows) | {"river": river}

    def check(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Raise `ValueError` unless `restore` would accept this snapshot."""
        self._rows.check(rows, {name: cells for name, cells in state.items() if name != "river"})
        if "river" not in state or state["river"].ndim != 2 or state["river"].shape[1] < _HEADER:
            raise ValueError(f"state: river is missing or no matrix of at least {_HEADER} columns")
        check_array("river", state["river"], np.uint8, (len(rows), state["river"].shape[1]))
        for cells in state["river"]:
            _unpack(cells.tobytes())

    def restore(self, rows: IntArray, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Put counters and river states back; raises `ValueError` when they are not this bank's or damaged."""
        self.check(rows, state)
        self._rows.restore(rows, {name: cells for name, cells in state.items() if name != "river"})
        for row, cells in zip(rows.tolist(), state["river"], strict=True):
            body = _unpack(cells.tobytes())
            self._river.pop(row, None)
            if body:
                self._river[row] = self._new()
                self._river[row].__setstate__(body)


def _pack(river: AdaptiveWindowing | None) -> bytes:
    body = b"" if river is None else bytes(river.__getstate__())
    return len(body).to_bytes(4, "little") + zlib.crc32(body).to_bytes(4, "little") + body


def _unpack(cell: bytes) -> bytes:
    length = int.from_bytes(cell[:4], "little")
    body = cell[_HEADER : _HEADER + length]
    if len(body) != length or zlib.crc32(body) != int.from_bytes(cell[4:_HEADER], "little"):
        raise ValueError(f"state: river holds a damaged cell of {len(cell)} bytes, expected length, CRC-32 and body")
    return body
