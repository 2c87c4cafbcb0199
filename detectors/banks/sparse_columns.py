"""The columns of a snapshot of rows of which only some have a slot; see `detectors/banks/sparse.py`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from detectors.base import BoolArray, State

HAS_SLOT = "has_slot"


def inner_columns(state: Mapping[str, NDArray[np.generic]]) -> State:
    """Those of the rows with a slot, without the mask that says which these are."""
    return {name: cells for name, cells in state.items() if name != HAS_SLOT}


def select_rows(state: Mapping[str, NDArray[np.generic]], keep: BoolArray) -> State:
    """The columns of the rows that are kept, of a snapshot with or without slots. keep: (n,) over all rows."""
    if HAS_SLOT not in state:
        return {name: cells[keep] for name, cells in state.items()}
    has_slot = state[HAS_SLOT].astype(np.bool_)
    if not has_slot[keep].any():
        return {}
    inner = inner_columns(state)
    return {HAS_SLOT: has_slot[keep], **{name: cells[keep[has_slot]] for name, cells in inner.items()}}
