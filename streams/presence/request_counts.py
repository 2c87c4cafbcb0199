"""Requests per bucket of time, for the last `BUCKETS` buckets of some rows.

Only the rows of request rates have counts here, so a row gets a slot when its first requests are added. Memory: 1 KB a
slot. Cost: about 20 us for a block, and 0.1 us for each of its rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, inf

import numpy as np
from numpy.typing import NDArray

from detectors.banks.table import check_array
from detectors.base import FloatArray, IntArray, State

BUCKETS = 256
_FIRST_SLOTS = 64
_NONE = -1
_EDGE = 1e-3
"""A window may reach so much of a bucket over its edge: times since the epoch are not exact."""


class RequestCounts:
    """bucket_s: length of a bucket."""

    def __init__(self, bucket_s: float) -> None:
        self.bucket_s = bucket_s
        self.newest = _NONE
        """Number of the newest bucket, by its start over `bucket_s`; -1 without any."""
        self._counts = np.zeros((BUCKETS, _FIRST_SLOTS), np.float32)
        self._slot_of: dict[int, int] = {}
        self._free: list[int] = list(range(_FIRST_SLOTS))[::-1]

    def bucket(self, at_s: float) -> int:
        """The number of the bucket that holds an instant; for infinity, that next to those that are kept."""
        if abs(at_s) == inf:
            return self.oldest if at_s < 0.0 else self.newest + 1
        return floor(at_s / self.bucket_s + _EDGE)

    def add(self, rows: IntArray, start_s: FloatArray, end_s: FloatArray, requests: FloatArray) -> None:
        """Add the requests of windows, spread evenly over the buckets that a window covers. (n,) each."""
        last = np.ceil(end_s / self.bucket_s - _EDGE).astype(np.intp) - 1
        number = np.clip(last - np.floor(start_s / self.bucket_s + _EDGE).astype(np.intp) + 1, 1, BUCKETS)
        self._advance(int(last.max()))
        slots = np.array([self._slot(row) for row in rows.tolist()], np.intp)
        share = requests / number
        for back in range(int(number.max())):
            at = last - back
            keep = (number > back) & (at > self.newest - BUCKETS)
            np.add.at(self._counts, (at[keep] % BUCKETS, slots[keep]), share[keep].astype(np.float32))

    def between(self, rows: IntArray, first: int, end: int) -> FloatArray:
        """(buckets,) the requests of these rows together in the buckets first, ..., end - 1, as far as kept."""
        numbers = np.arange(max(first, self.oldest), max(first, self.oldest, min(end, self.newest + 1)))
        slots = np.array([self._slot_of[row] for row in rows.tolist() if row in self._slot_of], np.intp)
        total: FloatArray = self._counts[np.ix_(numbers % BUCKETS, slots)].sum(axis=1, dtype=np.float64)
        return total

    @property
    def oldest(self) -> int:
        """The number of the oldest bucket that is kept."""
        return self.newest - BUCKETS + 1

    def forget(self, rows: IntArray) -> None:
        """Drop the counts of these rows."""
        for row in rows.tolist():
            slot = self._slot_of.pop(row, None)
            if slot is not None:
                self._counts[:, slot] = 0.0
                self._free.append(slot)

    def _advance(self, newest: int) -> None:
        if newest <= self.newest:
            return
        fresh = np.arange(max(self.newest + 1, newest - BUCKETS + 1), newest + 1) % BUCKETS
        self._counts[fresh] = 0.0
        self.newest = newest

    def _slot(self, row: int) -> int:
        slot = self._slot_of.get(row)
        if slot is None:
            if not self._free:
                size = self._counts.shape[1]
                self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)], axis=1)
                self._free = list(range(size, 2 * size))[::-1]
            slot = self._slot_of[row] = self._free.pop()
        return slot

    def snapshot(self) -> State:
        """The counts by row."""
        rows = sorted(self._slot_of)
        slots = [self._slot_of[row] for row in rows]
        return {
            "rows": np.array(rows, np.intp), "counts": self._counts[:, slots].copy(),
            "newest": np.array([self.newest], np.intp),
        }

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on from a snapshot; raises `ValueError` when it is not one."""
        rows = state["rows"].astype(np.intp)
        check_array("counts", state["counts"], np.float32, (BUCKETS, len(rows)))
        self.newest = int(state["newest"].astype(np.intp)[0])
        for column, row in enumerate(rows.tolist()):
            slot = self._slot(row)
            self._counts[:, slot] = state["counts"][:, column]
