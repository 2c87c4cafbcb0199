"""One owned shard: records go in, ticks are decided and written, and what follows from a tick goes out with it.

A tick and its products are one transaction of the shard's own producer, where the broker can fence. So what a tick
leads to is visible exactly when the tick is, and after a take-over nothing of the former owner comes through. A tick is
applied in one step and then written. Records that arrive while the broker is waited for count for the next tick, so
that a broker that hangs does not keep the records of other shards waiting. Crash: the next owner repeats the committed
ticks and publishes nothing of them again. With a producer that cannot fence, it publishes them again, under the same
ids.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from classifiers.directives import Directive
from classifiers.model import Incident
from classifiers.series_windows import SourceCadence
from classifiers.viewing_by_hand import Watch
from config.models import TopicsSection
from streams.contracts.envelopes import Message
from streams.contracts.ticks import Tick, encode_tick
from streams.intake.kafka_record import KafkaRecord
from streams.kafka.broker_contact import BrokerContact
from streams.kafka.output import TransactionOutput
from streams.kafka.transactions import ShardProducer, TransactionFailed
from streams.ownership.feed import NONE_REFUSED, Refused, ShardFeed
from streams.ownership.outage import Contact
from streams.ownership.tick_policy import Pending, SupplyView, TickPolicy
from streams.pipeline import Products, Shard
from streams.reload.migration_log import log_migration
from streams.shard.event_time import Cadence
from streams.shard.plan import Plan
from streams.shard.snapshot import Snapshot
from streams.transport.batches import TP
from streams.worker.effects import Clocks
from streams.worker.product_writer import ProductWriter
from streams.worker.shard_reporter import ShardReporter

MAX_INCIDENTS_PER_TICK = 50
MAX_DIRECTIVES_PER_TICK = 500
"""A tick is one record of the log, and a broker takes at most 1 MiB as shipped. The others come with the next ticks."""


class Supply(Protocol):
    """What the transport knows of group and partitions; see `streams.kafka.sight`."""

    def holds_lease(self) -> bool: ...

    def sees(self, tp: TP) -> bool: ...

    def at_end(self, tp: TP, processed: int) -> bool: ...

    def contact(self) -> BrokerContact: ...


@dataclass(frozen=True, slots=True)
class StoredState:
    """A snapshot to be stored. changes: of the shard then."""

    snapshot: Snapshot
    changes: int


class ShardOwner:
    """The owner of one shard. What changes the shard does not wait for the broker; one transaction runs at a time.

    sources: those that have a partition of this number; the others have nothing to read.
    """

    def __init__(
        self, number: int, feed: ShardFeed, policy: TickPolicy, producer: ShardProducer, writer: ProductWriter,
        supply: Supply, clocks: Clocks, topics: TopicsSection, sources: frozenset[str],
    ) -> None:
        self.number = number
        self.shard: Shard = feed.shard
        self._transaction_lock = asyncio.Lock()
        self._writing_since_s: float | None = None
        self._feed = feed
        self._policy = policy
        self._producer = producer
        self._writer = writer
        self._supply = supply
        self._clocks = clocks
        self._reporter = ShardReporter(number, writer.worker, clocks)
        self._topics = topics
        self._sources = sources & feed.shard.plan.sources.keys()
        self._missing = frozenset(feed.shard.plan.sources.keys() - self._sources)
        self._plan = feed.shard.plan
        self._unpublished: list[Products] = []
        self._directives: dict[str, Directive] = {}
        self._incidents: dict[str, Incident] = {}
        self._lost: dict[str, Incident] = {}
        self._is_opened = False
        self._wants_state = False
        self._state: StoredState | None = None

    @property
    def is_repeating(self) -> bool:
        """Whether the ticks of earlier owners are still being repeated."""
        return self._feed.is_repeating

    @property
    def is_opened(self) -> bool:
        """Whether the first tick of this owner has said what time it is."""
        return self._is_opened

    def blind_for_s(self) -> float:
        """For how long nothing could be concluded from what does not arrive; 0 while the owner sees."""
        return self._policy.blind_for_s(self._clocks.steady_s())

    def observe(self) -> SupplyView:
        """To be called often, also while a transaction is under way: what the owner knows of its supply now."""
        view = self._view()
        self._policy.observe(view, self._clocks.steady_s())
        return view

    def cadence(self, source: str) -> Cadence:
        """How a source is expected to deliver."""
        return self.shard.event_time.cadence(source, self._clocks.steady_s())

    def reconfigure(self, plan: Plan) -> None:
        """Work by another plan from the next tick on, which says so in the log."""
        self._plan = plan

    def note_removed(self, topic: str, first: int) -> None:
        """Retention deleted the records of a topic below an offset: nothing waits for them."""
        self._feed.begin_at(topic, first)

    def note_recreated(self, topic: str) -> None:
        """The topic is another one of the same name: what was read of the old one is gone."""
        self.shard.offsets.pop(topic, None)
        self._feed.begin_at(topic, sys.maxsize)

    def add_directives(self, directives: Collection[Directive]) -> None:
        """Directives for the next tick; those that the shard knows are ignored."""
        self._directives.update((each.id, each) for each in directives)

    def watch(self, asked: Collection[Watch]) -> None:
        """Series that people ask to see. No tick has them, since nothing is decided by them."""
        for one in asked:
            self.shard.report.watch(one)

    def add_incidents(self, incidents: Sequence[Incident]) -> None:
        """Incidents of other shards for the next tick; only the latest state of each counts."""
        self._incidents.update((each.id, each) for each in incidents)

    def add_lost(self, incidents: Sequence[Incident]) -> None:
        """Incidents that this shard published, for the next tick to resolve if the shard does not know them."""
        self._lost.update((each.id, each) for each in incidents)

    def process(
        self, topic: str, records: Sequence[KafkaRecord], refused: Refused = NONE_REFUSED,
    ) -> Products | None:
        """Records of one topic, for the next tick. refused: outcomes among them that do not count.

        None while they wait for a tick to be repeated, or for the first one of this owner: a record is compared with
        the time of the tick before it, and that of an earlier owner may be long ago.
        """
        products = self._feed.add(topic, records, must_wait=not self._is_opened, refused=refused)
        if products is None:
            self._repeat()
        else:
            self._take(products, repeated=False)
        return products

    async def tick_if_due(self) -> None:
        """To be called often. Raises what the producer raises; the shard is not usable afterwards."""
        async with self._transaction_lock:
            if self._feed.is_repeating:
                self._repeat()
            await self._tick_if_due()

    async def settle(self) -> None:
        """Before the shard is handed over: a tick that contains all records so far, and the state right after it."""
        async with self._transaction_lock:
            if not self._feed.is_repeating and self._supply.holds_lease():
                self._wants_state = True
                await self._tick(self._opening(self._clocks.steady_s()))

    async def close(self) -> None:
        """Give up the shard; what was not committed is dropped."""
        await self._producer.stop()

    def take_state(self) -> StoredState | None:
        """The state right after the first tick since this was called last, or a newer one; None until there was one.

        Only then the state is that of the ticks in the log, and no record has come after them.
        """
        state, self._state, self._wants_state = self._state, None, self._state is None
        return state

    def _repeat(self) -> None:
        """Ticks of earlier owners; what came of them is published already, unless nobody could be sure of that."""
        repeated = self._feed.repeat()
        for products in repeated:
            self._policy.learn(self.shard, products, self._clocks.steady_s(), self._clocks.now_s(), repeated=True)
            self._count(products)
        if not self._producer.fences:
            self._unpublished += repeated
        if not self._is_opened:
            return
        for products in self._feed.take_waiting():
            self._take(products, repeated=True)

    def _take(self, products: Products, repeated: bool) -> None:
        """What came of records, for the next tick to publish."""
        self._policy.learn(self.shard, products, self._clocks.steady_s(), self._clocks.now_s(), repeated)
        self._count(products)
        self._unpublished.append(products)

    async def _tick_if_due(self) -> None:
        steady_s, view = self._clocks.steady_s(), self.observe()
        if self._feed.is_repeating:
            return
        if not self._is_opened:
            if view.holds_lease:
                self._is_opened = True
                await self._tick(self._reconfiguring(self._opening(steady_s)))
                self._repeat()
            return
        tick = self._policy.due(self.shard, view, self._pending(), steady_s, self._clocks.now_s())
        if tick is None and self._changes_plan and view.holds_lease:
            tick = self._opening(steady_s)
        if tick is not None:
            await self._tick(self._reconfiguring(tick))

    def _opening(self, steady_s: float) -> Tick:
        return self._policy.opening(self.shard, steady_s, self._clocks.now_s())

    @property
    def _changes_plan(self) -> bool:
        return self._plan.written not in ("", self.shard.plan.written)

    def _reconfiguring(self, tick: Tick) -> Tick:
        """The tick, with the configuration where the shard works by another one so far."""
        if not self._changes_plan:
            return tick
        return replace(tick, configuration=self._plan.written, config_hash=self._plan.config_hash)

    async def _tick(self, tick: Tick) -> None:
        """Apply a tick, then write it and what follows from it; raises when that is not certain to be published.

        No record may come in between the decision for a tick and its application, so nothing is awaited before it.
        """
        if self._writing_since_s is not None:
            raise TransactionFailed("the transaction before did not end, and what it held cannot be written any more")
        products = self.shard.apply_tick(tick)
        products.service_series = [replace(one, sources=self._cadences()) for one in products.service_series]
        if tick.configuration is not None:
            log_migration("shard_reconfigured", self.shard)
        unpublished, self._unpublished = [*self._unpublished, products], []
        state = self._take_snapshot() if self._wants_state else None
        self._writing_since_s = self._clocks.mono_s()
        offset = await self._write(tick, unpublished)
        self.observe()  # also where nobody did while it hung
        self._writing_since_s = None
        self._count(products)
        if state is not None:
            offsets = {**state.snapshot.offsets, self._topics.ticks: offset + 1}
            self._state = replace(state, snapshot=replace(state.snapshot, offsets=offsets))
        for incident in tick.incidents:
            if self._incidents.get(incident.id) is incident:
                del self._incidents[incident.id]
        for incident in tick.lost:  # else it is resolved and undone again by each tick
            self._lost.pop(incident.id, None)

    async def _write(self, tick: Tick, unpublished: Sequence[Products]) -> int:
        """One transaction; returns the offset of the tick."""
        async with self._producer.transaction() as transaction:
            output = TransactionOutput(transaction)
            written = await transaction.send(self._topics.ticks, Message(None, encode_tick(tick), (), self.number))
            for each in unpublished:
                await self._writer.write(output, self.number, each)
            report = self._reporter.due(self.shard, self.blind_for_s())
            if report is not None:
                await self._writer.write_report(output, report)
        output.committed()
        return int(written.result().offset)

    def _count(self, products: Products) -> None:
        self._writer.count(products)
        self._reporter.count(products)

    def _cadences(self) -> tuple[SourceCadence, ...]:
        """How the sources are expected to deliver now: an estimate of this owner, which no tick repeats."""
        known = {source: self.cadence(source) for source in sorted(self._sources)}
        return tuple(SourceCadence(source, one.delay_s, one.lateness_s) for source, one in known.items())

    def _take_snapshot(self) -> StoredState:
        """The state right after a tick, of which the offset is not known yet."""
        self._wants_state = False
        return StoredState(self.shard.snapshot(self._clocks.steady_s()), self.shard.changes)

    def _pending(self) -> Pending:
        for name in [name for name, each in self._directives.items() if self.shard.directives.knows(each)]:
            del self._directives[name]
        for name in [name for name in self._lost if self.shard.triage.knows(name)]:
            del self._lost[name]
        return Pending(
            tuple(self._directives.values())[:MAX_DIRECTIVES_PER_TICK],
            tuple(self._incidents.values())[:MAX_INCIDENTS_PER_TICK],
            tuple(self._lost.values())[:MAX_INCIDENTS_PER_TICK],
            any(products.dead or products.audit for products in self._unpublished),
        )

    def _view(self) -> SupplyView:
        offsets, number, since_s = self.shard.offsets, self.number, self._writing_since_s
        contact = self._supply.contact()
        return SupplyView(
            holds_lease=self._supply.holds_lease(),
            sees=all(self._supply.sees(TP(source, number)) for source in self._sources),
            at_end=self._missing | {
                source for source in self._sources
                if self._supply.at_end(TP(source, number), offsets.get(source, 0))
            },
            transaction_s=0.0 if since_s is None else self._clocks.mono_s() - since_s,
            contact=Contact.of(contact.since_s, contact.gaps),
        )
