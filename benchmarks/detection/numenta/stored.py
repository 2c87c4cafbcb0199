"""Results that others stored in NAB's own layout, taken through our scorer: is it theirs?

A folder of NAB's results holds ``DETECTOR_PROFILE_scores.csv`` (by file: threshold, score, counts of rows) and, beside
them or not, ``CATEGORY/DETECTOR_FILE.csv`` (by row: anomaly score). From the first alone follow the published figure,
by our normalisation, and whether the rows that count, and those inside windows, are the same; from rows, what each file
earns by our scorer. None of it is in this repository; give the folder with ``--results``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.detection.numenta.scoring import PROFILES, Weights, sweep
from benchmarks.detection.series import Series
from detectors.base import FloatArray

_STORED_NAMES = {"standard": "standard", "reward_low_FP_rate": "low FP", "reward_low_FN_rate": "low FN"}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What NAB stored of one file. inside, outside: rows that were scored, in windows and out of them."""

    threshold: float
    score: float
    inside: int
    outside: int


@dataclass(frozen=True, slots=True)
class Check:
    """One stored run against our scorer. same_rows: files of which as many rows count, inside and outside. worst: the
    largest difference of a file's score; NaN without rows, of which there are `with_rows` files.
    """

    detector: str
    profile: str
    published: float
    files: int
    same_rows: int
    with_rows: int
    worst: float


def read_scores(path: Path) -> tuple[str, str, dict[str, StoredFile]]:
    """(detector, profile, by name of series); raises `ValueError` for a profile that NAB does not have."""
    found: dict[str, StoredFile] = {}
    detector = profile = ""
    with path.open(newline="") as lines:
        for row in csv.DictReader(lines):
            if row["Detector"] == "Totals":
                continue
            detector, profile = row["Detector"], row["Profile"]
            found[row["File"].removesuffix(".csv")] = StoredFile(
                float(row["Threshold"]), float(row["Score"]), int(row["TP"]) + int(row["FN"]),
                int(row["TN"]) + int(row["FP"]),
            )
    if profile not in _STORED_NAMES:
        raise ValueError(f"{path.name}: Profile: got {profile!r}; expected one of {', '.join(_STORED_NAMES)}")
    return detector, _STORED_NAMES[profile], found


def read_rows(folder: Path, detector: str, one: Series) -> FloatArray | None:
    """The stored anomaly score of each row of a series; None where it is not stored."""
    category, _, name = one.name.partition("/")
    path = folder / category / f"{detector}_{name}.csv"
    if not path.exists():
        return None
    with path.open(newline="") as lines:
        return np.array([float(row["anomaly_score"]) for row in csv.DictReader(lines)])


def check(folder: Path, path: Path, series: Sequence[Series]) -> Check:
    """One ``_scores.csv`` of a folder; raises `ValueError` when it is not of these series."""
    detector, profile, stored = read_scores(path)
    missing = sorted({one.name for one in series} ^ set(stored))
    if missing:
        raise ValueError(f"{path.name}: File: differs from the series in {missing[:3]}; expected the same names")
    weights = next(one for one in PROFILES if one.name == profile)
    whole = sweep(series, [np.zeros(len(one.value)) for one in series], weights)
    same, apart = 0, []
    for one in series:
        label = one.label()[one.unscored:]
        same += (stored[one.name].inside, stored[one.name].outside) == (label.sum(), (~label).sum())
        rows = read_rows(folder, detector, one)
        if rows is not None:
            apart.append(abs(_earned(one, rows, stored[one.name].threshold, weights) - stored[one.name].score))
    published = whole.normalised(sum(one.score for one in stored.values()))
    return Check(detector, profile, published, len(series), same, len(apart), max(apart, default=float("nan")))


def _earned(one: Series, score: FloatArray, threshold: float, weights: Weights) -> float:
    return float(sweep([one], [score], weights).by_file(threshold)[0])


def report(folder: Path, series: Sequence[Series]) -> Iterator[str]:
    """One line per stored run."""
    for path in sorted(folder.glob("*_scores.csv")):
        one = check(folder, path, series)
        rows = f"; from the rows of {one.with_rows}, scores within {one.worst:.1e}" if one.with_rows else ""
        yield (
            f"stored {one.detector}, {one.profile}: {one.published:.3f} by our normalisation; "
            f"the same rows count in {one.same_rows} of {one.files} files{rows}"
        )
