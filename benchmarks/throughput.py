"""Kafka to decision on one worker core, against a bare consumer loop and a plain Faust agent with river detectors.

`python -m benchmarks.throughput [--smoke] [--json FILE]`. The same topics on a real Kafka are read by each consumer in
a process of its own, one after the other, round by round. The worker is `tocsin worker` with everything on, after it
has read the skipped records and closed their windows, so its detectors are warm. Then all other records become visible
at once. Its figure is the CPU time of the whole process until they are read and their windows closed, snapshots
included. Ratios are taken within a round; the median counts.

A plain agent gets fewer records: it needs a hundred microseconds for each.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import orjson
from rich.table import Table

from benchmarks.broker.load import NARROW, WIDE, Fleet, records
from benchmarks.broker.rig import (
    EMBEDDED_RECORDS,
    PARTITIONS,
    ROOT,
    Broker,
    WorkerProcess,
    WorkerSample,
    backlog,
    broker,
    console,
    fill,
    partition_of,
    unique,
)
from benchmarks.memory import plan_for_replay
from streams.pipeline import Shard, Stage
from streams.replay.record_clock import RecordClock
from streams.replay.replay import SOURCE, ReplayRecord

SAMPLE_EVERY_S = 1.0
PATIENCE_S = 180.0
OPEN_S = 2.0
"""The newest windows stay open: their size, and how far a record may lie behind the newest."""
PLAIN_SHARE = 0.1
"""Of the records; the plain agent is measured on so many."""
BAR_BARE, BAR_PLAIN = 0.30, 12.0
AIM_BARE, AIM_PLAIN = 0.60, 25.0
STAGES: Sequence[Stage] = ("decode", "window", "detect", "triage")
BATCH = 4000
"""Records in a batch of the pipeline alone; about what a backlog gives the worker."""
FLEETS: Mapping[str, Fleet] = {"narrow": NARROW, "wide": WIDE}


@dataclass(frozen=True, slots=True)
class Run:
    """What a consumer took for the measured records. stage_us: per record, of the worker only."""

    consumer: str
    records: int
    cpu_s: float
    wall_s: float
    stage_us: Mapping[str, float]

    @property
    def us(self) -> float:
        """CPU microseconds per record."""
        return 1e6 * self.cpu_s / self.records


@dataclass(frozen=True, slots=True)
class Result:
    """All rounds over one fleet. against_bare, against_plain: records per CPU second as ratios, median over rounds.
    pipeline_us: CPU by stage and record of the pipeline alone, without Kafka."""

    fleet: str
    series: int
    runs: Sequence[Run]
    against_bare: float
    against_plain: float
    pipeline_us: Mapping[str, float]

    def us(self, consumer: str) -> list[float]:
        return sorted(run.us for run in self.runs if run.consumer == consumer)


def baseline(kind: str, address: str, topic: str, skipped: int, total: int) -> Run:
    """Run one of the two to its end in its own process; raises CalledProcessError when it fails."""
    command = [sys.executable, "-m", "benchmarks.broker.baselines", kind, address, topic, str(skipped), str(total)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=PATIENCE_S)
    figures = orjson.loads(done.stdout[done.stdout.index(b"{") :])  # Faust writes terminal codes before it
    return Run(kind, figures["records"], figures["cpu_s"], figures["wall_s"], {})


@dataclass(frozen=True, slots=True)
class Load:
    """The records of one round, as (key, value) in order of event time. skipped: how many of them nothing is measured
    of. rate: of event time, per second from `began_s` on."""

    made: Sequence[tuple[bytes, bytes]]
    skipped: int
    began_s: float
    rate: float

    def newest_s(self, count: int) -> Mapping[int, float]:
        """Event time of the newest of the first `count` records, by partition."""
        newest: dict[int, float] = {}
        for number in range(count - 1, -1, -1):
            newest.setdefault(partition_of(self.made[number][0]), self.began_s + number / self.rate)
            if len(newest) == PARTITIONS:
                break
        return newest


def tocsin(
    where: Broker, topic: str, load: Load, folder: Path, watched: AbstractContextManager[object] | None = None,
    **over: object,
) -> Run:
    """A fresh worker group over the skipped records, which the topic has, and then over the others.

    The producers stop at the end, which must not make the worker wait for them. The lateness is the least that
    `auto` gives: learned from a load that a cold broker took in bursts, it would keep more windows open. watched: in
    force while the others are read. over: further settings.
    """
    windows = {"idle_after": "1h", "lateness": "500ms"}
    with WorkerProcess(where.address, unique("tocsin"), topic, folder, windows=windows, **over) as worker:
        _until_decided(worker, load, load.skipped)
        with watched or nullcontext():
            with backlog(where, topic, load.made[load.skipped :]):
                first = _until_decided(worker, load, load.skipped)
            last = _until_decided(worker, load, len(load.made))
    count = last.records - first.records
    stage_us = {stage: 1e6 * (last.stage_s[stage] - first.stage_s[stage]) / count for stage in last.stage_s}
    return Run("tocsin", count, last.cpu_s - first.cpu_s, last.wall_s - first.wall_s, stage_us)


def _until_decided(worker: WorkerProcess, load: Load, count: int) -> WorkerSample:
    """Wait until the first `count` records are read and their windows closed; raises RuntimeError if it takes long."""
    newest_s = load.newest_s(count)
    deadline_s, now = time.monotonic() + PATIENCE_S, None
    while time.monotonic() < deadline_s:
        now = worker.sample()
        if now is not None and now.records >= count and all(
            now.decided_until_s.get(partition, 0.0) >= each_s - OPEN_S for partition, each_s in newest_s.items()
        ):
            return now
        time.sleep(SAMPLE_EVERY_S)
    raise RuntimeError(
        f"{count} records took the worker over {PATIENCE_S:g} s: expected windows closed up to {newest_s} "
        f"less {OPEN_S:g} s, last sample {now}; the end of its log:\n{worker.log_end()}"
    )


def pipeline(made: Iterable[tuple[bytes, bytes]], skipped: int) -> dict[str, float]:
    """CPU microseconds per record by stage, of the same records in batches through the shards alone.

    On a machine that others use too, the worker's own histograms count also the time in which it did not run.
    """
    spent = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def timed(stage: Stage) -> Iterator[None]:
        start_s = time.thread_time()
        yield
        spent[stage] += time.thread_time() - start_s

    plan = plan_for_replay()
    clocks = [RecordClock(Shard(plan, timed)) for _ in range(PARTITIONS)]
    waiting: list[list[ReplayRecord]] = [[] for _ in clocks]
    done, before = 0, dict(spent)
    gc.disable()  # this process is no worker: what the collector costs there belongs to the rest
    for offset, (key, value) in enumerate(made):
        number = partition_of(key)
        waiting[number].append(ReplayRecord(offset, value))
        if len(waiting[number]) == BATCH:
            clocks[number].ingest(SOURCE, waiting[number])
            waiting[number] = []
            done += BATCH
            if done <= skipped:
                before = dict(spent)
    gc.enable()
    return {stage: 1e6 * (spent[stage] - before[stage]) / max(done - skipped, 1) for stage in STAGES}


def compare(where: Broker, fleet: str, options: argparse.Namespace, say: Callable[[str], None]) -> Result:
    """All rounds over one fleet, each with a topic of its own."""
    total, skipped = options.records, int(options.records * options.skip_share)
    few = int(total * PLAIN_SHARE)
    runs: list[Run] = []
    bare_ratios, plain_ratios = [], []
    for number in range(1, options.rounds + 1):
        say(f"{fleet}: round {number} of {options.rounds}: {total:,} records")
        topic, began_s = unique(f"bench-{fleet}"), time.time() - total / options.rate
        made = list(records(FLEETS[fleet], total, options.rate, began_s, options.seed))
        fill(where.address, topic, made[:skipped])
        with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
            worker = tocsin(where, topic, Load(made, skipped, began_s, options.rate), Path(folder))
            bare = baseline("bare", where.address, topic, skipped, total)
            plain = baseline("plain", where.address, topic, few // 5, few)
        runs += [bare, worker, plain]
        bare_ratios.append(bare.us / worker.us)
        plain_ratios.append(plain.us / worker.us)
    say(f"{fleet}: the pipeline alone")
    alone = pipeline(made, skipped)
    return Result(fleet, FLEETS[fleet].series, runs, median(bare_ratios), median(plain_ratios), alone)


def table_of(results: Sequence[Result], title: str) -> Table:
    """One line per consumer and fleet."""
    table = Table(title=title, title_justify="left")
    for name in ("fleet", "consumer", "CPU us a record (min - max)", "records/s a core", "of bare", "times plain"):
        table.add_column(name, justify="left" if name in ("fleet", "consumer") else "right")
    for result in results:
        for consumer in ("bare", "plain", "tocsin"):
            us = result.us(consumer)
            own = consumer == "tocsin"
            table.add_row(
                f"{result.fleet} ({result.series:,} series)" if consumer == "bare" else "", consumer,
                f"{median(us):.2f} ({us[0]:.2f} - {us[-1]:.2f})", f"{1e6 / median(us):,.0f}",
                f"{result.against_bare:.2f}" if own else "", f"{result.against_plain:.1f}x" if own else "",
            )
        table.add_section()
    return table


def stages_of(results: Sequence[Result]) -> Table:
    """Where the worker's time goes: by its own histograms, and the CPU's of the pipeline alone with what is left.

    Publish and snapshot mostly await the broker, so they have no line in CPU time.
    """
    table = Table(title="where the worker's time goes, us a record", title_justify="left")
    for name in ("fleet", "clock", *STAGES, "rest (Kafka, loop, gc)", "publish", "snapshot"):
        table.add_column(name, justify="left" if name in ("fleet", "clock") else "right")
    for result in results:
        runs = [run for run in result.runs if run.consumer == "tocsin"]
        wall = {stage: median([run.stage_us.get(stage, 0.0) for run in runs]) for stage in runs[0].stage_us}
        shown = [f"{wall[stage]:.2f}" for stage in STAGES]
        awaited = [f"{wall[stage]:.2f}" for stage in ("publish", "snapshot")]
        table.add_row(result.fleet, "worker, wall", *shown, "", *awaited)
        rest = median(result.us("tocsin")) - sum(result.pipeline_us.values())
        alone = [f"{result.pipeline_us[stage]:.2f}" for stage in STAGES]
        table.add_row("", "alone, CPU", *alone, f"{rest:.2f}")
        table.add_section()
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and return 1 where a ratio lies under the floor."""
    parser = argparse.ArgumentParser(prog="benchmarks.throughput", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="one short round over the narrow fleet")
    parser.add_argument("--records", type=int, help="per fleet; 1000000, or 400000 with --smoke")
    parser.add_argument("--rounds", type=int, help="3, or 1 with --smoke")
    parser.add_argument("--rate", type=float, default=5000.0, help="records per second of event time")
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--fleets", nargs="+", choices=sorted(FLEETS), help="which fleets")
    parser.add_argument("--floor-share", type=float, default=0.5, help="fail below this share of the first bar")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args(arguments)
    options.skip_share = 0.5
    options.records = options.records or (400_000 if options.smoke else 1_000_000)
    options.rounds = options.rounds or (1 if options.smoke else 3)
    options.fleets = options.fleets or (["narrow"] if options.smoke else list(FLEETS))
    with broker() as where:
        if not where.real:
            options.records = min(options.records, EMBEDDED_RECORDS)
        say = console.log if console.is_terminal else lambda _: None
        results = [compare(where, fleet, options, say) for fleet in options.fleets]
    title = f"Kafka to decision, {options.records:,} records of 5 metrics, {options.rate:,.0f} a second of event time"
    console.print(table_of(results, title), stages_of(results))
    console.print(f"first bars {BAR_BARE} of bare and {BAR_PLAIN:g}x plain; aims {AIM_BARE} and {AIM_PLAIN:g}x")
    if options.json is not None:
        options.json.write_bytes(orjson.dumps([asdict(result) for result in results], option=orjson.OPT_INDENT_2))
    low = [
        result.fleet for result in results
        if result.against_bare < options.floor_share * BAR_BARE
        or result.against_plain < options.floor_share * BAR_PLAIN
    ]
    if low:
        console.print(f"[bold red]under {options.floor_share:g} of the first bar[/]: {', '.join(low)}")
    return 1 if low and where.real else 0


if __name__ == "__main__":
    sys.exit(main())
