"""What was accepted holds, or the comparison fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import compare
from benchmarks.compare import ACCEPTED, Figure, read_accepted, regressions, table, updated

FOUND = Figure(0.9, "higher", 0.05)
DELAY = Figure(2.0, "lower", 0.25)


@pytest.mark.parametrize(("now", "holds"), [(0.9, True), (0.85, True), (0.84, False), (1.0, True), (None, False)])
def test_what_should_be_high_may_fall_by_the_tolerance(now: float | None, holds: bool) -> None:
    assert FOUND.holds(now) is holds


@pytest.mark.parametrize(("now", "holds"), [(2.0, True), (2.25, True), (2.3, False), (0.1, True), (None, False)])
def test_what_should_be_low_may_rise_by_the_tolerance(now: float | None, holds: bool) -> None:
    assert DELAY.holds(now) is holds


def test_a_missing_value_is_worse_than_any_value() -> None:
    assert Figure(None, "lower", 0.1).holds(None)
    assert not Figure(0.0, "higher", 0.0).holds(None)


def test_a_metric_that_went_missing_from_its_group_is_a_regression() -> None:
    accepted = {"a/x": FOUND, "a/y": FOUND, "b/z": FOUND}

    assert regressions(accepted, {"a/x": FOUND, "a/new": FOUND}) == ["a/y"]


def test_accepting_keeps_rules_drops_what_is_gone_and_leaves_other_groups() -> None:
    accepted = {"a/x": FOUND, "a/gone": FOUND, "b/z": DELAY}
    measured = {"a/x": Figure(0.7, "higher", 9.0), "a/new": DELAY}

    assert updated(accepted, measured) == {"a/new": DELAY, "a/x": Figure(0.7, "higher", 0.05), "b/z": DELAY}


def test_the_table_says_what_fell_behind_and_what_was_not_measured() -> None:
    accepted, measured = {"a/x": FOUND, "b/z": DELAY}, {"a/x": Figure(0.5, "higher", 0.05)}

    lines = "\n".join(table(accepted, measured, regressions(accepted, measured)))

    assert "REGRESSION" in lines.split("a/x")[1].split("\n")[0]
    assert "not measured" in lines.split("b/z")[1].split("\n")[0]


def test_an_entry_of_another_shape_is_named(tmp_path: Path) -> None:
    path = tmp_path / "accepted.json"
    path.write_text(json.dumps({"a/x": {"value": 1.0, "better": "upward", "tolerance": 0.0}}))

    with pytest.raises(ValueError, match="a/x: got better='upward'; expected higher or lower"):
        read_accepted(path)


def test_a_regression_exits_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "accepted.json"
    now = {"a/x": Figure(0.9, "higher", 0.05)}
    monkeypatch.setattr(compare, "from_recordings", lambda: now.items())
    monkeypatch.setattr(compare, "from_calibration", dict)
    monkeypatch.setattr(compare, "from_ordinary", dict)

    assert compare.main(["--accepted", str(path), "--accept"]) == 0
    assert compare.main(["--accepted", str(path)]) == 0
    now["a/x"] = Figure(0.8, "higher", 0.05)
    assert compare.main(["--accepted", str(path)]) == 1


def test_what_this_repository_accepts_is_well_formed() -> None:
    groups = {name.partition("/")[0] for name in read_accepted(ACCEPTED)}

    assert groups == {"recordings", "calibration", "nab", "microsoft", "ordinary"}
