"""Feeds a shard in the order that its ticks prescribe: first those of earlier owners, then its own. Pure.

A tick names the offset up to which each topic was read before it. Who takes over a shard reads the ticks that were
written after its snapshot and gives the shard the same records before each of them, however they arrive now. Records
beyond a tick wait here until it is applied; they are as many as arrived since the snapshot.

Which outcomes do not count is decided once, by the owner for whose tick they came: the tick names their offsets. The
verdict of who repeats the tick has no influence, since keys change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from actions.model import Outcome
from classifiers.model import AuditEntry
from streams.contracts.envelopes import WireError, read_outcome
from streams.contracts.ticks import Tick
from streams.intake.dead_letters import DeadLetter
from streams.intake.kafka_record import KafkaRecord
from streams.pipeline import Products, Shard

Refused = Mapping[int, AuditEntry | None]
"""Offsets of outcomes that are not authentic, each with the entry for the audit, None where there is none."""
NONE_REFUSED: Refused = MappingProxyType({})


def valid_ticks(ticks: Iterable[Tick], generation: int) -> tuple[list[Tick], int]:
    """The ticks of a log that count, and the highest generation in it. generation: of the state before them.

    A tick of an older generation than one before it was written by a former owner after the take-over.
    """
    found: list[Tick] = []
    for tick in ticks:
        if tick.generation >= generation:
            generation = tick.generation
            found.append(tick)
    return found, generation


class ShardFeed:
    """One shard and the ticks that it has yet to repeat. outcomes_topic: read as outcomes, every other as metrics."""

    def __init__(self, shard: Shard, outcomes_topic: str, ticks: Iterable[Tick] = ()) -> None:
        self.shard = shard
        self._outcomes_topic = outcomes_topic
        self._ticks = deque(ticks)
        self._waiting: dict[str, deque[KafkaRecord]] = {}
        self._begins: dict[str, int] = {}
        self._refused: dict[int, AuditEntry | None] = {}
        self._extends_ignored = False

    @property
    def is_repeating(self) -> bool:
        """Whether ticks of earlier owners are still to be repeated."""
        return bool(self._ticks)

    def begin_at(self, topic: str, offset: int) -> None:
        """No record of a topic below this offset will come: retention deleted it."""
        self._begins[topic] = offset

    def repeat(self) -> list[Products]:
        """Repeat the ticks that can be repeated with what is here; what came of them is published already."""
        products: list[Products] = []
        while self._ticks:
            tick = self._ticks[0]
            for topic in list(self._waiting):
                products += self._consume_below(topic, tick)
            if not all(self._is_reached(topic, offset) for topic, offset in tick.offsets.items()):
                return products
            products.append(self.shard.apply_tick(self._ticks.popleft()))
        return products

    def take_waiting(self) -> list[Products]:
        """Once nothing is to be repeated: give the shard the records that waited."""
        if self._ticks:
            return []
        waiting, self._waiting = self._waiting, {}
        return [self._consume(topic, list(records)) for topic, records in waiting.items() if records]

    def add(
        self, topic: str, records: Sequence[KafkaRecord], must_wait: bool = False, refused: Refused = NONE_REFUSED,
    ) -> Products | None:
        """Records of a topic, in order of offset; None when they have to wait for a tick, as `must_wait` says too.

        refused: offsets of outcomes that do not count, if they are for a tick that is still to be written.
        """
        self._refused.update(refused)
        if not self._ticks and not self._waiting and not must_wait:
            return self._consume(topic, records)
        self._waiting.setdefault(topic, deque()).extend(records)
        return None

    def _is_reached(self, topic: str, offset: int) -> bool:
        waiting = self._waiting.get(topic)
        return (
            self.shard.offsets.get(topic, 0) >= offset or self._begins.get(topic, 0) >= offset
            or bool(waiting and waiting[0].offset >= offset)
        )

    def _consume_below(self, topic: str, tick: Tick) -> list[Products]:
        waiting, below, offset = self._waiting[topic], [], tick.offsets.get(topic, 0)
        while waiting and waiting[0].offset < offset:
            below.append(waiting.popleft())
        return [self._consume(topic, below, tick)] if below else []

    def _consume(self, topic: str, records: Sequence[KafkaRecord], repeated: Tick | None = None) -> Products:
        """repeated: the tick before which they were read; None where it is still to be written."""
        if topic not in self.shard.offsets:
            self.shard.begins[topic] = records[0].offset
        if topic != self._outcomes_topic:
            return self.shard.ingest(topic, records)
        known = self.shard.offsets.get(topic, 0)
        products, outcomes = Products(source=topic), list[Outcome]()
        for record in records:
            if record.offset < known:
                self._refused.pop(record.offset, None)
                continue
            if self._is_ignored(record.offset, repeated, products):
                continue
            try:
                outcomes.append(read_outcome(record.value))
            except WireError as error:
                products.dead.append(DeadLetter("invalid", str(error), 1, record))
        self.shard.add_outcomes(topic, outcomes, records[-1].offset + 1)
        return products

    def _is_ignored(self, offset: int, repeated: Tick | None, products: Products) -> bool:
        """Whether an outcome does not count. The tick that is still to be written will name it."""
        is_refused = offset in self._refused
        entry = self._refused.pop(offset, None)
        if repeated is not None:
            return repeated.ignores(offset)
        if is_refused:
            ignored = self.shard.ignored
            # A range goes on until an outcome counts, so a flood of forged outcomes makes no tick large.
            first = ignored.pop()[0] if ignored and self._extends_ignored else offset
            ignored.append((first, offset + 1))
            products.audit += [] if entry is None else [entry]
        self._extends_ignored = is_refused
        return is_refused
