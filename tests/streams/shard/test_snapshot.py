from __future__ import annotations

from dataclasses import replace

import pytest

from streams.pipeline import Shard
from streams.shard.snapshot import VERSION, Snapshot, SnapshotMismatch
from streams.state.snapshots import decode, encode
from tests.streams.fakes import LATENCY, T, batch, default_plan, requests

PLAN = default_plan()
SOURCES = frozenset(PLAN.sources)


def fed() -> Shard:
    shard = Shard(PLAN)
    shard.ingest(LATENCY, batch(requests(10)).records, T + 60.0, SOURCES - {LATENCY})
    return shard


def stored(shard: Shard) -> Snapshot:
    """As a store would give it back."""
    return decode(encode(shard.snapshot()))


def test_a_shard_that_came_back_holds_what_it_held() -> None:
    first = fed()
    second = Shard.restored(PLAN, stored(first))
    assert encode(second.snapshot()) == encode(first.snapshot())
    assert (second.last_arrival_s, second.detection.evaluated_until_s) == (T + 60.0, T + 9.0)


def test_an_empty_shard_comes_back_empty() -> None:
    second = Shard.restored(PLAN, stored(Shard(PLAN)))
    assert (second.offsets, second.last_arrival_s, len(second.series)) == ({}, None, 0)


@pytest.mark.parametrize("change", [{"version": VERSION + 1}, {"config_hash": "other"}])
def test_a_snapshot_of_another_version_or_other_parameters_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(SnapshotMismatch, match="expected"):
        Shard.restored(PLAN, replace(stored(fed()), **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "part", ["scopes", "series", "windows", "triage", "decisions", "control", "judged_until_s", "last_arrival_s"],
)
def test_a_snapshot_without_one_of_its_parts_is_refused(part: str) -> None:
    whole = stored(fed())
    meta = {name: value for name, value in whole.meta.items() if name != part}
    with pytest.raises(SnapshotMismatch):
        Shard.restored(PLAN, replace(whole, meta=meta))


@pytest.mark.parametrize("value", [None, 5, [], {}, "x"])
@pytest.mark.parametrize("part", ["scopes", "series", "windows", "triage", "decisions", "control"])
def test_a_part_of_another_shape_is_refused_or_was_empty(part: str, value: object) -> None:
    whole = stored(fed())
    if (part, value) in (("decisions", []), ("decisions", {})):
        return
    with pytest.raises(SnapshotMismatch):
        Shard.restored(PLAN, replace(whole, meta={**whole.meta, part: value}))


@pytest.mark.parametrize("name", sorted(name for name, array in fed().snapshot().arrays.items() if array.size))
def test_a_snapshot_without_one_of_its_arrays_is_refused(name: str) -> None:
    whole = stored(fed())
    arrays = {key: array for key, array in whole.arrays.items() if key != name}
    with pytest.raises(SnapshotMismatch):
        Shard.restored(PLAN, replace(whole, arrays=arrays))


def test_a_source_that_was_taken_out_of_the_configuration_holds_no_clock() -> None:
    first = fed()
    gone = replace(PLAN, sources={LATENCY: True})
    second = Shard.restored(gone, stored(first))
    second.ingest(LATENCY, batch(requests(5, start=10), first=100).records, T + 65.0)
    assert second.detection.evaluated_until_s == T + 14.0


def test_a_source_that_was_added_is_waited_for() -> None:
    first = Shard(replace(PLAN, sources={LATENCY: True}))
    first.ingest(LATENCY, batch(requests(10)).records, T + 60.0)
    second = Shard.restored(PLAN, stored(first))
    second.ingest(LATENCY, batch(requests(5, start=10), first=100).records, T + 65.0)
    assert second.detection.evaluated_until_s == first.detection.evaluated_until_s
