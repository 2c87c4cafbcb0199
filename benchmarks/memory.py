"""What a series costs in memory and in a snapshot, whole state, when every ring is full.

`python -m benchmarks.memory [--json FILE]`. A process of its own runs one shard over the wide fleet until each series
has seen more windows than its rings hold. Counted is how much its resident memory grew from the empty shard on, all of
it: tables grown ahead of need, scopes, Python's own objects. Records are made and dropped batch by batch; a first
shard is run and dropped first, so that libraries and allocators have their memory already.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import orjson
import psutil
from rich.table import Table

from benchmarks.broker.load import WIDE, Fleet, records
from benchmarks.broker.rig import console
from config import load
from streams.pipeline import Shard
from streams.planning import plan_of
from streams.replay.record_clock import RecordClock
from streams.replay.replay import SOURCE, ReplayRecord
from streams.shard.plan import Plan
from streams.state.snapshots import encode

BATCH = 2000
RATE_PER_S = 5000.0
START_S = 1.8e9
BAR_BYTES, AIM_BYTES = 8192.0, 2048.0


def feed(shard: Shard, fleet: Fleet, count: int, seed: int) -> None:
    """Run so many records through a shard."""
    clock = RecordClock(shard)
    made = (ReplayRecord(offset, value) for offset, (_, value) in enumerate(
        records(fleet, count, RATE_PER_S, START_S, seed),
    ))
    while batch := list(islice(made, BATCH)):
        clock.ingest(SOURCE, batch)


def resident() -> int:
    """Bytes of this process in memory, after what is free was given back where the platform can."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    return int(psutil.Process().memory_info().rss)


def plan_for_replay() -> Plan:
    """The shipped configuration with the one source of a replay."""
    plan = plan_of(load(None, {}))
    limits = replace(plan.validation_limits, max_future_s=float("inf"))
    return replace(plan, sources={SOURCE: True}, validation_limits=limits)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return 1 where the bar is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks.memory", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="200 s of event time; rings hold 128 windows")
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    plan = plan_for_replay()
    feed(Shard(plan), replace(WIDE, services=1), 20_000, options.seed)
    before = resident()
    shard = Shard(plan)
    feed(shard, WIDE, options.records, options.seed)
    grown = resident() - before
    snapshot = shard.snapshot()
    arrays = sum(array.nbytes for array in snapshot.arrays.values())
    series = len(shard.series)
    figures = {
        "series": series, "resident_bytes": grown / series, "snapshot_array_bytes": arrays / series,
        "snapshot_wire_bytes": len(encode(snapshot)) / series,
    }
    table = Table(title=f"bytes a series, {series:,} series after {options.records:,} records", title_justify="left")
    table.add_column("what")
    table.add_column("bytes a series", justify="right")
    table.add_row("resident memory, whole state", f"{figures['resident_bytes']:,.0f}")
    table.add_row("snapshot, arrays", f"{figures['snapshot_array_bytes']:,.0f}")
    table.add_row("snapshot, as stored", f"{figures['snapshot_wire_bytes']:,.0f}")
    largest = sorted(snapshot.arrays.items(), key=lambda item: -item[1].nbytes)[:5]
    for name, array in largest:
        table.add_row(f"  of it {name}", f"{array.nbytes / series:,.0f}")
    console.print(table, f"bar {BAR_BYTES:,.0f}, aim {AIM_BYTES:,.0f}")
    if options.json is not None:
        options.json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    return 0 if figures["resident_bytes"] <= BAR_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
