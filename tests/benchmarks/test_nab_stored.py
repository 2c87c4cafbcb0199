"""Stored results in NAB's layout, taken through our scorer."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks.detection.numenta.scoring import PROFILES, sweep
from benchmarks.detection.numenta.stored import check, read_scores, report
from benchmarks.detection.series import Series
from detectors.base import FloatArray

SERIES = [
    Series("real/one", np.arange(100.0), np.zeros(100), ((40, 49),)),
    Series("real/two", np.arange(80.0), np.zeros(80), ((20, 29), (60, 64))),
]
ALARMS = [np.arange(100.0) % 43 / 42.0, np.arange(80.0) % 27 / 26.0]
THRESHOLD = 1.0


def store(folder: Path, scores: list[FloatArray], rows: bool) -> Path:
    path = folder / "some_standard_scores.csv"
    earned = sweep(SERIES, scores, PROFILES[0]).by_file(THRESHOLD)
    with path.open("w", newline="") as lines:
        written = csv.writer(lines)
        written.writerow(
            ["Detector", "Profile", "File", "Threshold", "Score", "TP", "TN", "FP", "FN", "Total_Count"]
        )
        for one, score, all_rows in zip(SERIES, earned, scores, strict=True):
            label, hit = one.label()[one.unscored:], all_rows[one.unscored:] >= THRESHOLD
            counts = [int(cells.sum()) for cells in (label & hit, ~label & ~hit, ~label & hit, label & ~hit)]
            written.writerow(["some", "standard", f"{one.name}.csv", THRESHOLD, score, *counts, len(all_rows)])
        written.writerow(["Totals", "", "", "", earned.sum(), 0, 0, 0, 0, 0])
    for one, all_rows in zip(SERIES, scores, strict=True):
        if rows:
            category, _, name = one.name.partition("/")
            (folder / category).mkdir(exist_ok=True)
            text = "\n".join(["anomaly_score", *map(repr, all_rows.tolist())])
            (folder / category / f"some_{name}.csv").write_text(text)
    return path


def test_scores_by_file_come_to_the_published_figure(tmp_path: Path) -> None:
    found = check(tmp_path, store(tmp_path, ALARMS, rows=False), SERIES)

    swept = sweep(SERIES, ALARMS, PROFILES[0])
    assert found.published == pytest.approx(swept.normalised(swept.earned(THRESHOLD)))
    assert (found.same_rows, found.with_rows) == (2, 0)


def test_rows_earn_what_was_stored(tmp_path: Path) -> None:
    found = check(tmp_path, store(tmp_path, ALARMS, rows=True), SERIES)

    assert found.with_rows == 2
    assert found.worst == pytest.approx(0.0, abs=1e-12)


def test_other_rows_earn_something_else(tmp_path: Path) -> None:
    path = store(tmp_path, ALARMS, rows=True)
    (tmp_path / "real" / "some_one.csv").write_text("\n".join(["anomaly_score", *["0.0"] * 100]))

    assert check(tmp_path, path, SERIES).worst > 0.1


def test_a_line_names_detector_profile_and_figure(tmp_path: Path) -> None:
    store(tmp_path, ALARMS, rows=False)

    (line,) = report(tmp_path, SERIES)
    assert line.startswith("stored some, standard: ")
    assert "2 of 2 files" in line


def test_scores_of_other_files_are_refused(tmp_path: Path) -> None:
    path = store(tmp_path, ALARMS, rows=False)
    with pytest.raises(ValueError, match="real/two"):
        check(tmp_path, path, SERIES[:1])


def test_a_profile_that_nab_does_not_have_is_refused(tmp_path: Path) -> None:
    path = store(tmp_path, ALARMS, rows=False)
    path.write_text(path.read_text().replace(",standard,", ",strict,"))
    with pytest.raises(ValueError, match="strict"):
        read_scores(path)
