"""The three roles over a simulated clock, without a broker: a shard, the desk of requests, an executor and a gateway.

Detection, triage, playbooks, desk, limits, ledger and keeper are the real ones. What the topics would carry goes from
one to the next at once; the clock moves by `STEP_S`. Crash: `lose_worker` forgets the shard and all of its state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from actions.approvals.desk import Desk
from actions.base import Action
from actions.executor import Executor
from actions.hooks import Hooks
from actions.ledger.ledger import MemoryLedger
from actions.limits import LimitParams
from actions.model import Decision, DecisionVerb, Intent, Outcome
from actions.playbooks.playbook import Playbook
from actions.remedies.incidents import KnownIncidents
from actions.trust.approvals import ApprovalCheck
from actions.trust.decisions import sign_decision
from actions.trust.gate import Gate
from actions.trust.keys import KeyRing, PublicKey, Signer
from actions.trust.people import Directory, Member
from classifiers.by_hand import Decide
from classifiers.model import Incident
from config import load
from streams.contracts.ticks import Tick
from streams.drill.simulated_fleet import PER_S, START_S, Latency, SimulatedFleet, healthy
from streams.drill.simulated_gateway import Gateway, GatewayAction, NotifyAction
from streams.pipeline import Products, Shard
from streams.planning import plan_of
from streams.replay.record_clock import RecordClock
from streams.replay.replay import ReplayRecord

INPUT, OUTCOMES = "requests", "outcomes"
SOURCE = "/tocsin/drill"
STEP_S = 0.5
APPROVER, RESPONDER = "anna", "ben"


class SimulatedInstallation:
    """One service with its replicas, watched and acted on. limits: of the executor and the policy. probes: whether the
    gateway lets a share of the traffic through to a breaker that is half open; without it, that is all of it.

    After `play`: incidents has the last state of each, in order of opening; intents, outcomes, requests every one;
    audit the events of the shard and the desk, by subject.
    """

    def __init__(
        self, playbooks: Sequence[Playbook], replicas: Sequence[str] = ("r0", "r1", "r2", "r3"),
        limits: LimitParams | None = None, *, probes: bool = True,
    ) -> None:
        plan = plan_of(load(None, {}))
        decisions = replace(plan.decisions, playbooks=tuple(playbooks), limits=limits or plan.decisions.limits)
        future = replace(plan.validation_limits, max_future_s=float("inf"))
        self._plan = replace(plan, sources={INPUT: True}, decisions=decisions, validation_limits=future)
        self.now_s = 0.0
        self.gateway, self.fleet = Gateway(), SimulatedFleet(replicas)
        self.incidents: dict[str, Incident] = {}
        self.intents: list[tuple[float, Intent]] = []
        self.outcomes: list[tuple[float, Outcome]] = []
        self.notices: list[tuple[float, Outcome]] = []
        self._unread: list[Outcome] = []
        self.audit: list[tuple[str, str]] = []
        self._sent = 0
        self._clock: RecordClock | None = RecordClock(Shard(self._plan))
        self._people = {name: Signer(f"{name}-1", Ed25519PrivateKey.generate()) for name in (APPROVER, RESPONDER)}
        self._approvals = self._check()
        self.desk = Desk(self._approvals)
        self.directives: list[tuple[Decide, float]] = []
        self.known, self.ledger = KnownIncidents(), MemoryLedger()
        self._probes = probes
        self.executor = self._new_executor()

    def epoch_s(self) -> float:
        """The simulated clock, seconds since the epoch."""
        return START_S + self.now_s

    async def play(self, seconds: float, latency: Latency = healthy, per_s: int = PER_S) -> None:
        """Let time pass with requests."""
        for _ in range(round(seconds / STEP_S)):
            values = self.fleet.requests(self.now_s, self.now_s + STEP_S, latency, per_s)
            self.now_s += STEP_S
            if self._clock is not None and values:
                records = [ReplayRecord(self._sent + at, value, INPUT) for at, value in enumerate(values)]
                self._sent += len(values)
                await self._read(self._clock, records)
            await self._settle()

    async def wait(self, seconds: float) -> None:
        """Let time pass in which no worker watches."""
        for _ in range(round(seconds / STEP_S)):
            self.now_s += STEP_S
            await self._settle()

    def lose_worker(self) -> None:
        """The worker is killed, and its snapshot is gone."""
        self._clock = None

    async def start_worker(self) -> None:
        """A worker with an empty state. It finds open incidents in their topic that it does not know."""
        self._clock = RecordClock(Shard(self._plan))
        lost = tuple(one for one in self.incidents.values() if one.state != "resolved")
        await self._take(self._clock.shard.apply_tick(Tick(1, self.epoch_s(), {}, lost=lost)))

    async def decide(self, intent: Intent, who: str, verb: DecisionVerb) -> None:
        """A person decides about a request with the own key."""
        signed: Decision = sign_decision(intent, who, verb, "cli", self.epoch_s(), SOURCE, self._people[who])
        directive = Decide(
            intent.key, intent.digest or "", verb, who, signed.at_s, SOURCE, signed.signed_by, signed.signature,
        )
        self.directives.append((directive, self.epoch_s()))
        self.desk.add_by_hand(directive, self.epoch_s())
        await self._settle()

    def statuses(self, kind: str) -> list[str]:
        """The status of each outcome of a kind of action, in order."""
        return [outcome.status for _, outcome in self.outcomes if outcome.kind == kind]

    def pages(self) -> list[tuple[float, str]]:
        """When people were paged, and about what: notices of the playbook for `page`, and those of the executor."""
        own = [(at_s, str(one.data["page"])) for at_s, one in self.notices if one.data.get("page")]
        told = [
            (at_s, one.step_id or "") for at_s, one in self.intents
            if one.kind == "notify" and "page" in str(one.params.get("audiences")).split(",")
        ]
        return sorted([*own, *told])

    async def _read(self, clock: RecordClock, records: list[ReplayRecord]) -> None:
        """The shard reads records."""
        for products in clock.ingest(INPUT, records):
            await self._take(products)

    async def _act(self, intent: Intent) -> None:
        """The executor gets an intent."""
        await self._answer(await self.executor.execute(intent, 0))

    async def _settle(self) -> None:
        """All that time alone makes due."""
        self.known.saw(self.epoch_s())
        for remedy in self.ledger.remedies():
            await self.executor.keeper.handle(remedy.kind, remedy.target)
        unread, self._unread = self._unread, []
        if self._clock is not None and unread:
            await self._take(self._clock.answer(OUTCOMES, unread))
        for change in self.desk.changes(self.epoch_s(), lambda *_: True):
            self.desk.record(change.request)
            self.audit.append((change.request.key, change.entry.event))
            if change.outcome is not None:
                await self._answer(change.outcome)
        for entry in self.desk.refused(lambda *_: True):
            self.audit.append((entry.subject, entry.event))

    async def _take(self, products: Products) -> None:
        for transition in products.transitions:
            incident = transition.incident
            self.incidents[incident.id] = incident
            self.known.observe(incident, self.epoch_s())
            self.desk.add_incident(incident, self.epoch_s())
        self.audit += [(entry.subject, entry.event) for entry in products.audit]
        for intent in products.intents:
            self.intents.append((self.now_s, intent))
            self.desk.add_intent(intent, 0)
            await self._act(intent)

    async def _answer(self, outcome: Outcome) -> None:
        self.outcomes.append((self.now_s, outcome))
        if self._clock is not None:
            await self._take(self._clock.answer(OUTCOMES, [outcome]))

    async def _note(self, outcome: Outcome, _: int | None) -> None:
        self.notices.append((self.now_s, outcome))
        self._unread.append(outcome)

    def _new_executor(self) -> Executor:
        actions: dict[str, Action] = {
            "circuit_breaker": GatewayAction("circuit_breaker", self.gateway, self._probes),
            "throttle": GatewayAction("throttle", self.gateway), "notify": NotifyAction(),
        }
        hooks = Hooks(forbids=Gate(None, self._approvals).refusal, report=self._note)
        return Executor(actions, self.ledger, self._plan.decisions.limits, self.epoch_s, False, hooks, self.known)

    def _check(self) -> ApprovalCheck:
        members = [
            Member(APPROVER, frozenset({"approver"})), Member(RESPONDER, frozenset({"responder"})),
        ]
        ring = KeyRing([
            PublicKey(key.id, key.private.public_key(), frozenset({"person"}), person=name)
            for name, key in self._people.items()
        ])
        return ApprovalCheck(Directory(members, lambda _: ()), ring, SOURCE)
