"""The state of a shard as plain values and back: arrays of its tables and detectors, JSON of its windows and incidents.

A snapshot of other parameters is migrated (`streams/shard/changed/migration.py`). One of a version that cannot be
read, or that does not hold what its version says, is refused, and the shard relearns all but how its sources deliver.
Pure: storing a snapshot is up to `streams/state/snapshots.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any

from numpy.typing import NDArray

from classifiers.incidents.triage_snapshot import dump, load
from streams.shard.changed.learned import describe, kept
from streams.shard.state import ShardState

VERSION = 17
"""Of the layout below; raise it whenever an older worker could misread a newer snapshot, or the reverse."""
READABLE = frozenset({16, VERSION})
"""The versions that are read: this one, and the one before. 16 does not say by which parameters it was learned."""


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
    states["learned"], learned_meta = describe(shard, active)
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
            "learned": learned_meta,
            "configuration": shard.plan.written,
        },
    )


def load_state(shard: ShardState, snapshot: Snapshot, steady_s: float, *, migrate: bool = False) -> None:
    """Put a snapshot into a new shard; raises `SnapshotMismatch` when it does not hold what its version says.

    migrate: take of what the detectors learned only what was learned by the parameters of the shard's own plan.
    """
    with reading(snapshot):
        meta = snapshot.meta
        shard.scopes.restore(meta["scopes"])
        shard.series.restore(part_of(snapshot, "series"), meta["series"])
        shard.windower.restore(part_of(snapshot, "windows"), meta["windows"])
        active = shard.series.active()
        shard.rows.readmit(active)
        suite = part_of(snapshot, "suite")
        if migrate:
            rows = kept(shard, active, part_of(snapshot, "learned"), meta["learned"])
            shard.suite.restore_kept(active, suite, rows)
            shard.planned.restore({}, {**meta["planned"], "taken": []})
        else:
            shard.suite.restore(active, suite)
            shard.planned.restore(part_of(snapshot, "planned"), meta["planned"])
        shard.presence.restore(active, part_of(snapshot, "presence"), meta["presence"])
        shard.provenance.restore(meta["provenance"])
        for source in meta["inputs"].keys() & shard.codecs.keys():
            shard.codecs[source].restore(part_of(snapshot, f"input/{source}"), meta["inputs"][source])
        load_decided(shard, snapshot, steady_s)


def load_decided(shard: ShardState, snapshot: Snapshot, steady_s: float) -> None:
    """What a shard knows beside its series: incidents, remedies, directives, and how far time has come."""
    with reading(snapshot):
        meta = snapshot.meta
        load(shard.triage, meta["triage"])
        shard.decider.load(meta["decisions"])
        shard.directives.load(meta["control"])
        if meta["judged_until_s"] is not None:
            shard.detection.evaluated_until_s = float(meta["judged_until_s"])
        shard.event_time.restore(meta["event_time"], steady_s)
        shard.repeats.load(meta["repeats"])
        shard.alarmed.load(meta["alarmed"])
        shard.ticked_at_s = meta["ticked_at_s"]
        shard.generation = int(meta["generation"])
    shard.offsets.update(snapshot.offsets)


@contextmanager
def reading(snapshot: Snapshot) -> Iterator[None]:
    """Raises `SnapshotMismatch` for what is wrong in a snapshot that is being read."""
    try:
        yield
    except SnapshotMismatch:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise SnapshotMismatch(f"snapshot does not hold what version {snapshot.version} says: {error!r}") from error


def part_of(snapshot: Snapshot, part: str) -> dict[str, NDArray[Any]]:
    """The arrays of one part."""
    arrays = snapshot.arrays
    return {name.removeprefix(f"{part}."): array for name, array in arrays.items() if name.startswith(f"{part}.")}


def load_cadence(shard: ShardState, snapshot: Snapshot) -> None:
    """Take from a snapshot that was refused how the sources deliver, which no configuration of detection changes.

    Nothing is taken when it is of another version or does not say it.
    """
    if snapshot.version in READABLE:
        with suppress(LookupError, TypeError, ValueError, AttributeError):
            shard.event_time.restore_cadence(snapshot.meta["event_time"])
