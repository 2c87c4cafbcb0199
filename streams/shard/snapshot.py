"""The state of a shard as plain values and back: arrays of its tables and detectors, JSON of its windows and incidents.

Whether a snapshot fits is decided before anything is taken from it. Another version, or other parameters of detection
and windows, mean that its numbers say something else: it is refused, and the shard relearns all but how its sources
deliver. Pure: storing a snapshot is up to `streams/state/snapshots.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any

from numpy.typing import NDArray

from classifiers.incidents.triage_snapshot import dump, load
from streams.shard.state import ShardState

VERSION = 16
"""Of the layout below; raise it whenever an older worker could misread a newer snapshot, or the reverse."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of one shard. offsets: per topic the next offset it does not contain yet. version, config_hash: what
    wrote it, for the reader to refuse. arrays: numbers, booleans and fixed-length strings, no objects. meta: JSON."""

    version: int
    config_hash: str
    offsets: dict[str, int]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)


class SnapshotMismatch(ValueError):  # noqa: N818
    """A whole snapshot that this worker cannot go on from; says what differs."""


def dump_state(shard: ShardState, steady_s: float) -> Snapshot:
    """All that the shard knows, up to its offsets. Copies; cost about 1 us a series. steady_s: the steady clock."""
    series, series_meta = shard.series.snapshot()
    windows, windows_meta = shard.windower.snapshot()
    active = shard.series.active()
    presence, presence_meta = shard.presence.snapshot(active)
    states = {"series": series, "windows": windows, "suite": shard.suite.snapshot(active), "presence": presence}
    inputs = {source: codec.snapshot() for source, codec in shard.codecs.items()}
    states["planned"], planned_meta = shard.planned.snapshot()
    states |= {f"input/{source}": arrays for source, (arrays, _) in inputs.items()}
    evaluated_s = shard.detection.evaluated_until_s
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
            "control": shard.directives.dump(),
            "planned": planned_meta,
            "judged_until_s": None if evaluated_s == -inf else evaluated_s,
            "event_time": shard.event_time.snapshot(steady_s),
            "repeats": shard.repeats.dump(),
            "presence": presence_meta,
            "alarmed": shard.alarmed.dump(),
            "ticked_at_s": shard.ticked_at_s,
            "generation": shard.generation,
        },
    )


def load_state(shard: ShardState, snapshot: Snapshot, steady_s: float) -> None:
    """Put a snapshot into a new shard; raises `SnapshotMismatch` when it is not of its plan and this version."""
    if snapshot.version != VERSION:
        raise SnapshotMismatch(f"snapshot version {snapshot.version}, expected {VERSION}")
    if snapshot.config_hash != shard.plan.state_hash:
        raise SnapshotMismatch(f"snapshot of configuration {snapshot.config_hash}, expected {shard.plan.state_hash}")
    meta = snapshot.meta
    try:
        _require_inputs(shard, meta["event_time"])
        shard.scopes.restore(meta["scopes"])
        shard.series.restore(_part(snapshot.arrays, "series"), meta["series"])
        shard.windower.restore(_part(snapshot.arrays, "windows"), meta["windows"])
        active = shard.series.active()
        shard.rows.admit(active)
        shard.suite.restore(active, _part(snapshot.arrays, "suite"))
        shard.presence.restore(active, _part(snapshot.arrays, "presence"), meta["presence"])
        shard.provenance.restore(meta["provenance"])
        for source in meta["inputs"].keys() & shard.codecs.keys():
            shard.codecs[source].restore(_part(snapshot.arrays, f"input/{source}"), meta["inputs"][source])
        load(shard.triage, meta["triage"])
        shard.decider.load(meta["decisions"])
        shard.directives.load(meta["control"])
        shard.planned.restore(_part(snapshot.arrays, "planned"), meta["planned"])
        if meta["judged_until_s"] is not None:
            shard.detection.evaluated_until_s = float(meta["judged_until_s"])
        shard.event_time.restore(meta["event_time"], steady_s)
        shard.repeats.load(meta["repeats"])
        shard.alarmed.load(meta["alarmed"])
        shard.ticked_at_s = meta["ticked_at_s"]
        shard.generation = int(meta["generation"])
    except SnapshotMismatch:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise SnapshotMismatch(f"snapshot does not hold what version {VERSION} says: {error!r}") from error
    shard.offsets.update(snapshot.offsets)


def _require_inputs(shard: ShardState, event_time: Mapping[str, Any]) -> None:
    """Refuse a state with series of an input that is no longer read: they would be taken for silent, and ticks for
    which its records are needed cannot be repeated."""
    for source, seen in event_time.items():
        if source not in shard.plan.sources and seen["highest_s"] is not None:
            raise SnapshotMismatch(f"snapshot with records of {source}, expected only inputs that are still read")


def load_cadence(shard: ShardState, snapshot: Snapshot) -> None:
    """Take from a snapshot that was refused how the sources deliver, which no configuration of detection changes.

    Nothing is taken when it is of another version or does not say it.
    """
    if snapshot.version == VERSION:
        with suppress(LookupError, TypeError, ValueError, AttributeError):
            shard.event_time.restore_cadence(snapshot.meta["event_time"])


def _part(arrays: Mapping[str, NDArray[Any]], part: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(f"{part}."): array for name, array in arrays.items() if name.startswith(f"{part}.")}
