"""One simulated worker: its shards, its place in the group, and its executor. It can be killed, frozen and cut off."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from actions.model import Intent, Outcome, Status
from streams.contracts.envelopes import outcome_message
from streams.kafka.broker_contact import BrokerContact
from streams.ownership.outage import Contact
from streams.shard.plan import Plan
from tests.simulation.supply.broker import Broker, Claim, Fenced, Unavailable, Written
from tests.simulation.supply.log import ACTIONS, CONTROL, INCIDENTS, OUTCOMES, Published
from tests.simulation.supply.owner import Answer, Moment, Owner
from tests.simulation.supply.producers import T
from tests.streams.records import FakeRecord

LEASE_MARGIN_S = 1.0
FETCH_LIMIT = 400


@dataclass(slots=True)
class Gateway:
    """The target of actions. in_force: open breakers, with who opened them. calls: what changed, and when."""

    in_force: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[float, Intent]] = field(default_factory=list)
    failing: bool = False

    def call(self, at_s: float, intent: Intent) -> Status:
        if intent.kind == "notify":
            return "executed"
        if self.failing and not intent.undo:
            return "failed"
        self.calls.append((at_s, intent))
        if intent.undo:
            self.in_force.pop(intent.target, None)
        else:
            self.in_force[intent.target] = intent.key
        return "executed"


@dataclass(slots=True)
class Running:
    """An intent that was claimed, or that needs no claim. outcome: to be written once it is done."""

    offset: int
    shard: int
    outcome: Outcome
    done_s: float


@dataclass(slots=True)
class Worker:
    """A worker process on a machine of its own. boot_s: of its steady clock. wall_step_s: of its wall clock. hangs: its
    transactions are not answered, and all else is."""

    number: int
    broker: Broker
    plan: Plan
    gateway: Gateway
    rng: random.Random
    boot_s: float = 0.0
    wall_step_s: float = 0.0
    is_alive: bool = True
    frozen: bool = False
    is_cut_off: bool = False
    hangs: bool = False
    step_every_s: float = 0.0
    next_step_s: float = 0.0
    incarnation: int = 0
    generation: int = -1
    renewed_s: float = -1e9
    contact: BrokerContact = field(default_factory=BrokerContact)
    owners: dict[int, Owner] = field(default_factory=dict)
    positions: dict[int, int] = field(default_factory=dict)
    running: dict[int, Running] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)

    def kill(self) -> None:
        """Everything in memory is gone."""
        self.is_alive, self.frozen = False, False
        self.incarnation += 1
        self.generation, self.renewed_s, self.contact = -1, -1e9, BrokerContact()
        self.owners, self.positions, self.running = {}, {}, {}

    def step(self, at_s: float) -> None:
        if not self.is_alive or self.frozen or at_s < self.next_step_s:
            return
        self.next_step_s = at_s + self.step_every_s
        moment = self.moment(at_s)
        for owner in list(self.owners.values()):
            if self.owners.get(owner.number) is not owner:
                continue  # given up meanwhile
            try:
                self.drive(owner, moment)
            except (Fenced, Unavailable) as error:
                self.drop(owner, str(error))
        self.execute(moment)
        self.meet_group(moment)
        for owner in self.owners.values():
            self.fetch(owner, self.moment(at_s))

    def moment(self, at_s: float) -> Moment:
        steady_s = self.boot_s + at_s
        lease_s = self.broker.group.session_s - LEASE_MARGIN_S
        reachable = self.broker.up and not self.is_cut_off
        if reachable:
            self.contact.heard(steady_s)
        return Moment(
            at_s, steady_s, T + at_s + self.wall_step_s, reachable, steady_s - self.renewed_s < lease_s,
            reachable and not self.hangs, Contact.of(self.contact.since_s, self.contact.gaps),
        )

    def drive(self, owner: Owner, moment: Moment) -> None:
        owner.observe(moment)
        for topic, answer in list(owner.inflight.items()):
            del owner.inflight[topic]
            owner.receive(topic, answer, moment)
        self.read_topics(owner, moment)
        owner.observe(moment)
        if owner.blocked is not None:
            owner.unblock(moment)
        else:
            owner.tick_if_due(moment)

    def read_topics(self, owner: Owner, moment: Moment) -> None:
        """Control, incidents of other shards, and once after the take-over the open incidents of this one."""
        if not moment.reachable or owner.feed.is_repeating:
            return
        control, _ = self.broker.partition(CONTROL, 0).read(0, 10**6)
        owner.add_directives([each for _, each in control])  # type: ignore[misc]
        if owner.is_opened and not owner.is_reconciled:
            owner.is_reconciled = True
            for number in range(self.broker.shards):
                last: dict[str, Published] = {}
                for _, each in self.broker.partition(INCIDENTS, number).read(0, 10**6)[0]:
                    assert isinstance(each, Published)
                    last[each.change.incident.id] = each
                opened = [each.change.incident for each in last.values() if each.change.incident.state != "resolved"]
                if number == owner.number:
                    owner.add_lost(opened)
                else:
                    owner.add_incidents(opened)

    def drop(self, owner: Owner, reason: str) -> None:
        """A producer that was fenced or failed: give everything up and join again."""
        self.dropped.append(reason)
        self.owners.pop(owner.number, None)
        self.give_up()

    def give_up(self) -> None:
        self.owners, self.positions, self.running = {}, {}, {}
        self.generation, self.renewed_s = -1, -1e9

    def meet_group(self, moment: Moment) -> None:
        """A heartbeat; in a rebalance: hand over, join, and take over what is assigned."""
        if not moment.reachable:
            return
        group = self.broker.group
        if self.generation >= 0 and group.heartbeat(self.number, self.generation, moment.at_s):
            self.renewed_s = moment.steady_s
            return
        if self.generation >= 0:
            for owner in list(self.owners.values()):
                try:
                    owner.settle(moment)
                except (Fenced, Unavailable) as error:
                    self.dropped.append(str(error))
            self.give_up()
        known = group.members.get(self.number)
        if known is None or (group.rebalancing_since_s is not None and not known.joined):
            group.join(self.number, moment.at_s)
            return
        if group.rebalancing_since_s is None:
            known.heard_s = moment.at_s
            self.generation, self.renewed_s = group.generation, moment.steady_s
            for shard, member in group.assignment.items():
                if member == self.number:
                    self.take_over(shard, self.moment(moment.at_s))
        else:
            known.heard_s = moment.at_s

    def take_over(self, shard: int, moment: Moment) -> None:
        self.owners[shard] = Owner(self.broker, self.plan, shard, moment)
        self.positions[shard] = self.broker.committed.get((ACTIONS, shard), 0)
        for key, claim in self.broker.ledger.items():
            if claim.number == shard and claim.outcome is None and claim.by != self.me:
                outcome = outcome_of(claim.intent, "interrupted", moment.wall_s)
                self.broker.ledger[key] = replace(claim, outcome=outcome)
                self.write_outcome(outcome, claim.shard)

    @property
    def me(self) -> tuple[int, int]:
        return self.number, self.incarnation

    def fetch(self, owner: Owner, moment: Moment) -> None:
        """Ask for what follows; the answer is processed at the next step."""
        if not moment.reachable:
            return
        for topic, sight in owner.sights.items():
            if topic in owner.inflight:
                continue
            partition = self.broker.partition(topic, owner.number)
            found, position = partition.read(sight.position, FETCH_LIMIT)
            records = [FakeRecord(value, at, topic, owner.number) for at, value in found if isinstance(value, bytes)]
            owner.inflight[topic] = Answer(moment.steady_s, records, position, partition.end)

    # The executor.

    def execute(self, moment: Moment) -> None:
        for number in list(self.positions):
            running = self.running.get(number)
            if running is not None:
                if moment.at_s >= running.done_s and moment.reachable:
                    self.finish(number, running)
            elif moment.holds_lease and moment.reachable:
                self.claim_next(number, moment)

    def claim_next(self, number: int, moment: Moment) -> None:
        found, _ = self.broker.partition(ACTIONS, number).read(self.positions[number], 1)
        if not found:
            return
        (offset, value), = found
        assert isinstance(value, tuple)
        shard, intent = value
        self.running[number] = Running(
            offset, shard, self.run(number, shard, intent, moment), moment.at_s + self.rng.choice((0.0, 0.4, 1.5)),
        )

    def run(self, number: int, shard: int, intent: Intent, moment: Moment) -> Outcome:
        """Claim and call; see `actions.executor`."""
        ledger = self.broker.ledger
        earlier = ledger.get(intent.key)
        if earlier is not None and earlier.outcome is not None:
            return replace(outcome_of(intent, "duplicate", moment.wall_s), data={
                "earlier_status": earlier.outcome.status, "earlier_at_s": earlier.outcome.done_at_s,
            })
        if earlier is not None:
            return outcome_of(intent, "interrupted", moment.wall_s)
        if moment.wall_s >= intent.expires_at_s:
            return outcome_of(intent, "expired", moment.wall_s)
        if intent.mode != "auto":
            return outcome_of(intent, "suggested", moment.wall_s)
        ledger[intent.key] = Claim(self.me, number, shard, intent)
        return outcome_of(intent, self.gateway.call(moment.at_s, intent), moment.wall_s)

    def finish(self, number: int, running: Running) -> None:
        """The outcome is acknowledged before the offset is released."""
        outcome = running.outcome
        claim = self.broker.ledger.get(outcome.key)
        if claim is not None and claim.outcome is None and outcome.status != "duplicate":
            self.broker.ledger[outcome.key] = replace(claim, outcome=outcome)
        self.write_outcome(outcome, running.shard)
        del self.running[number]
        self.positions[number] = running.offset + 1
        if self.broker.group.generation == self.generation:
            self.broker.committed[ACTIONS, number] = running.offset + 1

    def write_outcome(self, outcome: Outcome, shard: int) -> None:
        value = outcome_message(outcome, "simulated", shard).value
        assert value is not None
        self.broker.append([Written(OUTCOMES, shard, value)])


def outcome_of(intent: Intent, status: Status, done_at_s: float) -> Outcome:
    return Outcome(
        intent.key, intent.incident_id, intent.kind, intent.target, intent.mode, status, "simulated",
        intent.decided_at_s, done_at_s, intent.undo,
    )
