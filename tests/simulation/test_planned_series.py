"""Planned changes of a shard: which series they cover, which of several counts, and that they are bounded."""

from __future__ import annotations

import json

import numpy as np
import pytest

from classifiers.expectations import parse_expectation
from classifiers.model import Scope
from streams.shard.planned_changes import MAX_CHANGES, PlannedChange
from tests.simulation.fleet import Fleet, Second, T, fleet

ALL = Scope("chat", "gpt")
R0 = Scope("chat", "gpt", replica="r0")


def change(name: str = "c1", *expected: str, from_s: float = T, until_s: float = T + 3600.0) -> PlannedChange:
    parsed = tuple(map(parse_expectation, expected or ("latency_ms<=1.7x",)))
    return PlannedChange(name, "chat", None, from_s, until_s, parsed)


@pytest.mark.parametrize(("extent", "part", "scope", "covered"), [
    ("all", None, ALL, True), ("all", None, R0, True), ("all", None, Scope("other", "gpt"), False),
    ("whole", None, ALL, True), ("whole", None, R0, False),
    ("replica", "r0", R0, True), ("replica", "r0", ALL, False), ("replica", "r1", R0, False),
])
def test_a_change_covers_the_series_of_its_extent(extent: str, part: str | None, scope: Scope, covered: bool) -> None:
    planned = PlannedChange("c1", "chat", None, T, T + 1.0, (), extent, part)  # type: ignore[arg-type]
    assert planned.covers(scope) is covered


def test_a_change_of_one_model_covers_no_other() -> None:
    planned = PlannedChange("c1", "chat", "gpt", T, T + 1.0, ())
    assert (planned.covers(ALL), planned.covers(Scope("chat", "llama"))) == (True, False)


def warm() -> Fleet:
    return fleet(replicas=("r0", "r1")).play(60)


def test_of_two_changes_the_later_one_counts_and_the_earlier_one_again_after_it() -> None:
    watched = warm()
    planned = watched.run.shard.planned
    planned.add(change("wide", "latency_ms<=3x"), watched.now_s)
    planned.add(change("narrow", "latency_ms<=1.3x", until_s=watched.now_s + 60.0), watched.now_s)
    watched.play(30, lambda _, __: Second(latency_ms=220.0))
    assert [one.state for one in watched.run.incidents.values()] == ["open"]
    watched.play(60, lambda _, __: Second(latency_ms=220.0))
    assert [one.state for one in watched.run.incidents.values()] == ["resolved"]


def test_a_row_that_is_another_series_by_now_is_not_judged_by_the_copy_of_the_former() -> None:
    watched = warm()
    shard = watched.run.shard
    shard.planned.add(change(), watched.now_s)
    row = shard.series.row("latency_ms", R0)
    assert row is not None
    shard.series._evict(np.array([row]))
    watched.play(3)
    shard.rows.forget(shard.series.take_evicted())
    watched.play(60, lambda _, __: Second(latency_ms=160.0))
    assert watched.run.incidents == {}


def test_beyond_the_bound_the_oldest_changes_end_early() -> None:
    watched = warm()
    planned = watched.run.shard.planned
    for number in range(MAX_CHANGES + 2):
        planned.add(change(f"c{number:03}"), watched.now_s)
    ended = [(entry.subject, entry.reason) for entry in planned.take_audit() if entry.event == "end"]
    assert ended == [(name, f"more than {MAX_CHANGES} changes are expected") for name in ("c000", "c001")]


def test_a_shard_without_the_service_says_nothing() -> None:
    watched = warm()
    planned = watched.run.shard.planned
    planned.add(PlannedChange("c1", "other", None, T, T + 3600.0, change().expected), watched.now_s)
    planned.end_due(T + 3600.0)
    assert planned.take_audit() == []
    assert not planned


def test_a_snapshot_of_something_else_is_refused() -> None:
    watched = warm()
    watched.run.shard.planned.add(change(), watched.now_s)
    arrays, meta = watched.run.shard.planned.snapshot()
    meta = json.loads(json.dumps(meta))
    meta["changes"][0]["change"]["until_s"] = "soon"
    with pytest.raises(ValueError, match="planned changes: "):
        fleet().run.shard.planned.restore(arrays, meta)
