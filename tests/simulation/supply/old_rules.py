"""A worker by the rules before ticks: silence by the wall clock without sight, plain producers. It must be found out.

Its shard gets ticks like any other, but they are in no log. They close windows up to the newest record less a fixed
lateness, and, once a source is at its end by the last known answer and was silent for 3 s of the wall clock, further
with the wall clock. Nothing asks for the lease. What is written goes to the log whoever owns the shard. An incident of
a state that was lost is nobody's. The position of an intent is committed when it is read, before it is executed.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from math import floor, inf

from actions.model import Intent
from streams.contracts.ticks import Tick
from streams.pipeline import Products
from streams.state.snapshots import encode
from tests.simulation.supply.broker import Written
from tests.simulation.supply.log import ACTIONS, DEAD, INCIDENTS, STATE, TICKS, Published, Stored
from tests.simulation.supply.owner import STORE_EVERY_S, Answer, Moment, Owner
from tests.simulation.supply.worker import Running, Worker
from tests.simulation.supply.world import World

LATENESS_S = 0.5
IDLE_AFTER_S = 3.0


class OldOwner(Owner):
    """Nothing is fenced, and nothing is repeated."""

    def begin(self, moment: Moment) -> None:
        self.arrived_wall_s: dict[str, float] = {}
        self.highest_s = dict.fromkeys(self.shard.plan.sources, -inf)
        self.unsent: list[Written] = []
        self.shard.apply_tick(Tick(1, moment.wall_s, {}))

    def receive(self, topic: str, answer: Answer, moment: Moment) -> None:
        sight = self.sights[topic]
        sight.end, sight.position = answer.end, answer.position
        if not answer.records:
            return
        products = self.feed.add(topic, answer.records)
        assert products is not None
        self._count(products, moment)
        self._publish(products)
        if topic in self.highest_s:
            self.arrived_wall_s[topic] = moment.wall_s
            if products.times is not None:
                self.highest_s[topic] = max(self.highest_s[topic], products.times.newest_s)

    def tick_if_due(self, moment: Moment) -> None:
        """Also called where the broker does not answer: nobody asks."""
        idle = {
            source for source, sight in self.sights.items() if source in self.highest_s and sight.position >= sight.end
            and moment.wall_s - self.arrived_wall_s.setdefault(source, moment.wall_s) >= IDLE_AFTER_S
        }
        busy = [highest_s for source, highest_s in self.highest_s.items() if source not in idle]
        until_s = (min(busy) if busy else max(self.highest_s.values())) - LATENESS_S
        if not busy:
            until_s += max(0.0, moment.wall_s - max(self.arrived_wall_s.values()))
        if until_s == -inf:
            return
        until_s = float(floor(until_s))
        if until_s > self.shard.windower.closed_s or self.shard.has_outcomes:
            products = self.shard.apply_tick(Tick(1, moment.wall_s, dict(self.shard.offsets), until_s))
            self._count(products, moment)
            self._publish(products)
        if moment.reachable:
            self._broker.append(self.unsent)
            self.unsent.clear()
            if moment.at_s - self._stored_s >= STORE_EVERY_S:
                self._store(moment)

    def settle(self, moment: Moment) -> None:
        if moment.reachable:
            self._broker.append(self.unsent)
            self._store(moment)

    def _publish(self, products: Products) -> None:
        number = self.number
        self.unsent += [
            Written(DEAD, number, (products.source, number, dead.record.offset)) for dead in products.dead
        ]
        self.unsent += [Written(INCIDENTS, number, Published(number, change)) for change in products.transitions]
        self.unsent += [Written(ACTIONS, self._of(each.target), (number, each)) for each in products.intents]

    def _store(self, moment: Moment) -> None:
        snapshot = self.shard.snapshot(moment.steady_s)
        snapshot = replace(snapshot, offsets={**snapshot.offsets, TICKS: 0})
        self._broker.append([Written(STATE, self.number, Stored(encode(snapshot), self.lineage.copy()))])
        self._stored_s = moment.at_s
        for topic in self.sights:
            if topic in snapshot.offsets:
                self._broker.committed[topic, self.number] = snapshot.offsets[topic]


@dataclass(slots=True)
class OldWorker(Worker):
    """Asks for no lease. read: an intent that was read and not executed yet, by partition."""

    read: dict[int, tuple[int, int, Intent]] = field(default_factory=dict)

    def moment(self, at_s: float) -> Moment:
        moment = Worker.moment(self, at_s)
        moment.holds_lease = True
        return moment

    def drive(self, owner: Owner, moment: Moment) -> None:
        for topic, answer in list(owner.inflight.items()):
            del owner.inflight[topic]
            owner.receive(topic, answer, moment)
        owner.tick_if_due(moment)

    def take_over(self, shard: int, moment: Moment) -> None:
        Worker.take_over(self, shard, moment)
        owner = OldOwner(self.broker, self.plan, shard, moment)
        owner.begin(moment)
        self.owners[shard] = owner
        self.read.pop(shard, None)

    def claim_next(self, number: int, moment: Moment) -> None:
        known = self.read.pop(number, None)
        if known is not None:
            offset, shard, intent = known
            self.running[number] = Running(offset, shard, self.run(number, shard, intent, moment), moment.at_s)
            return
        found, _ = self.broker.partition(ACTIONS, number).read(self.positions[number], 1)
        if found:
            (offset, value), = found
            assert isinstance(value, tuple)
            self.read[number] = (offset, *value)
            self.positions[number] = self.broker.committed[ACTIONS, number] = offset + 1


def old_worker(world: World, number: int) -> Worker:
    return OldWorker(
        number, world.broker, world.plan, world.gateway, random.Random(f"{world.script.seed}/{number}"),
        boot_s=1000.0 * number,
    )
