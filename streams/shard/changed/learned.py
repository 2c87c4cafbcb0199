"""By which parameters a shard learned: what a snapshot says of it, and what another plan can keep of the snapshot.

A detector keeps what it learned of a series when neither its own parameters nor those of the series changed. Where
windows are cut otherwise, or scopes are, no series keeps anything, since its values are others. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.base import BoolArray, IntArray
from detectors.ensemble.learned_by import KEPT_OF_ANY_PROFILE
from streams.shard.state import ShardState

LearnedMeta = dict[str, Any]


def describe(shard: ShardState, rows: IntArray) -> tuple[dict[str, NDArray[Any]], LearnedMeta]:
    """Of these rows (n,): which parameters each learned by, as a number, and what the numbers stand for."""
    series = shard.series
    known = shard.rows.is_admitted(rows)
    scored = np.zeros(len(rows), np.bool_)
    scored[known] = shard.rows.scored[rows[known]]
    profile = np.full(len(rows), -1, np.intp)
    profile[scored] = shard.suite.profile_of(rows[scored])
    metrics, fingerprints = max(len(series.metrics), 1), shard.fingerprints
    pairs, of_row = np.unique(profile * metrics + series.metric_of[rows], return_inverse=True)
    texts = [
        fingerprints.of_row(number, series.metrics[metric])
        for number, metric in (divmod(pair, metrics) for pair in pairs.tolist())
    ]
    meta = {"parts": dict(fingerprints.parts), "rows": texts, "tables": fingerprints.tables}
    return {"row": of_row.reshape(-1).astype(np.intp)}, meta


def kept(
    shard: ShardState, rows: IntArray, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any],
) -> dict[str, BoolArray]:
    """By part of the suite, (n,) the rows that may be restored from a snapshot. shard: with the rows admitted.

    Raises ValueError or LookupError when arrays and meta are not what `describe` gives.
    """
    own_arrays, own = describe(shard, rows)
    before = np.array(meta["rows"], "U12")[arrays["row"].astype(np.intp)]
    now = np.array(own["rows"], "U12")[own_arrays["row"]]
    if before.shape != now.shape:
        raise ValueError(f"learned: {len(before)} rows, expected {len(now)}")
    same_row: BoolArray = before == now
    return {
        name: np.ones(len(rows), np.bool_) if name in KEPT_OF_ANY_PROFILE else same_row
        for name, text in own["parts"].items() if meta["parts"].get(name) == text
    }

