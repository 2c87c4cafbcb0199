"""Labelled series of the public sets, as read from a ``--data`` folder; none of the data is in this repository."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from detectors.base import BoolArray, FloatArray, IntArray

_UNSCORED_SHARE = 0.15
_UNSCORED_MOST = 750


@dataclass(frozen=True, slots=True)
class Series:
    """One labelled series. time_s, value: (n,). windows: first and last row of each anomaly, both inclusive.
    unlabelled: rows at the start that nobody labelled, None where all were.
    """

    name: str
    time_s: FloatArray
    value: FloatArray
    windows: tuple[tuple[int, int], ...]
    unlabelled: int | None = None

    @property
    def unscored(self) -> int:
        """So many rows at the start are for learning and are not scored; the candidate does not know."""
        return unscored(len(self.value)) if self.unlabelled is None else self.unlabelled

    def label(self) -> BoolArray:
        """(n,): rows inside a window."""
        label = np.zeros(len(self.value), dtype=bool)
        for first, last in self.windows:
            label[first:last + 1] = True
        return label


def unscored(length: int) -> int:
    """NAB's probationary period: 15 % of the rows, 750 at most."""
    return min(int(_UNSCORED_SHARE * length), _UNSCORED_MOST)


def read_nab(data: Path) -> list[Series]:
    """The 58 series of the Numenta Anomaly Benchmark, sorted by name, with its combined windows."""
    labels = json.loads((data / "nab" / "labels" / "combined_windows.json").read_text())
    return [_nab(data / "nab" / "data", name, labels[name]) for name in sorted(labels)]


def _nab(folder: Path, name: str, limits: list[tuple[str, str]]) -> Series:
    stamps, value = _columns(folder / name, "timestamp", "value")
    row = {stamp: at for at, stamp in reversed(list(enumerate(stamps)))}
    windows = tuple((row[first[:19]], row[last[:19]]) for first, last in limits)
    return known(Series(name.removesuffix(".csv"), _seconds(stamps), value, windows))


def read_microsoft(data: Path) -> list[Series]:
    """The labelled series of Microsoft's cloud-monitoring set, sorted by name; a window is a run of labels."""
    return [_microsoft(path) for path in sorted((data / "msft-cloud-monitoring").glob("*.csv"))]


def _microsoft(path: Path) -> Series:
    stamps, value = _columns(path, "TimeStamp", "Value")
    _, label = _columns(path, "TimeStamp", "Label")
    return known(Series(path.stem, _seconds(stamps), value, runs(label > 0)))


def read_asd(data: Path) -> list[Series]:
    """The Application Server Dataset, one series for each metric of each server; the days for training have no labels.
    """
    return [series for path in sorted((data / "asd").glob("*.csv.gz")) for series in _asd(path)]


def _asd(path: Path) -> list[Series]:
    with gzip.open(path, "rt", newline="") as lines:
        rows = list(csv.DictReader(lines))
    time_s = np.array([float(row["time_s"]) for row in rows])
    hit = [set(row["anomalous"].split()) for row in rows]
    unlabelled = sum(row["part"] == "train" for row in rows)
    return [
        known(Series(
            f"{path.name.partition('.')[0]}/{name}", time_s, np.array([_number(row[name]) for row in rows]),
            runs(np.array([name.removeprefix("m") in one for one in hit])), unlabelled,
        ))
        for name in rows[0] if name.startswith("m")
    ]


def known(series: Series) -> Series:
    """The series without the rows that have no value."""
    keep = np.isfinite(series.value)
    if keep.all():
        return series
    before = np.concatenate([[0], np.cumsum(keep)])
    windows = tuple(
        (int(before[first]), int(before[last + 1]) - 1) for first, last in series.windows
        if before[last + 1] > before[first]
    )
    unlabelled = None if series.unlabelled is None else int(before[series.unlabelled])
    return Series(series.name, series.time_s[keep], series.value[keep], windows, unlabelled)


def runs(inside: BoolArray) -> tuple[tuple[int, int], ...]:
    """First and last index of each run of True."""
    edges: IntArray = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
    return tuple((int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True))


def halves(series: list[Series]) -> tuple[list[Series], list[Series]]:
    """Development and check half: alternate series in the order of their names. Tune on the first alone."""
    ordered = sorted(series, key=lambda one: one.name)
    return ordered[0::2], ordered[1::2]


def _columns(path: Path, stamp: str, value: str) -> tuple[list[str], FloatArray]:
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [row[stamp] for row in rows], np.array([_number(row[value]) for row in rows])


def _number(text: str) -> float:
    """NaN where there is no value."""
    return float(text) if text.strip() else float("nan")


def _seconds(stamps: list[str]) -> FloatArray:
    """Seconds since the epoch, held where the clock was put back."""
    read = (datetime.fromisoformat(stamp.removesuffix("Z")).replace(tzinfo=UTC).timestamp() for stamp in stamps)
    return np.maximum.accumulate(np.fromiter(read, dtype=np.float64, count=len(stamps)))
