"""The public sets as they are read, from files of their shape."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np

from benchmarks.detection.series import halves, read_asd, read_microsoft, read_nab, runs, unscored


def test_a_nab_file_is_read_with_its_windows(tmp_path: Path) -> None:
    folder = tmp_path / "nab" / "data" / "real"
    folder.mkdir(parents=True)
    stamps = [f"2014-07-01 00:{minute:02d}:00" for minute in range(0, 50, 5)]
    rows = "".join(f"{stamp},{at}\n" for at, stamp in enumerate(stamps))
    (folder / "a.csv").write_text("timestamp,value\n" + rows)
    labels = tmp_path / "nab" / "labels" / "combined_windows.json"
    labels.parent.mkdir()
    labels.write_text(json.dumps({"real/a.csv": [[f"{stamps[3]}.000000", f"{stamps[5]}.000000"]]}))

    one = read_nab(tmp_path)[0]

    assert one.name == "real/a"
    assert one.windows == ((3, 5),)
    assert list(one.value) == list(range(10))
    assert one.time_s[1] - one.time_s[0] == 300.0
    assert list(np.flatnonzero(one.label())) == [3, 4, 5]


def test_a_point_labelled_file_is_read_with_its_runs(tmp_path: Path) -> None:
    folder = tmp_path / "msft-cloud-monitoring"
    folder.mkdir()
    rows = "".join(f'"2017-11-01T0{at}:00:00Z",{at}.5,{label}\n' for at, label in enumerate([0, 1, 1, 0, 1]))
    (folder / "api-01.csv").write_text("TimeStamp,Value,Label\n" + rows)

    one = read_microsoft(tmp_path)[0]

    assert (one.name, one.windows, one.value[4]) == ("api-01", ((1, 2), (4, 4)), 4.5)


def test_a_clock_put_back_stands_still(tmp_path: Path) -> None:
    folder = tmp_path / "msft-cloud-monitoring"
    folder.mkdir()
    hours = (1, 2, 1, 3)
    rows = "".join(f'"2017-11-01T0{hour}:00:00Z",1,0\n' for hour in hours)
    (folder / "api-01.csv").write_text("TimeStamp,Value,Label\n" + rows)

    assert list(np.diff(read_microsoft(tmp_path)[0].time_s)) == [3600.0, 0.0, 3600.0]


def test_runs_reach_from_edge_to_edge() -> None:
    assert runs(np.array([True, False, True, True])) == ((0, 0), (2, 3))
    assert runs(np.zeros(3, dtype=bool)) == ()


def test_fifteen_percent_are_not_scored_but_never_more_than_750() -> None:
    assert (unscored(100), unscored(4032), unscored(22_695)) == (15, 604, 750)


def test_the_halves_share_nothing_and_do_not_depend_on_order(tmp_path: Path) -> None:
    folder = tmp_path / "msft-cloud-monitoring"
    folder.mkdir()
    for name in "dabce":
        (folder / f"{name}.csv").write_text('TimeStamp,Value,Label\n"2017-11-01T00:00:00Z",1,0\n')
    series = read_microsoft(tmp_path)

    development, check = halves(series[::-1])

    assert [one.name for one in development] == ["a", "c", "e"]
    assert [one.name for one in check] == ["b", "d"]


def test_a_row_without_a_value_is_left_out_and_windows_move_with_their_rows(tmp_path: Path) -> None:
    folder = tmp_path / "msft-cloud-monitoring"
    folder.mkdir()
    cells = [("1", 0), ("", 1), ("3", 1), ("4", 0), (" ", 1), ("6", 0)]
    rows = "".join(f'"2017-11-01T0{at}:00:00Z",{value},{label}\n' for at, (value, label) in enumerate(cells))
    (folder / "api-01.csv").write_text("TimeStamp,Value,Label\n" + rows)

    one = read_microsoft(tmp_path)[0]

    assert list(one.value) == [1.0, 3.0, 4.0, 6.0]
    assert one.windows == ((1, 1),)


def test_a_server_is_read_as_one_series_a_metric_and_its_training_days_are_not_scored(tmp_path: Path) -> None:
    (tmp_path / "asd").mkdir()
    lines = ["time_s,part,m0,m1,anomalous", "0,train,1,5,", "300,train,2,,", "600,test,3,6,0 1", "900,test,4,7,1"]
    with gzip.open(tmp_path / "asd" / "server-1.csv.gz", "wt") as file:
        file.write("\n".join(lines) + "\n")

    first, second = read_asd(tmp_path)

    assert (first.name, first.windows, first.unscored) == ("server-1/m0", ((2, 2),), 2)
    assert (second.name, second.windows, second.unscored) == ("server-1/m1", ((1, 2),), 1)
    assert list(second.time_s) == [0.0, 600.0, 900.0]
