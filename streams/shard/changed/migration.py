"""From a snapshot to a shard of a plan that may be another than the one it was taken under. Pure.

The same plan: the shard goes on as it was. Another plan of detection: each detector keeps what it learned of each
series whose parameters did not change (`streams/shard/changed/learned.py`), and windows that are open go on. Windows
or scopes that are cut otherwise, limits that the series do not fit into, an input that is no longer read: the series
are learned anew. In each case open incidents, remedies, silences and what people said go on, and so do offsets and
ticks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from streams.shard.changed.fingerprints import tables_hash
from streams.shard.changed.learned import kept
from streams.shard.snapshot import READABLE, Snapshot, SnapshotMismatch, load_decided, load_state, part_of, reading
from streams.shard.state import ShardState

S = TypeVar("S", bound=ShardState)


@dataclass(frozen=True, slots=True)
class Migration:
    """What a shard kept. series: in the snapshot. kept: those of which every detector kept what it learned. relearned:
    parts of the suite that learn every series anew. reason: why all series are learned anew, None where they are not.
    """

    series: int
    kept: int
    relearned: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is learned anew."""
        return self.kept == self.series and not self.relearned


def migrated(make: Callable[[], S], snapshot: Snapshot, steady_s: float) -> tuple[S, Migration]:
    """A shard with what can be kept of a snapshot. make: gives a new shard of the plan.

    Raises `SnapshotMismatch` for a version that cannot be read, or when the snapshot does not hold what it says.
    """
    if snapshot.version not in READABLE:
        raise SnapshotMismatch(f"snapshot version {snapshot.version}, expected one of {sorted(READABLE)}")
    shard = make()
    reason = _unfit(shard, snapshot)
    if reason is None and snapshot.config_hash == shard.plan.state_hash:
        load_state(shard, snapshot, steady_s)
        series = len(shard.series)
        return shard, Migration(series, series)
    if reason is None:
        try:
            load_state(shard, snapshot, steady_s, migrate=True)
        except SnapshotMismatch as error:
            shard, reason = make(), str(error)
        else:
            return shard, _of_series(shard, snapshot)
    _load_without_series(shard, snapshot, steady_s)
    return shard, Migration(_series_in(snapshot), 0, reason=reason)


def _unfit(shard: ShardState, snapshot: Snapshot) -> str | None:
    """Why no series can be kept."""
    with reading(snapshot):
        for source, seen in snapshot.meta["event_time"].items():
            if source not in shard.plan.sources and seen["highest_s"] is not None:
                # Its series would be taken for silent.
                return f"records of {source}, expected only inputs that are still read"
        if snapshot.config_hash == shard.plan.state_hash:
            return None
        if "learned" not in snapshot.meta:
            return f"snapshot version {snapshot.version} of another configuration"
        if snapshot.meta["learned"]["tables"] != tables_hash(shard.plan):
            return "windows or scopes are cut otherwise"
    return None


def _of_series(shard: ShardState, snapshot: Snapshot) -> Migration:
    rows = shard.series.active()
    keep = kept(shard, rows, part_of(snapshot, "learned"), snapshot.meta["learned"])
    parts = snapshot.meta["learned"]["parts"]
    count = int(min((mask.sum() for mask in keep.values()), default=0))
    return Migration(len(rows), count, tuple(sorted(parts.keys() - keep.keys())))


def _load_without_series(shard: ShardState, snapshot: Snapshot, steady_s: float) -> None:
    load_decided(shard, snapshot, steady_s)
    with reading(snapshot):
        shard.planned.restore({}, {**snapshot.meta["planned"], "taken": []})
        closed_s = snapshot.meta["windows"]["closed_s"]
        if closed_s is not None:
            shard.windower.closed_s = float(closed_s)


def _series_in(snapshot: Snapshot) -> int:
    return len(snapshot.arrays["series.metric_of"]) - len(snapshot.arrays["series.free"])
