"""Open windows as plain arrays and JSON, and back: a few long arrays, cut by the lengths in the JSON part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from detectors.base import FloatArray, IntArray, State
from streams.windows.accumulators import ROWS, PartialWindows, SourceWindow, Sums


class MetricMeta(TypedDict):
    """One metric of a source window. scopes, samples: how many entries of the long arrays are its own."""

    metric: str
    scopes: int
    samples: int


class SourceWindowMeta(TypedDict):
    """What one source put into one base window."""

    window: int
    source: str
    first_offset: int
    last_offset: int
    counted: bool
    scopes: int
    metrics: list[MetricMeta]
    aggregated: bool


class Meta(TypedDict, total=False):
    """The JSON part of a snapshot. closed_s: None for nothing closed yet (or everything)."""

    size_s: float
    closed_s: float | None
    cells: list[SourceWindowMeta]


OpenWindows = dict[int, dict[str, SourceWindow]]
CarriedSamples = tuple[IntArray, FloatArray]
INTS = ("rows", "first")
FLOATS = ("count", "mean", "m2", "total", "low", "high", "trials", "hits", "resolution")


def pack(
    windows: OpenWindows, carried: PartialWindows, carried_samples: CarriedSamples, metrics: Sequence[str],
) -> tuple[State, Meta]:
    """Copies of everything, only for the scopes in use. metrics: names by number."""
    long: dict[str, list[NDArray[np.generic]]] = {
        "cell_scope": [], "cell_requests": [], "sum_scope": [], "sum_table": [], "sample_scope": [], "sample_value": [],
        "cell_reach": [],
    }
    metas: list[SourceWindowMeta] = []
    for window, by_source in windows.items():
        for source, open_window in by_source.items():
            scopes = np.flatnonzero(open_window.requests[0])
            long["cell_scope"].append(scopes)
            long["cell_requests"].append(open_window.requests[:, scopes].T)
            if open_window.since_s is not None:
                long["cell_reach"].append(open_window.since_s[scopes])
            metas.append(SourceWindowMeta(
                window=window, source=source, first_offset=open_window.first_offset,
                last_offset=open_window.last_offset, counted=open_window.counted, scopes=len(scopes),
                aggregated=open_window.since_s is not None,
                metrics=[_pack_metric(open_window, metric, metrics[metric], long) for metric in open_window.metrics],
            ))
    empty: dict[str, NDArray[np.generic]] = {
        "cell_scope": np.empty(0, np.intp), "cell_requests": np.empty((0, 2)), "sum_scope": np.empty(0, np.intp),
        "sum_table": np.empty((0, ROWS)), "sample_scope": np.empty(0, np.intp), "sample_value": np.empty(0),
        "cell_reach": np.empty(0),
    }
    state: State = {name: np.concatenate([empty[name], *arrays]) for name, arrays in long.items()}
    state["carried_int"] = np.stack([getattr(carried, name) for name in INTS])
    state["carried_float"] = np.stack([getattr(carried, name) for name in FLOATS])
    state["kept_row"], state["kept_value"] = carried_samples[0].copy(), carried_samples[1].copy()
    return state, Meta(cells=metas)


def _pack_metric(
    open_window: SourceWindow, metric: int, name: str, long: dict[str, list[NDArray[np.generic]]],
) -> MetricMeta:
    table = open_window.metrics[metric].table
    scopes = np.flatnonzero(table[0])
    long["sum_scope"].append(scopes)
    long["sum_table"].append(table[:, scopes].T)
    samples = open_window.samples.get(metric, [])
    long["sample_scope"].extend(part[0] for part in samples)
    long["sample_value"].extend(part[1] for part in samples)
    return MetricMeta(metric=name, scopes=len(scopes), samples=sum(len(part[0]) for part in samples))


class _Reader:
    """Reads the long arrays piece by piece; raises ValueError when one is missing or too short."""

    def __init__(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        self._state = state
        self._at: dict[str, int] = {}

    def ints(self, name: str, length: int) -> IntArray:
        return self._next(name, length).astype(np.intp)

    def floats(self, name: str, length: int) -> FloatArray:
        return self._next(name, length).astype(np.float64)

    def _next(self, name: str, length: int) -> NDArray[np.generic]:
        start = self._at.get(name, 0)
        self._at[name] = start + length
        if name not in self._state or len(self._state[name]) < start + length:
            raise ValueError(f"windows: snapshot array {name} ends before {start + length}, expected as its meta says")
        return self._state[name][start : start + length]


def unpack(
    state: Mapping[str, NDArray[np.generic]], meta: Meta, metric_id: Callable[[str], int],
) -> tuple[OpenWindows, PartialWindows, CarriedSamples]:
    """What `pack` was given; raises ValueError when the arrays do not fit the JSON part."""
    reader = _Reader(state)
    windows: OpenWindows = {}
    for of_window in meta["cells"]:
        open_window = SourceWindow(
            first_offset=of_window["first_offset"], last_offset=of_window["last_offset"], counted=of_window["counted"],
        )
        scopes = reader.ints("cell_scope", of_window["scopes"])
        open_window.requests = np.zeros((2, int(scopes.max(initial=-1)) + 1))
        open_window.requests[1] = -np.inf
        open_window.requests[:, scopes] = reader.floats("cell_requests", of_window["scopes"]).T
        if of_window["aggregated"]:
            open_window.since_s = np.full(open_window.requests.shape[1], np.inf)
            open_window.since_s[scopes] = reader.floats("cell_reach", of_window["scopes"])
        for of_metric in of_window["metrics"]:
            metric = metric_id(of_metric["metric"])
            open_window.metrics[metric] = _unpack_sums(reader, of_metric["scopes"])
            if of_metric["samples"]:
                members = reader.ints("sample_scope", of_metric["samples"])
                open_window.samples[metric] = [(members, reader.floats("sample_value", of_metric["samples"]))]
        windows.setdefault(of_window["window"], {})[of_window["source"]] = open_window
    ints = [reader_row.astype(np.intp) for reader_row in state["carried_int"]]
    floats = [reader_row.astype(np.float64) for reader_row in state["carried_float"]]
    carried_samples = state["kept_row"].astype(np.intp), state["kept_value"].astype(np.float64)
    return windows, PartialWindows(*ints, *floats), carried_samples


def _unpack_sums(reader: _Reader, length: int) -> Sums:
    scopes = reader.ints("sum_scope", length)
    sums = Sums(int(scopes.max(initial=-1)) + 1)
    sums.table[:, scopes] = reader.floats("sum_table", length).T
    return sums
