"""One owned shard, as `streams.worker.shard_owner` drives it: real feed, policy and shard over the simulated log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from classifiers.directives import Directive
from classifiers.model import Incident
from streams.contracts.ticks import Tick, encode_tick
from streams.ownership.feed import ShardFeed
from streams.ownership.outage import Contact
from streams.ownership.tick_policy import Pending, SupplyView, TickPolicy
from streams.pipeline import Products, Shard
from streams.shard.plan import Plan
from streams.shard.snapshot import Snapshot
from streams.state.snapshots import decode, encode
from tests.simulation.supply.broker import Broker, Written
from tests.simulation.supply.log import (
    ACTIONS,
    DEAD,
    INCIDENTS,
    OUTCOMES,
    STATE,
    TICKS,
    Lineage,
    LoggedTick,
    Published,
    Stored,
    check_repeated,
    published_of,
    valid_logged,
)
from tests.streams.records import FakeRecord

RECENT_S = 1.0
"""A fetch proves what it proves for this long after it was sent; see `streams.kafka.sight`."""
STORE_EVERY_S = 5.0


@dataclass(slots=True)
class Answer:
    """The answer to a fetch. sent_s: steady clock."""

    sent_s: float
    records: list[FakeRecord]
    position: int
    end: int


@dataclass(slots=True)
class Sight:
    """What is known of one partition."""

    position: int
    answered_s: float = -1e9
    delivered_s: float = -1e9
    end: int = 0

    def sees(self, steady_s: float) -> bool:
        return steady_s - max(self.answered_s, self.delivered_s) < RECENT_S

    def at_end(self, steady_s: float) -> bool:
        return steady_s - self.answered_s < RECENT_S and self.position >= self.end


@dataclass(slots=True)
class Moment:
    """One step of a worker. at_s: the true time; steady_s, wall_s: its clocks. commits: transactions are answered.
    contact: what the worker knows of the broker."""

    at_s: float
    steady_s: float
    wall_s: float
    reachable: bool
    holds_lease: bool
    commits: bool
    contact: Contact


@dataclass(frozen=True, slots=True)
class Transaction:
    """A tick that was applied, what is to be written with it, and the state right after it where it is wanted."""

    tick: Tick
    writes: list[Written]
    state: tuple[Snapshot, Lineage] | None
    begun_s: float


class Owner:
    """The owner of one shard. Raises what the broker raises; it is not usable afterwards."""

    def __init__(self, broker: Broker, plan: Plan, number: int, moment: Moment) -> None:
        self.number = number
        self._broker = broker
        self._epoch = broker.start_producer(number)
        shard, self.lineage, self.is_new = self._load(plan, moment)
        logged, _ = broker.partition(TICKS, number).read(shard.offsets.pop(TICKS, 0), 10**9)
        ticks, generation, published = valid_logged(logged, shard.generation)
        if self.is_new:
            ticks, published = [], []
        self._to_repeat = published
        self._repeated: list[object] = []
        self._has_repeated = False
        self.feed = ShardFeed(shard, OUTCOMES, ticks)
        self.policy = TickPolicy(generation + 1, moment.steady_s)
        self.shard = shard
        begins = self.lineage.begins
        self.sights = {
            topic: Sight(shard.offsets.get(topic, begins[topic])) for topic in (*plan.sources, OUTCOMES)
        }
        self.inflight: dict[str, Answer] = {}
        self.blocked: Transaction | None = None
        self._unpublished: list[Products] = []
        self._directives: dict[str, Directive] = {}
        self._incidents: dict[str, Incident] = {}
        self._lost: dict[str, Incident] = {}
        self.is_opened = False
        self.is_reconciled = False
        self._stored_s = -1e9
        self._wants_state = True

    def _load(self, plan: Plan, moment: Moment) -> tuple[Shard, Lineage, bool]:
        stored, _ = self._broker.partition(STATE, self.number).read(0, 10**9)
        begins = {
            topic: self._broker.committed.get((topic, self.number), 0) for topic in (*plan.sources, OUTCOMES)
        }
        if not stored:
            return Shard(plan, number=self.number), Lineage(moment.at_s, begins), True
        found = stored[-1][1]
        assert isinstance(found, Stored)
        snapshot, steady_s = decode(found.value), moment.steady_s
        if snapshot.config_hash != plan.state_hash:  # stands for a version that cannot be read
            shard = Shard.relearning(plan, snapshot, number=self.number)
            return shard, Lineage(moment.at_s, begins), True
        shard = Shard.restored(plan, snapshot, number=self.number, steady_s=steady_s)
        return shard, found.lineage.copy(), False

    def add_directives(self, directives: Collection[Directive]) -> None:
        self._directives.update((each.id, each) for each in directives)

    def add_incidents(self, incidents: Sequence[Incident]) -> None:
        self._incidents.update((each.id, each) for each in incidents)

    def add_lost(self, incidents: Sequence[Incident]) -> None:
        self._lost.update((each.id, each) for each in incidents)

    def receive(self, topic: str, answer: Answer, moment: Moment) -> None:
        """The answer to a fetch arrives now, however long ago it was sent."""
        sight = self.sights[topic]
        sight.answered_s, sight.end, sight.position = answer.sent_s, answer.end, answer.position
        if not answer.records:
            return
        sight.delivered_s = moment.steady_s
        products = self.feed.add(topic, answer.records, must_wait=not self.is_opened)
        if products is None:
            self._repeat(moment)
        else:
            self._count(products, moment)
            self._unpublished.append(products)
            self.policy.learn(self.shard, products, moment.steady_s, moment.wall_s, repeated=False)

    def observe(self, moment: Moment) -> SupplyView:
        """To be called at each step, also while a transaction is under way."""
        view = self._view(moment)
        self.policy.observe(view, moment.steady_s)
        return view

    def tick_if_due(self, moment: Moment) -> None:
        """To be called at each step, unless a transaction is under way."""
        if self.feed.is_repeating:
            self._repeat(moment)
        view = self.observe(moment)
        if self.feed.is_repeating:
            return
        if not self.is_opened:
            if view.holds_lease:
                self.is_opened = True
                self._tick(self.policy.opening(self.shard, moment.steady_s, moment.wall_s), moment)
                self._repeat(moment)
            return
        tick = self.policy.due(self.shard, view, self._pending(), moment.steady_s, moment.wall_s)
        if tick is not None:
            self._tick(tick, moment)

    def settle(self, moment: Moment) -> None:
        """Before the shard is handed over."""
        if moment.holds_lease and moment.commits and self.blocked is None and not self.feed.is_repeating:
            self._wants_state = True
            self._tick(self.policy.opening(self.shard, moment.steady_s, moment.wall_s), moment)

    def unblock(self, moment: Moment) -> None:
        """Go on with a transaction that was under way when the broker went."""
        assert self.blocked is not None
        if moment.commits:
            self._commit(self.blocked, moment)
            self.observe(moment)
            self.blocked = None

    def _repeat(self, moment: Moment) -> None:
        for products in self.feed.repeat():
            self.policy.learn(self.shard, products, moment.steady_s, moment.wall_s, repeated=True)
            self._count(products, moment)
            self._repeated += published_of(products)
        if self.feed.is_repeating:
            return
        if not self._has_repeated:
            self._has_repeated = True
            check_repeated(self._repeated, self._to_repeat)
        if not self.is_opened:
            return
        for products in self.feed.take_waiting():
            self.policy.learn(self.shard, products, moment.steady_s, moment.wall_s, repeated=True)
            self._count(products, moment)
            self._unpublished.append(products)

    def _tick(self, tick: Tick, moment: Moment) -> None:
        products = self.shard.apply_tick(tick)
        writes = [Written(TICKS, self.number, LoggedTick(encode_tick(tick), published_of(products)))]
        for each in (*self._unpublished, products):
            writes += [
                Written(DEAD, self.number, (each.source, self.number, letter.record.offset)) for letter in each.dead
            ]
            writes += [Written(INCIDENTS, self.number, Published(self.number, change)) for change in each.transitions]
            writes += [Written(ACTIONS, self._of(intent.target), (self.number, intent)) for intent in each.intents]
        self._count(products, moment)
        self._unpublished.clear()
        wants_state = self._wants_state or moment.at_s - self._stored_s >= STORE_EVERY_S
        state = (self.shard.snapshot(moment.steady_s), self.lineage.copy()) if wants_state else None
        transaction = Transaction(tick, writes, state, moment.steady_s)
        if moment.commits:
            self._commit(transaction, moment)
        else:
            self.blocked = transaction

    def _commit(self, transaction: Transaction, moment: Moment) -> None:
        offset, *_ = self._broker.transact(self.number, self._epoch, transaction.writes)
        for incident in transaction.tick.incidents:
            if self._incidents.get(incident.id) is incident:
                del self._incidents[incident.id]
        for incident in transaction.tick.lost:
            self._lost.pop(incident.id, None)
        if transaction.state is not None:
            self._store_after(offset, *transaction.state, moment)

    def _store_after(self, tick_offset: int, snapshot: Snapshot, lineage: Lineage, moment: Moment) -> None:
        snapshot = replace(snapshot, offsets={**snapshot.offsets, TICKS: tick_offset + 1})
        stored = Stored(encode(snapshot), lineage)
        self._broker.transact(self.number, self._epoch, [Written(STATE, self.number, stored)])
        self._stored_s, self._wants_state = moment.at_s, False
        for topic in self.sights:
            if topic in snapshot.offsets:
                self._broker.committed[topic, self.number] = snapshot.offsets[topic]

    def _of(self, target: str) -> int:
        return sum(target.encode()) % self._broker.shards

    def _pending(self) -> Pending:
        for name in [name for name, each in self._directives.items() if self.shard.directives.knows(each)]:
            del self._directives[name]
        for name in [name for name in self._lost if self.shard.triage.knows(name)]:
            del self._lost[name]
        return Pending(
            tuple(self._directives.values()), tuple(self._incidents.values()), tuple(self._lost.values()),
        )

    def _view(self, moment: Moment) -> SupplyView:
        sources, steady_s = self.shard.plan.sources, moment.steady_s
        return SupplyView(
            moment.holds_lease, all(self.sights[source].sees(steady_s) for source in sources),
            frozenset(source for source in sources if self.sights[source].at_end(steady_s)),
            0.0 if self.blocked is None else steady_s - self.blocked.begun_s, moment.contact,
        )

    def _count(self, products: Products, moment: Moment) -> None:
        counts = self.lineage.counts
        counts["accepted"] += products.accepted
        counts["late"] += products.late
        counts["dead"] += len(products.dead)
        if products.late:
            self.lineage.late_s.extend([moment.at_s] * products.late)
