from __future__ import annotations

from dataclasses import replace

import pytest

from streams.contracts.ticks import Tick
from streams.pipeline import Shard
from streams.shard.event_time import Arrival
from streams.shard.snapshot import READABLE, VERSION, Snapshot, SnapshotMismatch
from streams.state.snapshots import decode, encode
from tests.streams.fakes import LATENCY, T, batch, clocked, default_plan, requests

PLAN = default_plan()
SOURCES = frozenset(PLAN.sources)
OPTIONAL = {"learned.row", "presence.state.above_zero_s", "suite.absence.latest_mean"}
"""The first is read under another plan only; the others are not in snapshots of before."""


def fed() -> Shard:
    shard = clocked(PLAN, T + 60.0)
    shard.ingest(LATENCY, batch(requests(10)).records)
    shard.event_time.observe(LATENCY, Arrival(5.0, T, T + 9.9, 0.0), "cadence")
    shard.apply_tick(Tick(3, T + 60.0, dict(shard.offsets), T + 9.0))
    return shard


def stored(shard: Shard) -> Snapshot:
    """As a store would give it back."""
    return decode(encode(shard.snapshot()))


def test_a_shard_that_came_back_holds_what_it_held() -> None:
    first = fed()
    second = Shard.restored(PLAN, stored(first))
    assert encode(second.snapshot()) == encode(first.snapshot())
    assert (second.ticked_at_s, second.generation) == (T + 60.0, 3)
    assert (second.windower.closed_s, second.detection.evaluated_until_s) == (T + 9.0, T + 9.0)


def test_an_empty_shard_comes_back_empty() -> None:
    second = Shard.restored(PLAN, stored(Shard(PLAN)))
    assert (second.offsets, second.ticked_at_s, second.generation, len(second.series)) == ({}, None, 0, 0)


@pytest.mark.parametrize("version", [min(READABLE) - 1, VERSION + 1])
def test_a_snapshot_of_a_version_that_is_not_read_is_refused(version: int) -> None:
    with pytest.raises(SnapshotMismatch, match="expected"):
        Shard.restored(PLAN, replace(stored(fed()), version=version))


@pytest.mark.parametrize(
    "part", [
        "scopes", "series", "windows", "triage", "decisions", "control", "judged_until_s", "event_time", "repeats",
        "ticked_at_s", "generation",
    ],
)
def test_a_snapshot_without_one_of_its_parts_is_refused(part: str) -> None:
    whole = stored(fed())
    meta = {name: value for name, value in whole.meta.items() if name != part}
    with pytest.raises(SnapshotMismatch):
        Shard.restored(PLAN, replace(whole, meta=meta))


@pytest.mark.parametrize("value", [None, 5, [], {}, "x"])
@pytest.mark.parametrize("part", ["scopes", "series", "windows", "triage", "decisions", "control", "event_time"])
def test_a_part_of_another_shape_is_refused_or_was_empty(part: str, value: object) -> None:
    whole = stored(fed())
    if (part, value) in (("decisions", []), ("decisions", {}), ("event_time", {})):
        return
    with pytest.raises(SnapshotMismatch):
        Shard.restored(PLAN, replace(whole, meta={**whole.meta, part: value}))


@pytest.mark.parametrize(
    "name", sorted(name for name, array in fed().snapshot().arrays.items() if array.size and name not in OPTIONAL),
)
def test_a_snapshot_without_one_of_its_arrays_is_refused(name: str) -> None:
    whole = stored(fed())
    arrays = {key: array for key, array in whole.arrays.items() if key != name}
    with pytest.raises(SnapshotMismatch):
        Shard.restored(PLAN, replace(whole, arrays=arrays))


def test_a_source_without_records_that_was_taken_out_of_the_configuration_holds_nothing_back() -> None:
    second = Shard.restored(replace(PLAN, sources={LATENCY: True}), stored(fed()))
    assert second.event_time.close_until_s(0.0, T + 65.0, frozenset(), False) == pytest.approx(T + 9.4)


def test_a_source_that_was_added_is_waited_for_until_it_is_known_to_be_empty() -> None:
    first = clocked(replace(PLAN, sources={LATENCY: True}))
    first.event_time.observe(LATENCY, Arrival(5.0, T, T + 9.9, 0.0), "cadence")
    second = Shard.restored(PLAN, stored(first))
    assert second.event_time.close_until_s(0.0, T + 65.0, frozenset(), False) is None
    assert second.event_time.close_until_s(0.0, T + 65.0, SOURCES - {LATENCY}, False) == pytest.approx(T + 9.4)


def test_what_was_learned_of_the_delivery_comes_back_by_the_clock_of_the_new_owner() -> None:
    second = Shard.restored(PLAN, stored(fed()), steady_s=1e6)
    assert second.event_time.cadence(LATENCY, 1e6) == fed().event_time.cadence(LATENCY, 0.0)


def test_of_a_refused_snapshot_a_new_shard_knows_only_how_its_sources_deliver() -> None:
    second = Shard.relearning(PLAN, stored(fed()))
    assert second.event_time.cadence(LATENCY, 1e6) == fed().event_time.cadence(LATENCY, 0.0)
    assert (second.offsets, second.ticked_at_s, len(second.series)) == ({}, None, 0)


@pytest.mark.parametrize("change", [
    {"version": VERSION + 1}, {"meta": {}}, {"meta": {"event_time": None}}, {"meta": {"event_time": {LATENCY: 5}}},
])
def test_of_a_snapshot_that_says_no_cadence_a_new_shard_knows_nothing(change: dict[str, object]) -> None:
    refused = replace(stored(fed()), **change)  # type: ignore[arg-type]
    second = Shard.relearning(PLAN, refused)
    assert second.event_time.cadence(LATENCY, 1e6) == Shard(PLAN).event_time.cadence(LATENCY, 0.0)
