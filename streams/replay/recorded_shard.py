"""One shard of a recording of topics, with its ticks: what its owners did, once more.

A tick names the offset up to which each topic was read before it. So the same records and ticks give the same
incidents, silence included, through whichever owners the shard went (`streams/ownership/feed.py`). A replay begins with
an empty state. Where the state of the shard was lost and began empty again, the replay begins again too. A replay with
the configuration that the state began with follows each later change of it, as the ticks say. With any other
configuration it keeps to that one: it shows what would have been.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from actions.model import Outcome
from config.models import TopicsSection
from streams.contracts.envelopes import WireError, read_outcome
from streams.contracts.ticks import Tick, TickError, decode_tick
from streams.ownership.feed import ShardFeed, valid_ticks
from streams.pipeline import Products, Shard, Stopwatch, untimed
from streams.replay.recordings import RecordingError
from streams.replay.replay import ReplayRecord
from streams.replay.topic_recording import TopicRecording
from streams.shard.plan import Plan

BATCH = 500
TICK_EVERY = 2
"""Offsets from a tick to the next: the tick itself, and the marker of its transaction."""


@dataclass(frozen=True, slots=True)
class RecordedTopics:
    """What is replayed. topics: their names. allow_holes: offsets between two records may have none, as transactions of
    a producer and compaction leave them."""

    recording: TopicRecording
    topics: TopicsSection
    allow_holes: bool = False


class RecordedShard:
    """Replays one shard. After `run`: records that inputs gave, series at the end and those of them that are ready,
    outcomes by intent, notes."""

    def __init__(self, plan: Plan, number: int, recorded: RecordedTopics, stopwatch: Stopwatch = untimed) -> None:
        self.number = number
        self.records = self.series = self.ready = 0
        self.outcomes: dict[str, Outcome] = {}
        self.notes: list[str] = []
        self._plan = plan
        self._recorded = recorded
        self._stopwatch = stopwatch
        self._readers: dict[str, _PartitionReader] = {}
        self._gaps: list[int] = []

    def run(self) -> Iterator[tuple[float, Products]]:
        """What each step produced, and the owner's clock at its tick, in seconds since the epoch.

        Raises `RecordingError` for a tick that cannot be read, for one that names records which are not recorded, and
        when the first tick of a state is not recorded.
        """
        shard: Shard | None = None
        left_out, follows = 0, False
        configurations: set[str] = set()
        for place, tick in self._ticks():
            if tick.anew:
                shard, self._readers = Shard(self._plan, self._stopwatch, self.number), {}
                follows = tick.config_hash == self._plan.config_hash
            if shard is None:
                left_out += 1
                continue
            if not follows:
                tick = replace(tick, configuration=None)
            for products in self._repeat(shard, tick, place):
                yield tick.at_s, products
            if tick.config_hash is not None and tick.config_hash != shard.plan.config_hash:
                configurations.add(tick.config_hash)
        if shard is None:
            raise RecordingError(
                f"{self._recorded.recording.path}: {self._recorded.topics.ticks}[{self.number}]", None,
                "ticks that go on from an earlier state",
                "the first tick of that state before them: a replay begins with an empty state and not with a snapshot",
            )
        counts = shard.status().series
        self.series, self.ready = counts.total, counts.ready + counts.silent
        self._note(left_out, configurations)

    def _ticks(self) -> Iterator[tuple[str, Tick]]:
        """The ticks that count, each with its place."""
        recording, topic, generation = self._recorded.recording, self._recorded.topics.ticks, 0
        last: int | None = None
        for record in recording.read(topic, self.number):
            if last is not None and record.offset - last > TICK_EVERY:
                self._gaps.append(last + 1)
            last = record.offset
            place = f"{recording.path}: {topic}[{self.number}] offset {record.offset}"
            try:
                tick = decode_tick(record.value)
            except TickError as error:
                what = f"a record that is no tick ({error})"
                raise RecordingError(place, None, what, "a tick of this release") from None
            valid, generation = valid_ticks([tick], generation)
            yield from ((place, one) for one in valid)

    def _repeat(self, shard: Shard, tick: Tick, place: str) -> list[Products]:
        """One tick, after the records that were read before it."""
        feed = ShardFeed(shard, self._recorded.topics.outcomes, [tick])
        for topic, end in tick.offsets.items():
            reader = self._reader(topic, tick, place)
            while records := reader.read(end, place):
                self._count(topic, records, tick)
                feed.add(topic, records)
        return feed.repeat()

    def _reader(self, topic: str, tick: Tick, place: str) -> _PartitionReader:
        inputs = self._plan.sources
        if topic not in (*inputs, self._recorded.topics.outcomes):
            raise RecordingError(place, None, f"topic {topic}", f"an input of the configuration: {', '.join(inputs)}")
        is_first = topic in tick.begins
        if is_first == (topic in self._readers):
            raise RecordingError(
                place, None, f"{topic}[{self.number}] {'from its first record again' if is_first else 'in the middle'}",
                "one tick that names its first record, and each tick from there on; a topic that was deleted and "
                "created again cannot be replayed",
            )
        if is_first:
            self._readers[topic] = _PartitionReader(self._recorded, topic, self.number, tick.begins[topic])
        return self._readers[topic]

    def _count(self, topic: str, records: Sequence[ReplayRecord], tick: Tick) -> None:
        if topic != self._recorded.topics.outcomes:
            self.records += len(records)
            return
        for record in records:
            if tick.ignores(record.offset):
                continue
            with suppress(WireError):  # the feed makes it a dead letter
                outcome = read_outcome(record.value)
                self.outcomes[outcome.key] = outcome

    def _note(self, left_out: int, configurations: set[str]) -> None:
        if left_out:
            self.notes.append(
                f"shard {self.number}: the first {left_out} ticks are left out: their state began before the recording",
            )
        if self._gaps:
            self.notes.append(
                f"shard {self.number}: {len(self._gaps)} gaps between ticks, the first at offset {self._gaps[0]}: "
                "aborted transactions, or ticks that were not recorded",
            )
        mine = self._plan.config_hash
        others = sorted(configurations)
        if others:
            self.notes.append(
                f"shard {self.number}: the configuration of this replay is {mine}, live it was {', '.join(others)} for "
                "a time; the incidents may differ from those published",
            )


class _PartitionReader:
    """Reads one partition from its first record on, as ticks ask for it."""

    def __init__(self, recorded: RecordedTopics, topic: str, number: int, first: int) -> None:
        self._name = f"{topic}[{number}]"
        self._allow_holes = recorded.allow_holes
        self._records = recorded.recording.read(topic, number)
        self._next, self._is_begun = first, False
        self._head = next((record for record in self._records if record.offset >= first), None)

    def read(self, end: int, place: str) -> list[ReplayRecord]:
        """The next records below an offset, a bounded number; none when all were read.

        Raises `RecordingError` with the place of the tick when one is missing. The first and the last record before a
        tick are there even where holes are allowed, since the tick names them.
        """
        found: list[ReplayRecord] = []
        while len(found) < BATCH and self._next < end:
            if self._head is None or self._head.offset >= end or self._is_hole(self._head.offset):
                raise RecordingError(place, None, *self._missing(end))
            found.append(self._head)
            self._next, self._is_begun = self._head.offset + 1, True
            self._head = next(self._records, None)
        return found

    def _is_hole(self, offset: int) -> bool:
        return offset > self._next and not (self._is_begun and self._allow_holes)

    def _missing(self, end: int) -> tuple[str, str]:
        """What is missing, and what was expected."""
        if self._head is None:
            return (
                f"{self._name} without records from offset {self._next} on",
                f"those before offset {end}, which were read before this tick; record the ticks before other topics",
            )
        if not self._is_begun:
            return (
                f"{self._name} without records before offset {self._head.offset}",
                f"those from offset {self._next} on, where the state of the shard began",
            )
        return (
            f"{self._name} without records at offsets {self._next} to {min(self._head.offset, end) - 1}",
            "each record before this tick; --allow-holes where transactions or compaction left such offsets",
        )
