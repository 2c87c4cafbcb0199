"""A shard as a snapshot and back: arrays of its tables and detectors, JSON of its windows and incidents.

Whether a snapshot fits is decided before anything is taken from it: another version or other parameters of detection
and windows mean that the numbers in it say something else, and the shard relearns.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from numpy.typing import NDArray

from classifiers.incidents.memory import dump, load
from streams.pipeline import Shard, Stopwatch, untimed
from streams.shard.plan import Plan
from streams.state.snapshots import Snapshot

VERSION = 7
"""Of the layout below; raise it whenever an older worker could misread a newer snapshot, or the reverse."""


class SnapshotMismatch(ValueError):  # noqa: N818
    """A whole snapshot that this worker cannot go on from; says what differs."""


def to_snapshot(shard: Shard) -> Snapshot:
    """All that the shard knows, up to its offsets. Copies; cost about 1 us a series."""
    series, series_meta = shard.series.snapshot()
    windows, windows_meta = shard.windower.snapshot()
    states = {"series": series, "windows": windows, "suite": shard.suite.snapshot(shard.series.active())}
    inputs = {source: codec.snapshot() for source, codec in shard.codecs.items()}
    states |= {f"input/{source}": arrays for source, (arrays, _) in inputs.items()}
    judged_s = shard.detection.judged_until_s
    return Snapshot(
        version=VERSION,
        config_hash=shard.plan.state_hash,
        offsets=dict(shard.offsets),
        arrays={f"{part}.{name}": array for part in states for name, array in states[part].items()},
        meta={
            "scopes": shard.scopes.snapshot(),
            "series": series_meta,
            "windows": windows_meta,
            "inputs": {source: meta for source, (_, meta) in inputs.items()},
            "provenance": shard.provenance.snapshot(),
            "triage": dump(shard.triage),
            "decisions": shard.decider.dump(),
            "control": shard.control.dump(),
            "judged_until_s": None if judged_s == -inf else judged_s,
            "last_arrival_s": shard.last_arrival_s,
        },
    )


def from_snapshot(
    plan: Plan, snapshot: Snapshot, stopwatch: Stopwatch = untimed, number: int | None = None,
) -> Shard:
    """The shard as it was; raises `SnapshotMismatch` when the snapshot is not of this plan and version."""
    if snapshot.version != VERSION:
        raise SnapshotMismatch(f"snapshot version {snapshot.version}, expected {VERSION}")
    if snapshot.config_hash != plan.state_hash:
        raise SnapshotMismatch(f"snapshot of configuration {snapshot.config_hash}, expected {plan.state_hash}")
    shard = Shard(plan, stopwatch, number)
    meta = snapshot.meta
    try:
        shard.scopes.restore(meta["scopes"])
        shard.series.restore(_part(snapshot.arrays, "series"), meta["series"]["metrics"])
        shard.windower.restore(_part(snapshot.arrays, "windows"), meta["windows"])
        active = shard.series.active()
        shard.rows.admit(active)
        shard.suite.restore(active, _part(snapshot.arrays, "suite"))
        shard.provenance.restore(meta["provenance"])
        for source in meta["inputs"].keys() & shard.codecs.keys():
            shard.codecs[source].restore(_part(snapshot.arrays, f"input/{source}"), meta["inputs"][source])
        load(shard.triage, meta["triage"])
        shard.decider.load(meta["decisions"])
        shard.control.load(meta["control"])
        if meta["judged_until_s"] is not None:
            shard.detection.judged_until_s = float(meta["judged_until_s"])
        shard.last_arrival_s = meta["last_arrival_s"]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise SnapshotMismatch(f"snapshot does not hold what version {VERSION} says: {error!r}") from error
    shard.offsets.update(snapshot.offsets)
    _count_on(shard, plan)
    return shard


def _count_on(shard: Shard, plan: Plan) -> None:
    """The sources may be others than when the snapshot was taken; one that is gone must not hold the clock for ever."""
    clock = shard.windower.clock
    for gone in clock.snapshot().keys() - plan.sources.keys():
        clock.forget(gone)
    for source in plan.sources:
        clock.expect(source)


def _part(arrays: Mapping[str, NDArray[Any]], part: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(f"{part}."): array for name, array in arrays.items() if name.startswith(f"{part}.")}
